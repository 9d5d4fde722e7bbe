/**
 * Where a connection stands, in each direction, from its opening handshake to
 * the end of its stream (RFC 6455, section 7.1). No other class keeps any part
 * of this.
 *
 * | event           | sending                    | receiving             |
 * | --------------- | -------------------------- | --------------------- |
 * | `closeQueued`   | open → closing             |                       |
 * | `closeSent`     | open, closing → closeSent  |                       |
 * | `closeWritten`  | closeSent → closeWritten   |                       |
 * | `streamEnded`   | closeWritten → ended       |                       |
 * | `cut`           | any → cut                  |                       |
 * | `closeReceived` |                            | open → closeReceived  |
 * | `fail`          |                            | any but over → failed |
 * | `peerEnded`     |                            | closeReceived → ended |
 * | `over`          | any → cut                  | any → over            |
 *
 * A state that a row does not name does not change.
 */

/** How far this side has come. */
export type Sending =
  | "open"
  | "closing"
  | "closeSent"
  | "closeWritten"
  | "ended"
  | "cut";

/** How far the peer has come. */
export type Receiving =
  | "open"
  | "closeReceived"
  | "failed"
  | "ended"
  | "over";

/** Where a connection stands: the state, what changes it, and what follows. */
export class ConnectionState {
  #sending: Sending = "open";
  #receiving: Receiving = "open";

  /** How far this side has come. */
  get sending(): Sending {
    return this.#sending;
  }

  /** How far the peer has come. */
  get receiving(): Receiving {
    return this.#receiving;
  }

  /**
   * Whether data frames may be sent. After the peer's close frame they still
   * may: a message that has begun can be finished (RFC 6455, section 5.5.1).
   */
  get maySendData(): boolean {
    return this.maySendClose && this.#receiving !== "failed";
  }

  /** Whether a ping or a pong may be sent: not while the close frame waits. */
  get maySendControl(): boolean {
    return this.#sending === "open" && this.#receiving !== "failed";
  }

  /** Whether a close frame may be sent: only one, but even after a failure. */
  get maySendClose(): boolean {
    return this.#sending === "open" || this.#sending === "closing";
  }

  /** Whether bytes may be written: up to the end of the close frame. */
  get mayWrite(): boolean {
    return this.maySendClose || this.#sending === "closeSent";
  }

  /**
   * Whether no message will be delivered any more, not even one that has begun.
   */
  get isFailed(): boolean {
    return this.#receiving === "failed" || this.#receiving === "over";
  }

  /** Whether the peer has sent all that it will. */
  get isPeerDone(): boolean {
    return this.#receiving === "ended" || this.#receiving === "over";
  }

  /**
   * Whether the stream should be ended: both close frames have been sent, or
   * the connection has failed. The server ends TCP first, and a client waits
   * for that (RFC 6455, section 7.1.1), unless the client has failed the
   * connection.
   *
   * @param side Which side this is
   */
  mayEndStream(side: "server" | "client"): boolean {
    if (this.#sending !== "closeWritten" || this.#receiving === "open") {
      return false;
    }
    return side === "server" || this.#receiving !== "closeReceived";
  }

  /** Our close frame waits for the data before it. */
  closeQueued(): void {
    if (this.#sending === "open") this.#sending = "closing";
  }

  /** Our close frame has been encoded. */
  closeSent(): void {
    if (this.maySendClose) this.#sending = "closeSent";
  }

  /** The stream has taken our close frame. */
  closeWritten(): void {
    if (this.#sending === "closeSent") this.#sending = "closeWritten";
  }

  /** We have ended the stream: FIN, where it is TCP. */
  streamEnded(): void {
    if (this.#sending === "closeWritten") this.#sending = "ended";
  }

  /** Nothing can be sent any more. */
  cut(): void {
    this.#sending = "cut";
  }

  /** The peer's close frame has come. */
  closeReceived(): void {
    if (this.#receiving === "open") this.#receiving = "closeReceived";
  }

  /** The connection is being failed (section 7.1.7), or has been cut by us. */
  fail(): void {
    if (this.#receiving !== "over") this.#receiving = "failed";
  }

  /**
   * The peer has ended its direction, and everything that came has been
   * delivered. If there was no close frame, the stream must be destroyed, and
   * `over` follows.
   */
  peerEnded(): void {
    if (this.#receiving === "closeReceived") this.#receiving = "ended";
  }

  /** The stream is over in both directions, and that has been reported. */
  over(): void {
    this.#sending = "cut";
    this.#receiving = "over";
  }
}
