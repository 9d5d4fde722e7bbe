/** What is told of connections to whoever subscribes. */

import { type Channel, channel } from "node:diagnostics_channel";

import type { CloseInfo } from "../close.ts";
import type { HandshakeError } from "../peer_errors.ts";
import type { Conn } from "./conn.ts";

/**
 * What is published on the channels of `node:diagnostics_channel`, by the names
 * of the channels: of servers and clients, on either engine, on Deno, Bun and
 * Node. A message is made only where somebody has subscribed. Subscribers run
 * at once. If one throws, that is an uncaught exception, by the design of
 * `node:diagnostics_channel`: it ends the process unless that has a handler for
 * such exceptions; the connection goes on.
 *
 * @example How long connections last
 * ```ts
 * import { subscribe, unsubscribe } from "node:diagnostics_channel";
 * import { type ChannelMessages, dial, serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const NAME = "silverback.websocket.close";
 * const codes: number[] = [];
 * function closed(message: unknown): void {
 *   const { code, duration } = message as ChannelMessages[typeof NAME];
 *   console.log(`closed with ${code} after ${duration} ms`);
 *   codes.push(code);
 * }
 *
 * subscribe(NAME, closed);
 * {
 *   await using server = await serve((conn) => {
 *     conn.close(4000);
 *   }, { port: 0 });
 *   const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}`);
 *   await conn.closed;
 * }
 * unsubscribe(NAME, closed);
 * assertEquals(codes, [4000, 4000]); // the server's and the client's
 * ```
 */
export interface ChannelMessages {
  /** A connection has been made; its user has not got it yet. */
  "silverback.websocket.open": {
    /** The connection. */
    readonly conn: Conn;
    /** The upgrade request, on a server. */
    readonly request: Request | undefined;
  };
  /** A connection that was told of as open is over. */
  "silverback.websocket.close": CloseInfo & {
    /** The connection. */
    readonly conn: Conn;
    /**
     * The upgrade request, on a server, if somebody had subscribed to this
     * channel when the connection was opened.
     */
    readonly request: Request | undefined;
    /** Milliseconds from its opening on. */
    readonly duration: number;
  };
  /** An upgrade is refused, whatever takes it, and by whatever rule. */
  "silverback.websocket.refused": {
    /** The upgrade request. */
    readonly request: Request;
    /** The HTTP status of the answer. */
    readonly status: number;
    /** Why; where a callback threw, its `cause` is what it threw. */
    readonly error: HandshakeError;
  };
  /**
   * A handler or another callback of a server threw: what `onError` gets, and
   * what callbacks throw where there is no `onError`.
   */
  "silverback.websocket.error": {
    /** What was thrown. */
    readonly error: unknown;
    /** The connection whose handler threw. */
    readonly conn: Conn | undefined;
  };
  /**
   * A pong has come for a ping of `ping()` or of `keepAlive`. Not on the native
   * engine on Deno, which has none.
   */
  "silverback.websocket.ping": {
    /** The connection. */
    readonly conn: Conn;
    /** The round trip, in milliseconds. */
    readonly duration: number;
  };
}

/** A channel; whoever publishes asks for `hasSubscribers` first. */
interface TypedChannel<T> {
  readonly hasSubscribers: boolean;
  publish(message: T): void;
}

function typed<Name extends keyof ChannelMessages>(
  name: Name,
): TypedChannel<ChannelMessages[Name]> {
  return channel(name) as Channel;
}

/** The channels, which last as long as the process. */
export const channels: {
  readonly open: TypedChannel<ChannelMessages["silverback.websocket.open"]>;
  readonly close: TypedChannel<ChannelMessages["silverback.websocket.close"]>;
  readonly refused: TypedChannel<
    ChannelMessages["silverback.websocket.refused"]
  >;
  readonly error: TypedChannel<ChannelMessages["silverback.websocket.error"]>;
  readonly ping: TypedChannel<ChannelMessages["silverback.websocket.ping"]>;
} = {
  open: typed("silverback.websocket.open"),
  close: typed("silverback.websocket.close"),
  refused: typed("silverback.websocket.refused"),
  error: typed("silverback.websocket.error"),
  ping: typed("silverback.websocket.ping"),
};
