import { clampLimit, type ServerLimits } from "./limits.ts";
import { transportOf } from "./transport.ts";
import type { BunWebSocketHandler } from "./types.ts";

/** What a server's `websocket` object needs. */
export interface BunHandlerOptions {
  /** Bytes of one received message, or `Infinity`. */
  readonly readLimit: number;
  /** Bytes that may wait for one slow peer, or `Infinity`. */
  readonly writeLimit: number;
  /** Whether permessage-deflate is offered. */
  readonly compression: boolean;
}

/**
 * The `websocket` object of a `Bun.serve`. It holds no connections: each one is
 * found by `ws.data`, whichever Upgrader made it.
 *
 * @param options The limits
 * @returns The object
 */
export function bunHandler(options: BunHandlerOptions): BunWebSocketHandler {
  const limits: ServerLimits = {
    readLimit: clampLimit(options.readLimit),
    writeLimit: clampLimit(options.writeLimit),
  };
  return {
    maxPayloadLength: limits.readLimit,
    backpressureLimit: limits.writeLimit,
    perMessageDeflate: options.compression,
    idleTimeout: 0,
    sendPings: false,
    open(ws) {
      // A socket that the user upgraded without an Upgrader has no connection.
      const transport = transportOf(ws);
      if (transport === undefined) ws.close(1011);
      else transport.opened(ws, limits);
    },
    message: (ws, message) => transportOf(ws)?.message(message),
    ping: (ws, data) => transportOf(ws)?.pinged(data),
    pong: (ws, data) => transportOf(ws)?.ponged(data),
    drain: (ws) => transportOf(ws)?.drained(),
    close: (ws, code, reason) => transportOf(ws)?.closed(code, reason),
    // Without this, anything thrown above would end the process.
    error: (_error, ws) => transportOf(ws)?.fail(1011, ""),
  };
}
