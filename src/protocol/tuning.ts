/** Decodes a range of bytes as UTF-8, with U+FFFD for what is none. */
export type TextSlice = (
  bytes: Uint8Array<ArrayBufferLike>,
  start: number,
  end: number,
) => string;

/** Encodes a text at an index, behind which there are 3 bytes for each UTF-16 unit; how many bytes that took. */
export type TextWrite = (
  target: Uint8Array<ArrayBufferLike>,
  offset: number,
  text: string,
) => number;

/**
 * Figures in which JavaScript engines differ by a factor, and what a runtime
 * has beyond the web's codecs. Whoever knows them passes them in; they change
 * speed, never events.
 */
export interface Tuning {
  /**
   * Size in bytes of the slabs that small binary payloads are copied to, many
   * to a slab; 0 gives every payload a buffer of its own.
   */
  readonly slabSize: number;
  /** ASCII text up to this many bytes is decoded by hand. */
  readonly shortText: number;
  /** Longer text, up to `sliceText` bytes, is decoded by this. */
  readonly slice?: TextSlice | undefined;
  readonly sliceText: number;
  /**
   * Whether a lenient `TextDecoder` is so much faster than a strict one that
   * longer text still goes to the lenient one first.
   */
  readonly lenientText: boolean;
  /** ASCII text up to this many UTF-16 units is encoded by hand. */
  readonly shortWrite: number;
  /** Longer text is encoded by this, where there is surely room. */
  readonly write?: TextWrite | undefined;
}

/**
 * V8 as Deno builds it: a new `ArrayBuffer` costs 400 ns, a view of one 60; a
 * call of `TextDecoder` costs 300, of a slice 90. For 64 KiB of ASCII a lenient
 * decoder takes 9 µs, a strict one and a slice 70.
 */
export const V8_TUNING: Tuning = {
  slabSize: 4096,
  shortText: 16,
  sliceText: 256,
  lenientText: true,
  shortWrite: 48,
};

/**
 * JSC as Bun builds it: a small new `Uint8Array` costs 20 ns, a view up to 100;
 * a call of `TextDecoder` costs 100 and a view, of a slice 60. Writing a text
 * takes 30 ns, `encodeInto` 70 and a view.
 */
export const JSC_TUNING: Tuning = {
  slabSize: 0,
  shortText: 0,
  sliceText: Infinity,
  lenientText: false,
  shortWrite: 16,
};
