/**
 * How long an input keeps the event loop: the longest of the turns that it takes
 * part in. What the targets do beside, such as asking a slow reference, is not
 * counted.
 */

import process from "node:process";

/** Reads a clock, in milliseconds. */
export type Clock = () => number;

/** What this thread has computed. A machine that stalls does not make it more. */
export function threadClock(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

let current: TurnMeter | undefined;

/** Runs what is none of the library's work. */
export function aside<T>(run: () => T): T {
  const meter = current;
  if (meter === undefined) return run();
  meter.cut();
  try {
    return run();
  } finally {
    meter.skip();
  }
}

/** Measures the turns between `start` and `stop`, one input at a time. */
export class TurnMeter {
  readonly #clock: Clock;
  #last = 0;
  #turn = 0;
  #longest = 0;
  #next: ReturnType<typeof setImmediate> | undefined;

  /** Makes a meter that has a clock: the usual one by default. */
  constructor(clock: Clock = () => performance.now()) {
    this.#clock = clock;
  }

  start(): void {
    current = this;
    this.#turn = this.#longest = 0;
    this.#last = this.#clock();
  }

  /** What is measured goes on in turns to come. */
  follow(): void {
    this.#next = setImmediate(() => {
      this.#endTurn();
      this.follow();
    });
  }

  /** The longest turn, in milliseconds of its clock. */
  stop(): number {
    current = undefined;
    clearImmediate(this.#next);
    this.#endTurn();
    return this.#longest;
  }

  /** The turn goes on behind what is skipped. */
  cut(): void {
    this.#turn += this.#clock() - this.#last;
  }

  skip(): void {
    this.#last = this.#clock();
  }

  #endTurn(): void {
    const now = this.#clock();
    this.#longest = Math.max(this.#longest, this.#turn + now - this.#last);
    this.#turn = 0;
    this.#last = now;
  }
}
