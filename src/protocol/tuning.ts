/** Decodes a range of bytes as UTF-8, with U+FFFD for invalid bytes. */
export type TextSlice = (
  bytes: Uint8Array<ArrayBufferLike>,
  start: number,
  end: number,
) => string;

/**
 * Encodes a text at an index, after which there must be room for 3 bytes for
 * each UTF-16 unit; returns the number of bytes written.
 */
export type TextWrite = (
  target: Uint8Array<ArrayBufferLike>,
  offset: number,
  text: string,
) => number;

/**
 * Thresholds that depend on the JavaScript engine, and codecs that a runtime
 * has beyond the web's. They are passed in; they change only speed, never
 * events.
 */
export interface Tuning {
  /**
   * Size in bytes of the slabs that small binary payloads share; with 0 every
   * payload gets a buffer of its own.
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
 * V8 as Deno builds it: a new `ArrayBuffer` costs 400 ns, a view of one 60 ns;
 * a call of `TextDecoder` costs 300 ns, of `slice` 90 ns. For 64 KiB of ASCII,
 * a lenient decoder takes 9 µs, a strict one or `slice` 70 µs.
 */
export const V8_TUNING: Tuning = {
  slabSize: 4096,
  shortText: 16,
  sliceText: 256,
  lenientText: true,
  shortWrite: 48,
};

/**
 * JSC as Bun builds it: a small new `Uint8Array` costs 20 ns, a view up to 100
 * ns; a call of `TextDecoder` costs 100 ns and a view, of `slice` 60 ns. A call
 * of `write` takes 30 ns, of `encodeInto` 70 ns and a view.
 */
export const JSC_TUNING: Tuning = {
  slabSize: 0,
  shortText: 0,
  sliceText: Infinity,
  lenientText: false,
  shortWrite: 16,
};
