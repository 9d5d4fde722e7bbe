/** A bucket of tokens: each command takes one, time puts them back. */
export class RateLimit {
  readonly #size: number;
  readonly #perMillisecond: number;
  #tokens: number;
  #filled: number;

  constructor(burst: number, perSecond: number, now: number) {
    this.#size = burst;
    this.#perMillisecond = perSecond / 1_000;
    this.#tokens = burst;
    this.#filled = now;
  }

  /** Takes a token; returns the milliseconds to wait until it is there. */
  take(now: number): number {
    const back = (now - this.#filled) * this.#perMillisecond;
    this.#tokens = Math.min(this.#size, this.#tokens + back) - 1;
    this.#filled = now;
    return Math.max(0, -this.#tokens / this.#perMillisecond);
  }
}
