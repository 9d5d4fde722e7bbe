import type { Turn } from "./write_queue.ts";

/**
 * Messages wait while a writer is open: one that was forgotten must not hold
 * them up forever.
 */
export class IdleWatch {
  readonly #limit: number;
  readonly #expire: (error: DOMException) => void;
  #turn: Turn | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(limit: number, expire: (error: DOMException) => void) {
    this.#limit = limit;
    this.#expire = expire;
  }

  /** Watches this writer from now on, or none. */
  watch(turn: Turn | undefined): void {
    if (turn === this.#turn) return;
    this.#turn = turn;
    clearTimeout(this.#timer);
    if (turn !== undefined) this.#wait(turn, this.#limit);
  }

  #wait(turn: Turn, delay: number): void {
    this.#timer = setTimeout(() => {
      const rest = turn.lastWrite + this.#limit - performance.now();
      if (rest > 0) return this.#wait(turn, rest);
      this.#expire(
        new DOMException(
          `Cannot send message: the open writer has written nothing for ${this.#limit} ms while others wait, close or abort it`,
          "TimeoutError",
        ),
      );
    }, delay);
  }
}
