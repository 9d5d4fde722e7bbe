// Deno's socket tells how much is unsent but not when that changes, so it is
// asked: at first in the next turns of the event loop, which is enough for a
// peer that reads, then ever more seldom.
const TURNS = 4;
const FIRST_DELAY = 1;
const MAX_DELAY = 50;

/** Waits for a socket's buffer to be under its high-water mark. */
export class Drain {
  readonly #buffered: () => number;
  readonly #mark: number;
  #waiting: PromiseWithResolvers<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  /**
   * Waits for nothing yet.
   *
   * @param buffered Tells the bytes in the buffer
   * @param mark The high-water mark
   */
  constructor(buffered: () => number, mark: number) {
    this.#buffered = buffered;
    this.#mark = mark;
  }

  /** A promise of the buffer's being under the mark; `undefined` if it is. */
  wait(): Promise<void> | undefined {
    if (this.#waiting === undefined) {
      if (this.#buffered() <= this.#mark) return undefined;
      this.#waiting = Promise.withResolvers();
      this.#waiting.promise.catch(() => {});
      this.#asked = 0;
      setImmediate(this.#ask);
    }
    return this.#waiting.promise;
  }

  /** Rejects who waits: the buffer will not be emptied. */
  end(reason: unknown): void {
    clearTimeout(this.#timer);
    this.#waiting?.reject(reason);
    this.#waiting = undefined;
  }

  readonly #ask = (): void => {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    if (this.#buffered() <= this.#mark) {
      this.#waiting = undefined;
      waiting.resolve();
    } else if (++this.#asked < TURNS) {
      setImmediate(this.#ask);
    } else {
      this.#timer = setTimeout(
        this.#ask,
        Math.min(FIRST_DELAY * 2 ** (this.#asked - TURNS), MAX_DELAY),
      );
    }
  };
}
