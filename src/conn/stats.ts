/** What has gone through a connection in one direction. */
export interface Traffic {
  /** Whole messages, text and binary. */
  readonly messages: number;
  /**
   * Bytes of their payloads, inflated, those of unfinished messages included.
   */
  readonly bytes: number;
  /**
   * Bytes on the wire, as they were compressed, with the frames' headers and
   * control frames; below TLS, and without the handshake. `undefined` on native
   * engines, which do not show them.
   */
  readonly wireBytes: number | undefined;
}

/** What a connection has done so far: a copy, which does not change. */
export interface ConnStats {
  /** When the connection was made, from which everything counts. */
  readonly since: Date;
  /**
   * The last round trip of a ping, in milliseconds: of `ping()` or `keepAlive`;
   * `undefined` if there was none, and always on the native engine on Deno.
   */
  readonly roundTrip: number | undefined;
  /** What has come, whether or not it has been read. */
  readonly received: Traffic;
  /** What has been handed over to be sent. */
  readonly sent: Traffic;
}
