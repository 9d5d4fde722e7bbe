// The longest delay that setTimeout takes.
const MAX_DELAY = 2 ** 31 - 1;

/**
 * A point in time after which waiting is over. Its timer runs only while something waits, so that a
 * deadline alone keeps no process alive.
 */
export class Deadline {
  readonly #what: string;
  readonly #expire: (error: DOMException) => void;
  #at = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting = false;

  constructor(what: string, expire: (error: DOMException) => void) {
    this.#what = what;
    this.#expire = expire;
  }

  /** Whether there is a deadline at all. */
  get isSet(): boolean {
    return this.#at !== Infinity;
  }

  /** Whether it has passed. */
  get expired(): boolean {
    return this.#at !== Infinity && this.#at <= Date.now();
  }

  /** Sets the point in time; `null` takes it away. */
  set(at: Date | null): void {
    const time = at === null ? Infinity : at.getTime();
    if (Number.isNaN(time)) {
      throw new RangeError(`Cannot set ${this.#what} deadline: invalid date`);
    }
    this.#at = time;
    this.#arm();
  }

  /** Says whether something waits. */
  wait(waiting: boolean): void {
    if (this.#waiting === waiting) return;
    this.#waiting = waiting;
    if (this.#at !== Infinity) this.#arm();
  }

  /** What a wait that runs into the deadline rejects with. */
  error(): DOMException {
    return new DOMException(
      `Cannot ${this.#what} message: the deadline has passed`,
      "TimeoutError",
    );
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#waiting || this.#at === Infinity) return;
    const delay = Math.min(Math.max(0, this.#at - Date.now()), MAX_DELAY);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.expired) this.#expire(this.error());
      else this.#arm();
    }, delay);
  }
}
