import type { Duplex } from "node:stream";

import { nativeRuntime } from "../detect.ts";

// What a TLS socket of Deno stands on: the handle of TCP below its own.
interface TLSParts {
  readonly _handle?: {
    readonly _parent?: { readStart?(): void; readStop?(): void } | null;
  } | null;
}

const needed: boolean = nativeRuntime() === "deno";

/**
 * Stops what a paused socket stands on. A paused TLS socket of Deno goes on
 * reading and deciphering, as fast as its peer sends and without a bound; where
 * that is not so, nothing is done.
 *
 * @param socket The socket, TLS or not
 */
export function stopBeneath(socket: Duplex): void {
  if (needed) (socket as TLSParts)._handle?._parent?.readStop?.();
}

/**
 * Lets what a socket stands on read again.
 *
 * @param socket The socket, TLS or not
 */
export function startBeneath(socket: Duplex): void {
  if (needed) (socket as TLSParts)._handle?._parent?.readStart?.();
}

/**
 * Lets a socket take writes of nothing, as an answer of known length ends with
 * one: a TLS socket of Deno never finishes them, nor what is written after.
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

/** A server's socket of Bun, which can end at once. */
interface BunSocket {
  destroyNow?(): void;
}

/**
 * Destroys a socket, whatever its peer does. A TLS socket of Bun's servers
 * stays open otherwise until there is room for its goodbye, which a peer that
 * reads nothing never makes; where that is not so, it is `destroy()`.
 *
 * @param socket The socket
 */
export function cut(socket: Duplex & BunSocket): void {
  if (socket.destroyNow === undefined) socket.destroy();
  else socket.destroyNow();
}
