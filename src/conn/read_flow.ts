import type { Transport } from "../transport/transport.ts";

/** Stops and starts the peer, so that what is unread stays bounded. */
export class ReadFlow {
  readonly #transport: Transport;
  #paused = false;
  #closing = false;
  #reading = false; // somebody reads although it is closing

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Whether the peer is stopped. */
  get paused(): boolean {
    return this.#paused;
  }

  /**
   * The closing handshake has begun: the peer's close frame must get through,
   * whether or not anybody reads what stands before it.
   */
  close(): void {
    this.#closing = true;
  }

  /** Somebody reads: nothing is to be dropped. */
  read(): void {
    this.#reading = this.#closing;
  }

  /** Stops or starts the peer; whether what comes is to be dropped instead. */
  balance(full: boolean): boolean {
    const drop = this.#closing && !this.#reading && full;
    const pause = full && !drop;
    if (pause !== this.#paused) {
      this.#paused = pause;
      if (pause) this.#transport.pause();
      else this.#transport.resume();
    }
    return drop;
  }
}
