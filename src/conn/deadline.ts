import { nameOf } from "../base/user_values.ts";

// The longest delay that setTimeout takes, in milliseconds: 24 days.
const MAX_DELAY = 2 ** 31 - 1;

/** Milliseconds from now to a date; throws if it is none, or invalid. */
export function timeLeft(at: Date, action: string): number {
  // By its shape, as another realm's will do.
  if (typeof (at as Date | null | undefined)?.getTime !== "function") {
    throw new TypeError(
      `Cannot ${action}: the deadline must be a Date, got ${nameOf(at)}`,
    );
  }
  const left = at.getTime() - Date.now();
  if (Number.isNaN(left)) {
    throw new RangeError(`Cannot ${action}: invalid date`);
  }
  return left;
}

/** The delay for a timer, capped at the longest one possible. */
export function timerDelay(left: number): number {
  return Math.min(Math.max(0, Math.ceil(left)), MAX_DELAY);
}

/**
 * A point in time at which waiting ends. Its timer runs only while something
 * waits, so that a deadline alone does not keep the process alive.
 */
export class Deadline {
  readonly #what: string;
  readonly #expire: (error: DOMException) => void;
  #at = Infinity; // by `performance.now()`
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
    return this.#at !== Infinity && this.#at <= performance.now();
  }

  /**
   * Sets the point in time; `null` removes it. The system's clock is read only
   * here, so later changes of the clock have no effect.
   */
  set(at: Date | null): void {
    const left = at === null
      ? Infinity
      : timeLeft(at, `set ${this.#what} deadline`);
    this.#at = performance.now() + left;
    this.#arm();
  }

  /** Says whether something waits. */
  wait(waiting: boolean): void {
    if (this.#waiting === waiting) return;
    this.#waiting = waiting;
    if (this.#at !== Infinity) this.#arm();
  }

  /** The error of a wait that reaches the deadline. */
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
    const delay = timerDelay(this.#at - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.expired) this.#expire(this.error());
      else this.#arm();
    }, delay);
  }
}
