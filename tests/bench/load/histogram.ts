// Values are counted in steps of 1/8 microsecond, 32 buckets to the octave: an
// error of 3 percent at the most.
const STEPS = 8;
const BITS = 5;

/** Counts times, in microseconds, without keeping them. */
export class Histogram {
  readonly #counts: Float64Array<ArrayBuffer> = new Float64Array(
    (33 - BITS) << BITS,
  );
  #total = 0;

  /** Counts `times` values of so many microseconds. */
  add(microseconds: number, times = 1): void {
    // Past 2^32 steps, about nine minutes, all are alike.
    const value = Math.min(microseconds * STEPS, 2 ** 32 - 1) >>> 0;
    const shift = Math.max(0, 32 - Math.clz32(value) - BITS - 1);
    this.#counts[(shift << BITS) + (value >>> shift)]! += times;
    this.#total += times;
  }

  /** Forgets all values. */
  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /**
   * The time that this share of the values does not exceed, in microseconds;
   * 0 if there are none.
   */
  quantile(share: number): number {
    let rest = Math.max(1, Math.ceil(this.#total * share));
    for (let index = 0; index < this.#counts.length; index++) {
      rest -= this.#counts[index]!;
      if (rest <= 0) return upperEnd(index) / STEPS;
    }
    return 0;
  }
}

/** The largest value of a bucket. */
function upperEnd(index: number): number {
  const size = 1 << BITS;
  if (index < 2 * size) return index;
  const shift = (index >>> BITS) - 1;
  return (index - (shift << BITS) + 1) * 2 ** shift - 1;
}
