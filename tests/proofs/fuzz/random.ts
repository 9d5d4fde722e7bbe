/**
 * A stream of random numbers that is the same for the same seed, stream and
 * number (Chris Doty-Humphrey's sfc32). Any input of a run can be made again
 * without those before it.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Begins a stream; each argument counts modulo 2^32. */
  constructor(seed: number, stream: number, number = 0) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    // The count goes on past 2^32.
    this.#c = number | 0;
    this.#counter = 1 + Math.floor(number / 0x1_0000_0000) | 0;
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** A number below 2^32. */
  uint32(): number {
    const result = (this.#a + this.#b | 0) + this.#counter | 0;
    this.#counter = this.#counter + 1 | 0;
    this.#a = this.#b ^ this.#b >>> 9;
    this.#b = this.#c + (this.#c << 3) | 0;
    this.#c = (this.#c << 21 | this.#c >>> 11) + result | 0;
    return result >>> 0;
  }

  /** A whole number from 0 on. */
  below(limit: number): number {
    return Math.floor(this.uint32() / 0x1_0000_0000 * limit);
  }

  /** Whether the one case of so many has come. */
  oneIn(cases: number): boolean {
    return this.below(cases) === 0;
  }

  /** One of a list. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** A length: mostly short, at times about a limit, seldom long. */
  length(most: number): number {
    const size = this.below(8) < 6
      ? this.below(9)
      : this.oneIn(3)
      ? this.below(most + 1)
      : this.pick(EDGES) + this.below(3) - 1;
    return Math.min(size, most);
  }

  /** So many bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.uint32() >>> 24;
    return bytes;
  }
}

/** Where the forms of a length, and the ways of the code, change. */
const EDGES: readonly number[] = [
  16,
  32,
  48,
  64,
  125,
  128,
  256,
  512,
  1024,
  4096,
];
