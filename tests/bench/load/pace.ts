import { Histogram } from "./histogram.ts";

/** What is sent, and what of it counts. */
export interface PaceOptions {
  readonly conns: number;
  /** Messages a second, over all connections. */
  readonly rate: number;
  /** How many come before the first that counts. */
  readonly warmup: number;
  /** How many count. */
  readonly count: number;
}

/**
 * An open loop: message `n` goes to connection `n % conns` and is due at
 * `n / rate` seconds, whatever has become of those before it. Its time counts
 * from when it was due: in a loop that waits for the server, a pause of the
 * server delays what would have been sent, and the delay is seen once, not for
 * all who waited.
 *
 * All times that it is told are milliseconds since the start.
 */
export class Pace {
  /** From when a message was due until its answer, of those that count. */
  readonly times: Histogram = new Histogram();
  /** From when a message was due until it was sent, of those that count. */
  readonly late: Histogram = new Histogram();
  readonly #options: PaceOptions;
  /** Of each connection, the message that it answers next. */
  readonly #next: number[];
  #taken = 0;
  #answered = 0;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#next = Array.from({ length: options.conns }, (_, conn) => conn);
  }

  /** Whether the next to be taken is the first that counts. */
  get warm(): boolean {
    return this.#taken === this.#options.warmup;
  }

  /** Whether all have been taken. */
  get over(): boolean {
    return this.#taken === this.#options.warmup + this.#options.count;
  }

  /** Whether all have been answered. */
  get answered(): boolean {
    return this.#answered === this.#options.warmup + this.#options.count;
  }

  /** Takes the next message, if it is due; the connection it goes to. */
  take(now: number): number | undefined {
    const due = this.#due(this.#taken);
    if (this.over || now < due) return undefined;
    const { conns, warmup } = this.#options;
    if (this.#taken >= warmup) this.late.add((now - due) * 1000);
    return this.#taken++ % conns;
  }

  /** Counts answers of a connection. */
  answer(conn: number, count: number, now: number): void {
    const { conns, warmup } = this.#options;
    this.#answered += count;
    for (let i = 0; i < count; i++) {
      const message = this.#next[conn]!;
      this.#next[conn] = message + conns;
      if (message < warmup) continue;
      this.times.add((now - this.#due(message)) * 1000);
    }
  }

  #due(message: number): number {
    return message * 1000 / this.#options.rate;
  }
}
