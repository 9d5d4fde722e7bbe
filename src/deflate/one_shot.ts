/** Messages that stand alone: one call of zlib each, which leaves nothing behind. */

import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { ReadLimitError } from "../errors.ts";
import { deflateDirect, inflateDirect, MAX_OUTPUT } from "./direct.ts";
import { corrupt, isCorrupt } from "./faults.ts";
import { ownBytes } from "./own_bytes.ts";
import { deflateCost, spend } from "./turns.ts";
import { deflateOptions, type DeflateSettings } from "./zlib_options.ts";

/** Most bytes that a message may have to be inflated in one call. */
export const MAX_INPUT = 65_536;

// RFC 7692, section 7.2.2: 00 00 ff ff ends what the sender has begun. A final
// block behind it makes zlib tell whether the message was complete.
const TAIL = Uint8Array.of(0x00, 0x00, 0xff, 0xff, 0x03, 0x00);
const SYNC = TAIL.subarray(0, 4);

/**
 * Compresses bytes without regard to any before them (RFC 7692, section 7.2.1).
 *
 * @param data The bytes, at least one
 * @param settings Level and window
 * @returns Blocks that end with 00 00 ff ff; to be used in this turn
 */
export function deflateOnce(
  data: Uint8Array,
  settings: DeflateSettings,
): Uint8Array<ArrayBuffer> {
  spend(deflateCost(data.length, settings.level));
  return deflateDirect(data, settings) ?? deflateRawSync(data, {
    ...deflateOptions(settings, data.length),
    finishFlush: constants.Z_SYNC_FLUSH,
    // What does not shrink grows by a few bytes: one chunk holds it.
    chunkSize: data.length + 64,
  }) as Uint8Array<ArrayBuffer>;
}

/**
 * Inflates a whole message that refers to none before it (RFC 7692, section
 * 7.2.2).
 *
 * @param data The message, at most {@linkcode MAX_INPUT} bytes
 * @param limit The most bytes that it may inflate to
 * @returns The bytes, the caller's own; `undefined` if it is a case for a
 * stream: too large, or more follows a final block
 * @throws {ReadLimitError} If it exceeds the limit
 * @throws {ProtocolError} If it is corrupt or cut off
 */
export function inflateOnce(
  data: Uint8Array,
  limit: number,
): Uint8Array<ArrayBuffer> | undefined {
  const { length } = data;
  const input = new Uint8Array(length + TAIL.length);
  input.set(data);
  input.set(TAIL, length);
  const max = Math.min(limit, MAX_OUTPUT);
  const result = inflate(input, max);
  spend(result?.buffer.length ?? max);
  if (result === undefined) {
    if (limit > MAX_OUTPUT) return undefined;
    throw new ReadLimitError(limit);
  }
  const { buffer, used } = result;
  if (used < length) return undefined;
  // RFC 7692, section 7.2.3.4: a final block may end the message, but not what
  // we have added.
  if (used > length && used < input.length) throw corrupt();
  // What we have added fits by chance where a block without compression is cut
  // off by as much; or where symbols are, of which the last byte shows a trace:
  // the header of an empty block, behind which zeros go up to the byte's end.
  if (
    (endsWith(buffer, SYNC) || endsWith(buffer, TAIL) ||
      used > length && data[length - 1]! >= 0x20) &&
    inflatedLength(data) < buffer.length
  ) throw corrupt();
  return ownBytes(buffer);
}

function endsWith(bytes: Uint8Array, end: Uint8Array): boolean {
  const start = bytes.length - end.length;
  return start >= 0 && end.every((byte, i) => bytes[start + i] === byte);
}

/** How many bytes come of a message without what we add. */
function inflatedLength(data: Uint8Array): number {
  const { length } = inflateRawSync(data, {
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  spend(length);
  return length;
}

interface Inflated {
  readonly buffer: Uint8Array<ArrayBuffer>;
  /** How many bytes of the input it took. */
  readonly used: number;
}

function inflate(input: Uint8Array, max: number): Inflated | undefined {
  const direct = inflateDirect(input, max);
  if (direct === "too long") return undefined;
  if (direct !== undefined) return { buffer: direct, used: input.length };
  try {
    const { buffer, engine } = inflateRawSync(input, {
      info: true,
      // JSON shrinks to about a fifth.
      chunkSize: Math.min(65_536, Math.max(256, input.length * 6)),
      maxOutputLength: max,
    }) as unknown as Informed;
    return { buffer, used: engine.bytesWritten };
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw isCorrupt(error) ? corrupt(error) : error;
  }
}

/** What zlib returns with `info`, which its types do not know. */
interface Informed {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly engine: { readonly bytesWritten: number };
}
