/** What the watchdog is given. */
export interface Progress {
  /** Numbers, at {@linkcode SLOTS}. */
  readonly memory: SharedArrayBuffer;
  readonly seed: number;
  /** Milliseconds that an input may take. */
  readonly patience: number;
  /** The targets' names. */
  readonly names: readonly string[];
}

/** Where a number stands in the memory: the target, the input, a count. */
export const SLOTS = { target: 0, iteration: 1, beat: 2 } as const;

/** Tells the watchdog how far the fuzzer is. */
export class Watched implements Disposable {
  readonly #slots: Float64Array;
  readonly #worker: Worker;

  /** Starts the watchdog. */
  constructor(seed: number, names: readonly string[], patience = 30_000) {
    const memory = new SharedArrayBuffer(8 * Object.keys(SLOTS).length);
    this.#slots = new Float64Array(memory);
    this.#worker = new Worker(new URL("./watchdog.ts", import.meta.url), {
      type: "module",
    });
    const progress: Progress = { memory, seed, names, patience };
    this.#worker.postMessage(progress);
  }

  /** An input is about to be tried. */
  input(target: number, iteration: number): void {
    this.#slots[SLOTS.target] = target;
    this.#slots[SLOTS.iteration] = iteration;
    this.#slots[SLOTS.beat]!++;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
