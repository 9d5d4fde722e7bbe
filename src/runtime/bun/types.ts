/** The part of Bun's `Server` that the upgrade needs. */
export interface BunServer {
  /** Upgrades the request; false if it cannot be upgraded. */
  // deno-lint-ignore no-explicit-any -- Bun's type depends on the user's data
  upgrade(request: Request, options?: any): boolean;
  /** The peer's address. */
  requestIP(
    request: Request,
  ): { address: string; family: "IPv4" | "IPv6"; port: number } | null;
}

/** The part of Bun's `ServerWebSocket` that the native engine needs. */
export interface BunWebSocket {
  /** What was passed to `server.upgrade()`. */
  readonly data: unknown;
  /** 1 when open. */
  readonly readyState: number;
  /** What binary messages come as. */
  binaryType?: string | undefined;
  /** Bytes sent; -1 if they wait, 0 if they were dropped. */
  send(data: string | Uint8Array<ArrayBuffer>, compress?: boolean): number;
  /** Writes at once what is sent while it runs. */
  cork(run: () => void): void;
  /** As `send`. */
  ping(data: Uint8Array<ArrayBuffer>): number;
  /** As `send`. */
  pong(data: Uint8Array<ArrayBuffer>): number;
  /** Sends a close frame and ends the connection. */
  close(code?: number, reason?: string): void;
  /** Cuts the connection. */
  terminate(): void;
  /** Stops reading. */
  pause(): void;
  /** Reads again after `pause`. */
  resume(): void;
  /** Bytes that wait to be sent. */
  getBufferedAmount(): number;
}

/**
 * The `websocket` option of `Bun.serve`: one object for all connections of a
 * server. Its limits are those of the Upgrader that made it.
 */
export interface BunWebSocketHandler {
  /** The most bytes of a received message: the Upgrader's `readLimit`. */
  readonly maxPayloadLength: number;
  /** Bytes that may wait for a slow peer: the Upgrader's `writeLimit`. */
  readonly backpressureLimit: number;
  /**
   * Whether permessage-deflate is offered: the Upgrader's `enableCompression`.
   */
  readonly perMessageDeflate: boolean;
  /** 0, which is off: the Upgrader's `keepAlive` does this better. */
  readonly idleTimeout: number;
  /** False, for the same reason. */
  readonly sendPings: boolean;
  /** A connection is open. */
  open(ws: BunWebSocket): void;
  /** A message has come. */
  message(ws: BunWebSocket, message: string | Uint8Array<ArrayBuffer>): void;
  /** A ping has come; Bun has answered it. */
  ping(ws: BunWebSocket, data: Uint8Array): void;
  /** A pong has come. */
  pong(ws: BunWebSocket, data: Uint8Array): void;
  /** A slow peer has taken some of what waits. */
  drain(ws: BunWebSocket): void;
  /** The connection is over. */
  close(ws: BunWebSocket, code: number, reason: string): void;
  /** One of the handlers above has thrown. */
  error(error: Error, ws: BunWebSocket): void;
}
