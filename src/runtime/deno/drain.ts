// Deno's socket says how much is unsent, but not when that changes, so we poll:
// at first in the next turns of the event loop, which is enough for a peer that
// reads, then ever more rarely.
const TURNS = 4;
const FIRST_DELAY = 1;
const MAX_DELAY = 50;

/** Waits for a socket's buffer to fall below its high-water mark. */
export class Drain {
  readonly #buffered: () => number;
  readonly #mark: number;
  #waiting: PromiseWithResolvers<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;
  // An upper bound of what is in the buffer, so that we rarely have to ask.
  #atMost = 0;

  /**
   * Makes one that does not wait yet.
   *
   * @param buffered Returns the bytes in the buffer
   * @param mark The high-water mark
   */
  constructor(buffered: () => number, mark: number) {
    this.#buffered = buffered;
    this.#mark = mark;
  }

  /**
   * Waits for the buffer to be down to the mark.
   *
   * @param added The most bytes that were added since the last call
   * @returns A promise, or `undefined` if there is nothing to wait for
   */
  wait(added: number): Promise<void> | undefined {
    this.#atMost += added;
    if (this.#waiting === undefined) {
      if (this.#isDown()) return undefined;
      this.#waiting = Promise.withResolvers();
      this.#waiting.promise.catch(() => {});
      this.#asked = 0;
      setImmediate(this.#ask);
    }
    return this.#waiting.promise;
  }

  /** Rejects the waits: the buffer will not be emptied. */
  end(reason: unknown): void {
    clearTimeout(this.#timer);
    this.#waiting?.reject(reason);
    this.#waiting = undefined;
  }

  readonly #ask = (): void => {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    if (this.#isDown()) {
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

  #isDown(): boolean {
    if (this.#atMost > this.#mark) this.#atMost = this.#buffered();
    return this.#atMost <= this.#mark;
  }
}
