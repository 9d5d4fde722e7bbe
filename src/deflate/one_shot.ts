/**
 * Messages that do not refer to others: one call of zlib each, which keeps no
 * memory.
 */

import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { ReadLimitError } from "../errors.ts";
import { deflateDirect, inflateDirect, MAX_OUTPUT } from "./direct.ts";
import { inputCost } from "./costs.ts";
import { corrupt, isCorrupt } from "./faults.ts";
import { spend } from "../base/turns.ts";
import {
  deflateCost,
  deflateOptions,
  type DeflateSettings,
} from "./zlib_options.ts";

/** Most bytes that a message may have to be inflated in one call. */
export const MAX_INPUT = 65_536;

// RFC 7692, section 7.2.2: 00 00 ff ff completes what the sender has begun. A
// final block after it makes zlib check that the message was complete.
const TAIL = Uint8Array.of(0x00, 0x00, 0xff, 0xff, 0x03, 0x00);
const SYNC = TAIL.subarray(0, 4);

/**
 * Compresses bytes independent of any before them (RFC 7692, section 7.2.1).
 *
 * @param data The bytes, at least one
 * @param settings Level and window
 * @param last Whether it is the end of a message
 * @returns Blocks that end with 00 00 ff ff, which are left out at the end;
 * valid until the next call
 */
export function deflateOnce(
  data: Uint8Array,
  settings: DeflateSettings,
  last: boolean,
): Uint8Array<ArrayBuffer> {
  spend(deflateCost(data.length, settings.level));
  const direct = deflateDirect(data, settings, last ? SYNC.length : 0);
  if (direct !== undefined) return direct;
  const deflated = deflateRawSync(data, {
    ...deflateOptions(settings, data.length),
    finishFlush: constants.Z_SYNC_FLUSH,
    // Data that does not shrink grows by a few bytes, so one chunk holds it.
    chunkSize: data.length + 64,
  }) as Uint8Array<ArrayBuffer>;
  return last ? deflated.subarray(0, -SYNC.length) : deflated;
}

/**
 * Inflates a whole message that does not refer to earlier ones (RFC 7692,
 * section 7.2.2).
 *
 * @param data The message, at most {@linkcode MAX_INPUT} bytes
 * @param limit The most bytes that it may inflate to
 * @returns The bytes, valid until the next call; `undefined` if it needs a
 * stream, as it is too large, or more follows a final block
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
  spend(inputCost(length) + (result?.buffer.length ?? max));
  if (result === undefined) {
    if (limit > MAX_OUTPUT) return undefined;
    throw new ReadLimitError(limit);
  }
  const { buffer, used } = result;
  if (used < length) return undefined;
  // RFC 7692, section 7.2.3.4: a final block may end the message, but must not
  // end inside what we have added.
  if (used > length && used < input.length) throw corrupt();
  // If a stored block is cut off by just as many bytes, what we have added
  // completes it and becomes data. It can also be read as symbols of a
  // compressed block; then the last byte ends like the header of an empty
  // block, with zeros up to the byte's end.
  if (
    (endsWith(buffer, SYNC) || endsWith(buffer, TAIL) ||
      used > length && data[length - 1]! >= 0x20) &&
    inflatedLength(data) < buffer.length
  ) throw corrupt();
  return buffer;
}

function endsWith(bytes: Uint8Array, end: Uint8Array): boolean {
  const start = bytes.length - end.length;
  if (start < 0) return false;
  // With `every`, and a view of each whole message in `wire/decoding.ts`, an echo
  // of 1 KiB takes 1.1 of the CPU time on Deno, 1.05 on Bun.
  for (let i = 0; i < end.length; i++) {
    if (bytes[start + i] !== end[i]) return false;
  }
  return true;
}

/** How many bytes a message inflates to without what we add. */
function inflatedLength(data: Uint8Array): number {
  const { length } = inflateRawSync(data, {
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  spend(inputCost(data.length) + length);
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
  spend(inputCost(input.length)); // one more call
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

/** What zlib returns with `info`, which node's types lack. */
interface Informed {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly engine: { readonly bytesWritten: number };
}
