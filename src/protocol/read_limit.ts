/** The read limit of messages that travel compressed. */

import { ReadLimitError } from "../errors.ts";

// A message can inflate to nothing forever: an empty block (RFC 7692, section
// 7.2.3.6) is two bytes, so a limit on the inflated size is never reached. zlib
// makes 11 bytes of one if it stores it uncompressed and is flushed after it;
// no sender needs more, except for some empty blocks.
const GROWTH = 12;
const EXTRA = 65_536;

/**
 * The largest size of a compressed message on the wire. The codec counts the
 * inflated bytes.
 *
 * @param readLimit The most bytes of a message, a safe integer
 * @returns More than any message within the limit needs, a safe integer
 */
export function compressedLimit(readLimit: number): number {
  return Math.min(GROWTH * readLimit + EXTRA, Number.MAX_SAFE_INTEGER);
}

/**
 * The error of a message that is too long.
 *
 * @param readLimit The read limit
 * @param compressed Whether it has too many bytes on the wire
 */
export function messageTooLong(
  readLimit: number,
  compressed: boolean,
): ReadLimitError {
  // Without a limit, a message is too long only if it has more bytes than can
  // be counted.
  return compressed && readLimit < Number.MAX_SAFE_INTEGER
    ? new ReadLimitError(
      readLimit,
      "Cannot read message: compressed, it is longer than any within the " +
        `read limit of ${readLimit} bytes`,
    )
    : new ReadLimitError(readLimit);
}
