/** The memory of what sockets bring: whose it is, and how it is given back. */

import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { ByteStream } from "../../transport/byte_stream.ts";
import { nativeRuntime } from "../detect.ts";

// JSC makes the object of a chunk's buffer when it is asked for: a microsecond
// for each chunk, of the seven that an echo takes.
const UNASKED: boolean = nativeRuntime() === "bun";

/**
 * The chunk as its receiver's own. Sockets read into a buffer for each chunk on
 * Deno, Bun and Node; a part of a larger buffer comes from elsewhere.
 *
 * @param socket The socket that it has come from, or any other duplex
 * @param chunk The chunk
 * @returns A plain `Uint8Array` with a buffer to itself
 */
export function owned(
  socket: Duplex,
  chunk: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  if (UNASKED && socket instanceof Socket) {
    return Object.setPrototypeOf(chunk, Uint8Array.prototype);
  }
  const { buffer, byteLength } = chunk;
  return buffer.byteLength === byteLength
    ? new Uint8Array(buffer)
    : new Uint8Array(chunk);
}

// Deno reads each chunk into a buffer of its own, and V8 lets more than 200 MiB
// of them pile up before it collects them; fresh pages cost more than reading.
const RECLAIMS: boolean = nativeRuntime() === "deno";
// Below this, V8 is as quick.
const RECLAIM_FROM = 16_384;

/**
 * What gives a chunk's memory back, if that is worth it for chunks of the socket.
 *
 * @param socket The socket, or any other duplex
 * @returns To be called with a chunk that nothing refers to any more
 */
export function reclaimer(socket: Duplex): ByteStream["free"] {
  return RECLAIMS && socket instanceof Socket ? reclaim : undefined;
}

/** Gives a chunk's memory back now; nothing can use it any more. */
function reclaim(chunk: Uint8Array<ArrayBuffer>): void {
  const { buffer, byteLength } = chunk;
  if (byteLength >= RECLAIM_FROM && byteLength === buffer.byteLength) {
    buffer.transfer(0);
  }
}
