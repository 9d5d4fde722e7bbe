/**
 * Figures in which JavaScript engines differ by a factor. Whoever knows the
 * engine passes them in; they change speed, never events.
 */
export interface Tuning {
  /**
   * Size in bytes of the slabs that small binary payloads are copied to, many
   * to a slab; 0 gives every payload a buffer of its own.
   */
  readonly slabSize: number;
  /** ASCII text up to this many bytes is decoded by hand. */
  readonly shortText: number;
  /**
   * Whether a lenient `TextDecoder` is so much faster than a strict one that
   * longer text goes to the lenient one first.
   */
  readonly lenientText: boolean;
}

/**
 * V8 as Deno builds it: a new `ArrayBuffer` costs 400 ns, a view of one 60; a
 * call of `TextDecoder` costs 230. For 64 KiB of ASCII a lenient one takes 9 µs,
 * a strict one 70.
 */
export const V8_TUNING: Tuning = {
  slabSize: 4096,
  shortText: 64,
  lenientText: true,
};

/**
 * JSC as Bun builds it: a small new `Uint8Array` costs 20 ns, a view 100; a
 * call of `TextDecoder` costs 130.
 */
export const JSC_TUNING: Tuning = {
  slabSize: 0,
  shortText: 8,
  lenientText: false,
};
