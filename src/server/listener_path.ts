/** Which upgrades of a `node:http` server a listener answers. */

import type { HandshakeError } from "../peer_errors.ts";
import { refusalOf } from "../handshake/refusal.ts";
import { isClaimed, leave, listenersOf } from "../runtime/sockets/claim.ts";
import {
  type AnyMessage,
  isHttp2,
  requestOf,
} from "../runtime/http/http2_request.ts";
import type { Duplex } from "../runtime/sockets/types.ts";
import { type Endpoint, type Found, unknownAt } from "./endpoint.ts";

/** What a listener does with an upgrade: leave it to others, or answer it. */
export type Verdict<Data> = "leave" | {
  /** Who gets it. */
  readonly found?: Found<Data> | undefined;
  /** Why it is refused; `undefined` if it is not, or is malformed. */
  readonly error?: HandshakeError | undefined;
};

/**
 * Decides whether an upgrade is a listener's. One that is not is left to the
 * other listeners; the last listener that might answer it refuses it, so that
 * no socket waits forever.
 *
 * @param endpoint What is the listener's
 * @param report Called with what the user's function throws
 * @param server What the listener was called on
 * @param message The upgrade request
 * @param socket Its socket or stream
 * @returns The decision
 */
export function verdictOn<Data>(
  endpoint: Endpoint<Data>,
  report: (error: unknown) => void,
  server: unknown,
  message: AnyMessage,
  socket: Duplex,
): Verdict<Data> {
  const request = requestOf(message, socket);
  try {
    const found = request && endpoint.find(request);
    if (found !== undefined) return { found };
  } catch (error) {
    report(error);
    return { error: refusalOf(500, "the function path failed", error) };
  }
  const event = isHttp2(message) ? "connect" : "upgrade";
  if (isClaimed(socket) || leave(socket) < listenersOf(server, event)) {
    return "leave";
  }
  // A malformed request has no URL; it is answered with 400.
  return { error: request && unknownAt(request) };
}
