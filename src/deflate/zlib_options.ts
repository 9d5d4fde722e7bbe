import { constants } from "node:zlib";

/**
 * How much of a message is compressed at a time, in bytes: half as much again
 * as a buffer of 64 KiB, so that one with a few bytes around it is not cut in
 * two.
 */
export const SLICE = 98_304;

/** What zlib compresses with. */
export interface DeflateSettings {
  /** -2 (Huffman only), -1 (zlib's default), 0 to 9. */
  readonly level: number;
  /** The base-2 logarithm of the window that was agreed on, 8 to 15. */
  readonly windowBits: number;
}

/** zlib's options, as far as they follow from the settings. */
export interface ZlibDeflateOptions {
  readonly level: number;
  readonly strategy: number;
  readonly windowBits: number;
}

/**
 * Translates the settings for zlib.
 *
 * @param settings The settings
 * @param size Bytes to compress, if they are compressed alone
 * @returns zlib's options
 */
export function deflateOptions(
  settings: DeflateSettings,
  size: number = Infinity,
): ZlibDeflateOptions {
  const { level, windowBits } = settings;
  let strategy: number = constants.Z_DEFAULT_STRATEGY;
  if (level === -2) strategy = constants.Z_HUFFMAN_ONLY;
  // zlib has no raw window of 8 bits and uses 9 instead. Runs refer only one
  // byte back, so a strategy of runs alone fits every window.
  else if (windowBits === 8) strategy = constants.Z_RLE;
  return {
    level: level === -2 ? 1 : level,
    strategy,
    windowBits: Math.max(9, Math.min(windowBits, bitsFor(size))),
  };
}

/**
 * What compressing costs, as measured on both runtimes.
 *
 * @param size Bytes of data
 * @param level zlib's level
 * @returns The cost in inflated bytes
 */
export function deflateCost(size: number, level: number): number {
  if (level >= 7) return 8 * size;
  return level === -1 || level >= 4 ? 4 * size : size;
}

/** The smallest window that covers so many bytes, as it is made faster. */
function bitsFor(size: number): number {
  // zlib refers back at most the window's size less 262 bytes.
  return size >= 32_000 ? 15 : 32 - Math.clz32(size + 261);
}
