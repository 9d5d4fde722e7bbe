import type { Duplex } from "node:stream";

import { nativeRuntime } from "../detect.ts";

// The internals of a TLS socket: the socket below, and on Deno its TCP handle.
interface TLSParts {
  readonly _parent?: Duplex | null;
  readonly _handle?: {
    readonly _parent?: { readStart?(): void; readStop?(): void } | null;
  } | null;
}

const needed: boolean = nativeRuntime() === "deno";

/**
 * The socket of TCP below one of a server's, which node and Deno keep, and which
 * on Bun is the same.
 *
 * @param socket The socket, TLS or not
 * @returns The socket below, or the same
 */
export function socketBelowTLS(socket: Duplex): Duplex {
  return (socket as TLSParts)._parent ?? socket;
}

/**
 * Pauses the TCP connection below a paused TLS socket. A paused TLS socket of
 * Deno goes on reading and decrypting, as fast as its peer sends and without a
 * limit. On other runtimes, and without TLS, this does nothing.
 *
 * @param socket The socket, TLS or not
 */
export function pauseTCPBelowTLS(socket: Duplex): void {
  if (needed) (socket as TLSParts)._handle?._parent?.readStop?.();
}

/**
 * Resumes the TCP connection below a TLS socket.
 *
 * @param socket The socket, TLS or not
 */
export function resumeTCPBelowTLS(socket: Duplex): void {
  if (needed) (socket as TLSParts)._handle?._parent?.readStart?.();
}

/**
 * Makes a socket accept empty writes, as an answer of known length ends with
 * one: a TLS socket of Deno never finishes them, nor anything written after
 * them.
 *
 * @param socket The socket
 */
export function allowEmptyWrites(socket: Duplex): void {
  if (!needed) return;
  const { write } = socket;
  // deno-lint-ignore no-explicit-any -- the overloads of `write`
  socket.write = (...args: any[]): boolean => {
    if (args[0]?.length !== 0) return Reflect.apply(write, socket, args);
    const done = args.findLast((arg) => typeof arg === "function");
    if (done !== undefined) queueMicrotask(done);
    return !socket.writableNeedDrain;
  };
}

/** A socket of Bun's servers, which can be destroyed at once. */
interface BunSocket {
  destroyNow?(): void;
}

/**
 * Destroys a socket, whatever its peer does. After `destroy()`, a TLS socket of
 * Bun's servers stays open until there is room for its close_notify, which a
 * peer that reads nothing never makes. Everywhere else, this is `destroy()`.
 *
 * @param socket The socket
 */
export function cut(socket: Duplex & BunSocket): void {
  if (socket.destroyNow === undefined) socket.destroy();
  else socket.destroyNow();
}

/**
 * Listens to a socket's errors: Deno leaves a TLS socket open after a broken
 * record, and keeps what its peer sends.
 */
export function cutFailed(this: Duplex): void {
  cut(this);
}
