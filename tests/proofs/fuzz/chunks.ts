import { Random } from "./random.ts";

// Larger than what small payloads are copied to.
const MIN_BUFFER = 5_000;

/**
 * The sizes of the chunks that bytes come in, by one byte of an input: 0 is one
 * chunk, 1 to 127 is that size, above that the sizes vary.
 */
export class Chunking {
  readonly #mode: number;
  readonly #random: Random | undefined;

  constructor(mode: number) {
    this.#mode = mode;
    this.#random = mode < 128 ? undefined : new Random(mode, 0x63_68_75_6e);
  }

  /** The size of the next chunk, where so many bytes are left. */
  next(left: number): number {
    const random = this.#random;
    if (random === undefined) return Math.min(left, this.#mode || left);
    const size = random.oneIn(4) ? 1 + random.below(300) : 1 + random.below(6);
    return Math.min(left, size);
  }

  /**
   * Cuts bytes, into copies that have a buffer each, or into parts of one that
   * is as large as a socket's.
   */
  *cut(bytes: Uint8Array, slices = false): Generator<Uint8Array<ArrayBuffer>> {
    const whole = slices
      ? new Uint8Array(Math.max(MIN_BUFFER, bytes.length))
      : undefined;
    whole?.set(bytes);
    for (let at = 0; at < bytes.length;) {
      const end = at + this.next(bytes.length - at);
      yield whole?.subarray(at, end) ?? new Uint8Array(bytes.subarray(at, end));
      at = end;
    }
  }

  /** In words. */
  toString(): string {
    if (this.#random !== undefined) return `chunks of sizes ${this.#mode}`;
    return this.#mode === 0 ? "whole" : `chunks of ${this.#mode}`;
  }
}

/** A byte for {@linkcode Chunking}: all ways are about as frequent. */
export function chooseChunking(random: Random): number {
  switch (random.below(5)) {
    case 0:
      return 0;
    case 1:
      return 1;
    case 2:
      return 1 + random.below(127);
    default:
      return 128 + random.below(128);
  }
}
