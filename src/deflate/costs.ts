/**
 * What zlib's work costs in addition to its output, in inflated bytes: see
 * `spend`.
 */

/**
 * Making, using once and freeing a stream of node:zlib takes 75 to 170 µs on
 * Bun and 5 to 30 µs on Deno: about the time to inflate this many bytes.
 */
export const CONTEXT_COST = 16_384;

// Blocks with codes but without data inflate to nothing: zlib takes 50 ns for
// each of their bytes, but only 0.5 to 8 ns for each byte of output.
const BYTE_COST = 8;

/**
 * What inflating costs by its input, however much comes of it.
 *
 * @param size Bytes of compressed data
 * @returns The cost in inflated bytes
 */
export function inputCost(size: number): number {
  return BYTE_COST * size;
}
