import {
  frameHeaderLength,
  MAX_HEADER_LENGTH,
  type Opcode,
  writeFrameHeader,
} from "./frame_header.ts";
import { applyMask, copyMasked, type MaskSource } from "./mask.ts";
import { type Tuning, V8_TUNING } from "./tuning.ts";

const encoder = new TextEncoder();

// Payloads of up to this many bytes are copied and masked in one pass: 0.7 of
// the time of two on V8, 0.6 on JSC.
const SHORT_COPY = 64;

/**
 * The longest that the frame of a payload may be: with this much room,
 * `encodeFrameInto` never returns -1. A string counts as three bytes for each
 * UTF-16 unit, though ASCII needs only one.
 *
 * @param data The payload
 * @returns The bound, in bytes
 */
export function maxFrameLength(data: string | Uint8Array): number {
  return MAX_HEADER_LENGTH +
    (typeof data === "string" ? data.length * 3 : data.length);
}

/**
 * Encodes a whole frame into a buffer, without an intermediate copy, so that
 * many frames can be gathered in one buffer.
 *
 * @param target The buffer
 * @param offset Index of the frame's first byte
 * @param opcode The opcode
 * @param data The payload: bytes, which stay unchanged, or a well-formed string
 * @param fin Whether this is the last frame of its message
 * @param rsv1 Whether this is the first frame of a compressed message
 * @param mask Where the masking key comes from; `undefined` on servers
 * @param tuning Figures of the JavaScript engine
 * @returns The index after the frame; or -1 if there is not enough room, and
 * then the bytes from `offset` on are undefined
 */
export function encodeFrameInto(
  target: Uint8Array<ArrayBufferLike>,
  offset: number,
  opcode: Opcode,
  data: string | Uint8Array,
  fin: boolean,
  rsv1: boolean,
  mask: MaskSource | undefined,
  tuning: Tuning = V8_TUNING,
): number {
  if (typeof data === "string") {
    return encodeText(target, offset, opcode, data, fin, rsv1, mask, tuning);
  }
  const length = data.length;
  const start = offset + frameHeaderLength(length, mask !== undefined);
  const end = start + length;
  if (end > target.length) return -1;
  const key = mask?.();
  writeFrameHeader(target, offset, opcode, length, fin, rsv1, key);
  if (key !== undefined && length <= SHORT_COPY) {
    copyMasked(data, 0, length, target, start, key);
  } else {
    target.set(data, start);
    if (key !== undefined) applyMask(target, start, end, key, 0);
  }
  return end;
}

/**
 * Encodes a whole frame into a buffer of its own.
 *
 * @param opcode The opcode
 * @param data The payload: bytes, which stay unchanged, or a well-formed string
 * @param fin Whether this is the last frame of its message
 * @param rsv1 Whether this is the first frame of a compressed message
 * @param mask Where the masking key comes from; `undefined` on servers
 * @returns The frame
 */
export function encodeFrame(
  opcode: Opcode,
  data: string | Uint8Array,
  fin: boolean,
  rsv1: boolean,
  mask: MaskSource | undefined,
): Uint8Array<ArrayBuffer> {
  const payload = typeof data === "string" ? encoder.encode(data) : data;
  const frame = new Uint8Array(
    frameHeaderLength(payload.length, mask !== undefined) + payload.length,
  );
  encodeFrameInto(frame, 0, opcode, payload, fin, rsv1, mask);
  return frame;
}

function encodeText(
  target: Uint8Array<ArrayBufferLike>,
  offset: number,
  opcode: Opcode,
  text: string,
  fin: boolean,
  rsv1: boolean,
  mask: MaskSource | undefined,
  tuning: Tuning,
): number {
  const masked = mask !== undefined;
  // The header's length depends on the payload's, which is known only once the
  // text is encoded: we assume ASCII, and move the payload if that was wrong.
  let start = offset + frameHeaderLength(text.length, masked);
  if (start + text.length > target.length) return -1;
  let length = text.length <= tuning.shortWrite
    ? encodeShortAscii(target, start, text)
    : -1;
  if (length < 0) {
    if (
      tuning.write !== undefined && start + text.length * 3 <= target.length
    ) {
      length = tuning.write(target, start, text);
    } else {
      const rest = target.subarray(start);
      const { read, written } = encoder.encodeInto(text, rest);
      if (read < text.length) return -1;
      length = written;
    }
    const mended = offset + frameHeaderLength(length, masked);
    if (mended !== start) {
      if (mended + length > target.length) return -1;
      target.copyWithin(mended, start, start + length);
      start = mended;
    }
  }
  const key = mask?.();
  writeFrameHeader(target, offset, opcode, length, fin, rsv1, key);
  if (key !== undefined) applyMask(target, start, start + length, key, 0);
  return start + length;
}

/** Writes a text that surely fits; returns -1 if it is not all ASCII. */
function encodeShortAscii(
  target: Uint8Array<ArrayBufferLike>,
  offset: number,
  text: string,
): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return -1;
    target[offset + i] = code;
  }
  return text.length;
}
