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
}

/**
 * V8 as Deno builds it: a new `ArrayBuffer` costs 400 ns, a view of one 60; a
 * call of `TextDecoder` costs 500.
 */
export const V8_TUNING: Tuning = { slabSize: 4096, shortText: 160 };

/**
 * JSC as Bun builds it: a small new `Uint8Array` costs 20 ns, a view 100; a
 * call of `TextDecoder` costs 130.
 */
export const JSC_TUNING: Tuning = { slabSize: 0, shortText: 8 };
