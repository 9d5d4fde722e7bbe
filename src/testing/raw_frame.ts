/** Frames for tests, valid or not. */

import { nameOf } from "../base/user_values.ts";
import { applyMask } from "../protocol/mask.ts";
import type { Side } from "../transport/transport.ts";

/** A frame as a {@linkcode RawPeer} reads it, whether it is valid or not. */
export interface RawFrame {
  /** FIN. */
  readonly fin: boolean;
  /** RSV1, RSV2 and RSV3 as a number of three bits: RSV1 alone is 4. */
  readonly rsv: number;
  /** The opcode, 0 to 15. */
  readonly opcode: number;
  /** The masking key, if the frame is masked. */
  readonly mask: Uint8Array<ArrayBuffer> | undefined;
  /** The payload, unmasked. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** A frame for {@linkcode RawPeer.sendFrame} to send, valid or not. */
export interface RawFrameInit {
  /**
   * FIN.
   *
   * @default {true}
   */
  readonly fin?: boolean;
  /**
   * RSV1, RSV2 and RSV3 as a number of three bits: RSV1 alone is 4.
   *
   * @default {0}
   */
  readonly rsv?: number;
  /** The opcode, 0 to 15. */
  readonly opcode: number;
  /**
   * The masking key, `true` for a random one, `false` for none. By default
   * clients mask and servers do not.
   */
  readonly mask?: boolean | Uint8Array;
  /**
   * The payload, a string as UTF-8.
   *
   * @default {""}
   */
  readonly payload?: string | Uint8Array;
  /**
   * The length in bytes that the header claims; by default that of the payload.
   */
  readonly length?: number | bigint;
  /** Bits of the header's length; by default the shortest form. */
  readonly lengthBits?: 7 | 16 | 64;
}

/**
 * What {@linkcode RawPeer.expectFrame} checks; what is left out may be
 * anything.
 */
export interface ExpectedFrame {
  /** FIN. */
  readonly fin?: boolean;
  /** RSV1, RSV2 and RSV3 as a number of three bits. */
  readonly rsv?: number;
  /** The opcode. */
  readonly opcode?: number;
  /** Whether the frame is masked. By default the rule for the other side. */
  readonly masked?: boolean;
  /** The payload, a string as UTF-8. */
  readonly payload?: string | Uint8Array;
}

const encoder = new TextEncoder();

/**
 * Encodes a frame, whatever the protocol says of it.
 *
 * @param frame The frame
 * @param side Who sends it
 * @returns Its bytes
 * @throws {TypeError} If its payload is neither a string nor a `Uint8Array`, or its
 * masking key does not have 4 bytes
 */
export function encodeRawFrame(
  frame: RawFrameInit,
  side: Side,
): Uint8Array<ArrayBuffer> {
  const { fin = true, rsv = 0, opcode, payload = "" } = frame;
  const data = rawBytes(payload, "send as payload");
  const length = BigInt(frame.length ?? data.length);
  const bits = frame.lengthBits ??
    (length < 126n ? 7 : length < 65_536n ? 16 : 64);
  const mask = maskOf(frame.mask ?? side === "client");
  const head = [
    (fin ? 0x80 : 0) | (rsv & 7) << 4 | opcode & 15,
    (mask === undefined ? 0 : 0x80) |
    (bits === 7 ? Number(length & 0x7fn) : bits === 16 ? 126 : 127),
  ];
  for (let shift = bits === 7 ? 0 : bits; shift > 0; shift -= 8) {
    head.push(Number(length >> BigInt(shift - 8) & 0xffn));
  }
  if (mask !== undefined) head.push(...mask);
  const bytes = new Uint8Array(head.length + data.length);
  bytes.set(head);
  bytes.set(data, head.length);
  if (mask !== undefined) {
    applyMask(bytes, head.length, bytes.length, toKey(mask), 0);
  }
  return bytes;
}

/**
 * A copy of what a test sends.
 *
 * @param data The bytes; a string as UTF-8
 * @param action What is done with them, for the error's message
 * @returns The bytes
 * @throws {TypeError} If they are neither
 */
export function rawBytes(
  data: string | Uint8Array,
  action: string,
): Uint8Array<ArrayBuffer> {
  if (typeof data === "string") return encoder.encode(data);
  if (data instanceof Uint8Array) return new Uint8Array(data);
  throw new TypeError(
    `Cannot ${action} a value of type ${
      nameOf(data)
    }: it must be a string or a Uint8Array`,
  );
}

function maskOf(mask: boolean | Uint8Array): Uint8Array | undefined {
  if (mask === false) return undefined;
  if (mask === true) return crypto.getRandomValues(new Uint8Array(4));
  if (mask.length === 4) return mask;
  throw new TypeError(
    `Cannot mask with a key of ${mask.length} bytes: it must have 4`,
  );
}

/** A masking key as a uint32. */
export function toKey(mask: Uint8Array): number {
  return mask.reduce((key, byte) => key << 8 | byte, 0) >>> 0;
}

/**
 * Compares a frame with what was expected.
 *
 * @param frame The frame
 * @param expected What it must be like
 * @returns The differences, in words
 */
export function frameFaults(
  frame: RawFrame,
  expected: ExpectedFrame,
): string[] {
  const faults: string[] = [];
  const check = (name: string, actual: unknown, wanted: unknown) => {
    if (wanted === undefined || actual === wanted) return;
    faults.push(`${name} is ${actual} and not ${wanted}`);
  };
  check("fin", frame.fin, expected.fin);
  check("rsv", frame.rsv, expected.rsv);
  check("opcode", frame.opcode, expected.opcode);
  check("masked", frame.mask !== undefined, expected.masked);
  const { payload } = expected;
  if (payload !== undefined) {
    const bytes = typeof payload === "string"
      ? encoder.encode(payload)
      : payload;
    const same = bytes.length === frame.payload.length &&
      bytes.every((byte, i) => byte === frame.payload[i]);
    if (!same) check("payload", describe(frame.payload), describe(bytes));
  }
  return faults;
}

function describe(bytes: Uint8Array): string {
  const shown = Array.from(
    bytes.subarray(0, 32),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join(" ");
  return bytes.length > 32
    ? `[${shown} … ${bytes.length} bytes]`
    : `[${shown}]`;
}
