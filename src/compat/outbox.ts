import { nextTurn } from "../base/turns.ts";
import type { Conn } from "../conn/conn.ts";
import { Queue } from "../conn/queue.ts";
import { utf8Length } from "./arguments.ts";

/**
 * What `send()` has been given: in its order, also behind a Blob that is still
 * being read, and counted as `bufferedAmount` wants it.
 */
export class Outbox {
  readonly #conn: Conn;
  readonly #failed: (error: unknown) => void;
  readonly #waiting: Queue<string | Uint8Array | Blob> = new Queue();
  #reading = false; // a Blob
  #drained: (() => void) | undefined;
  #unsent = 0; // at most so many bytes have not gone out
  #behind = 0; // of them, those that the connection has not been given
  #fresh = 0; // of them, those of this turn, which count whatever has gone out
  #over = false;

  /**
   * Makes the outbox of a connection.
   *
   * @param conn The connection
   * @param failed Is told of a Blob that cannot be read
   */
  constructor(conn: Conn, failed: (error: unknown) => void) {
    this.#conn = conn;
    this.#failed = failed;
  }

  /** Bytes of messages that have not been given to the network. */
  get amount(): number {
    if (this.#over) return this.#unsent;
    // What the connection counts has headers in it, or is compressed.
    const unsent = Math.max(this.#conn.bufferedAmount, 0) + this.#behind;
    return this.#unsent = Math.min(
      this.#unsent,
      Math.max(unsent, this.#fresh),
    );
  }

  /** Sends a message behind all others. */
  send(data: string | Uint8Array | Blob): void {
    const size = sizeOf(data);
    const before = this.amount;
    this.#unsent = before + size;
    if (this.#fresh === 0) {
      // The amount does not shrink while a script runs.
      nextTurn().then(() => this.#fresh = 0);
      this.#fresh = before;
    }
    this.#fresh += size;
    this.#behind += size;
    this.#waiting.push(data);
    if (!this.#reading) this.#drain();
  }

  /** Runs a function once all has been handed over. */
  whenEmpty(run: () => void): void {
    if (this.#reading) this.#drained = run;
    else run();
  }

  /** The connection is over: what has not gone out stays so. */
  end(): void {
    this.#unsent = this.amount;
    this.#over = true;
    this.#drained = undefined;
  }

  async #drain(): Promise<void> {
    for (;;) {
      const data = this.#waiting.shift();
      if (data === undefined || this.#over) break;
      const size = sizeOf(data);
      let whole: string | Uint8Array;
      if (data instanceof Blob) {
        this.#reading = true;
        try {
          whole = new Uint8Array(await data.arrayBuffer());
        } catch (error) {
          this.#failed(error);
          return;
        }
      } else {
        whole = data;
      }
      if (this.#over) break;
      this.#behind -= size;
      // Its failure is the connection's, which is told.
      this.#conn.send(whole);
    }
    this.#reading = false;
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }
}

/** The bytes of a message. */
export function sizeOf(data: string | Uint8Array | Blob): number {
  return typeof data === "string"
    ? utf8Length(data)
    : data instanceof Blob
    ? data.size
    : data.length;
}
