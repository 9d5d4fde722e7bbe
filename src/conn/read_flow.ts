import type { Transport } from "../transport/transport.ts";

/** Why the peer is stopped, as a set of bits. */
type Reasons = number;
const FULL: Reasons = 1; // too much is unread
const HELD: Reasons = 2; // too many handlers are pending

/**
 * What happens to messages that come:
 *
 * - `open`: they are kept for the reader, and the peer is stopped when there is
 *   enough;
 * - `closing`: the closing handshake has begun, the peer's close frame must get
 *   through, and nobody has read since;
 * - `reading`: somebody keeps reading while it closes, and gets all of them;
 * - `dropping`: nobody does, and they are dropped.
 */
type Mode = "open" | "closing" | "reading" | "dropping";

/** Stops and starts the peer, so that unread messages stay bounded. */
export class ReadFlow {
  readonly #transport: Transport;
  #reasons: Reasons = 0;
  readonly #onStopped: ((stopped: boolean) => void) | undefined;
  #mode: Mode = "open";

  constructor(
    transport: Transport,
    onStopped?: (stopped: boolean) => void,
  ) {
    this.#transport = transport;
    this.#onStopped = onStopped;
  }

  /** Whether the peer is stopped. */
  get paused(): boolean {
    if (this.#mode === "dropping") return false;
    const counted = this.#mode === "open" ? FULL | HELD : FULL;
    return (this.#reasons & counted) !== 0;
  }

  /** Whether messages that come are dropped. */
  get drops(): boolean {
    return this.#mode === "dropping";
  }

  /** The closing handshake has begun. */
  close(): void {
    if (this.#mode === "open") this.#set(this.#reasons, "closing");
  }

  /** Somebody reads: nothing must be dropped. */
  read(): void {
    if (this.#mode === "closing") this.#mode = "reading";
  }

  /** Nobody will read. */
  drop(): void {
    this.#set(this.#reasons, "dropping");
  }

  /** Stops the peer for the handlers' sake, or lets it go on. */
  hold(held: boolean): void {
    const others = this.#reasons & ~HELD;
    this.#set(held ? others | HELD : others, this.#mode);
  }

  /**
   * Says whether too much is unread; returns whether messages are dropped from
   * now on.
   */
  balance(full: boolean): boolean {
    const others = this.#reasons & ~FULL;
    const drop = full && this.#mode === "closing";
    this.#set(full ? others | FULL : others, drop ? "dropping" : this.#mode);
    return drop;
  }

  #set(reasons: Reasons, mode: Mode): void {
    const before = this.paused;
    this.#reasons = reasons;
    this.#mode = mode;
    if (this.paused === before) return;
    // Before what resuming brings at once.
    this.#onStopped?.(!before);
    if (before) this.#transport.resume();
    else this.#transport.pause();
  }
}
