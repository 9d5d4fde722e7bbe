/**
 * The memory of the chunks that sockets deliver: who owns it, and how it is
 * freed.
 */

import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { OwnStream } from "../../transport/byte_stream.ts";
import { nativeRuntime } from "../detect.ts";

// JSC makes the object of a chunk's buffer only when it is first read, which
// takes 1 µs for each chunk, of the 7 µs of an echo. So on Bun it is not read.
const LAZY_BUFFERS: boolean = nativeRuntime() === "bun";

/**
 * A chunk that its receiver may keep. On Deno, Bun and Node, sockets read each
 * chunk into a buffer of its own; a part of a larger buffer comes from another
 * kind of stream, and is copied.
 *
 * @param socket The socket that it came from, or any other duplex
 * @param chunk The chunk
 * @returns A plain `Uint8Array` with a buffer to itself
 */
export function owned(
  socket: Duplex,
  chunk: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  if (LAZY_BUFFERS && socket instanceof Socket) {
    return Object.setPrototypeOf(chunk, Uint8Array.prototype);
  }
  const { buffer, byteLength } = chunk;
  return buffer.byteLength === byteLength
    ? new Uint8Array(buffer)
    : new Uint8Array(chunk);
}

// Deno reads each chunk into a new buffer, and V8 lets more than 200 MiB of
// them pile up before it collects them; fresh pages cost more than the reading
// itself.
const RECLAIMS: boolean = nativeRuntime() === "deno";
// To allocate and free a chunk of 64 KiB takes 0.2 of the time that V8 takes to
// collect it; of 4 KiB 0.5, but of 1 KiB 1.2. An echo of 5 to 12 KB of text
// takes 0.9 of the CPU time.
const RECLAIM_FROM = 4096;

/**
 * The function that frees a chunk's memory, if that is worth it for the socket.
 *
 * @param socket The socket, or any other duplex
 * @returns To be called with chunks that nothing refers to any more
 */
export function reclaimer(socket: Duplex): OwnStream["free"] {
  return RECLAIMS && socket instanceof Socket ? reclaim : undefined;
}

/** Frees a chunk's memory now; nothing can use it any more. */
function reclaim(chunk: Uint8Array<ArrayBuffer>): void {
  const { buffer, byteLength } = chunk;
  if (byteLength >= RECLAIM_FROM && byteLength === buffer.byteLength) {
    buffer.transfer(0);
  }
}
