/** What servers and clients tell a connection, and ask of it; pages do neither. */

import type { Addr } from "../transport/transport.ts";
import { channels } from "./channels.ts";
import { type Conn, insideOf } from "./conn.ts";
import type { ConnOwner, Core } from "./core.ts";

/** Where a server's connection comes from. */
export interface Origin {
  readonly clientAddr: Addr | undefined;
  readonly request: Request;
  /** Called when the connection is over. */
  readonly leave: (() => void) | undefined;
}

// What a connection has inside is its core.
function coreOf(conn: Conn): Core {
  return insideOf(conn) as Core;
}

/** Whether an error only says that the peer closed the connection, or has gone. */
export function isEndOf(conn: Conn, error: unknown): boolean {
  return coreOf(conn).ending.isEnd(error);
}

/**
 * Gives a connection to its owner, which is told of its end, and what
 * `authorize` has handed over to the connection. Cheaper than `conn.closed`: it
 * takes neither a promise nor a closure.
 */
export function giveTo(conn: Conn, owner: ConnOwner, data: unknown): void {
  const core = coreOf(conn);
  core.data = data;
  if (core.ending.state === "closed") {
    owner.ended(conn);
    return;
  }
  core.owner = owner;
  core.conn = conn;
}

/**
 * Tells whoever has subscribed that a connection is open, before its user has
 * it, and the connection where it comes from.
 */
export function opened(conn: Conn, origin?: Origin): void {
  const core = coreOf(conn);
  if (core.ending.state === "closed") return origin?.leave?.();
  core.conn = conn;
  // Requests are large: none is kept for nobody.
  core.told = channels.close.hasSubscribers && origin?.request || true;
  core.leave = origin?.leave;
  const clientAddr = origin?.clientAddr;
  if (clientAddr !== core.transport.remoteAddr) core.clientAddr = clientAddr;
  if (channels.open.hasSubscribers) {
    channels.open.publish({ conn, request: origin?.request });
  }
}
