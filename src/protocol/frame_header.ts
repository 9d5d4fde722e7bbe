/** The side of a connection: clients mask, servers do not. */
export type Side = "server" | "client";

/** The opcodes of RFC 6455, section 5.2; the others are reserved. */
export type Opcode = 0 | 1 | 2 | 8 | 9 | 10;

/** The length of the longest frame header, in bytes. */
export const MAX_HEADER_LENGTH = 14;

/**
 * The length of a frame header.
 *
 * @param payloadLength Bytes of payload
 * @param masked Whether there is a masking key
 * @returns 2 to 14 bytes
 */
export function frameHeaderLength(
  payloadLength: number,
  masked: boolean,
): number {
  const length = payloadLength < 126 ? 2 : payloadLength < 65536 ? 4 : 10;
  return masked ? length + 4 : length;
}

/**
 * The bytes of payload in a frame, from those of the whole.
 *
 * @param frameLength Bytes of the frame
 * @param masked Whether it has a masking key
 * @returns The bytes without the header
 */
export function payloadLength(frameLength: number, masked: boolean): number {
  const rest = masked ? frameLength - 4 : frameLength;
  return rest - (rest < 128 ? 2 : rest < 65_540 ? 4 : 10);
}

/**
 * Writes a frame header (RFC 6455, section 5.2), with the length in the
 * shortest of its three forms.
 *
 * @param target Where the header goes; it must have room for it
 * @param offset Index of the header's first byte
 * @param opcode The opcode
 * @param payloadLength Bytes of payload, a safe integer
 * @param fin Whether this is the last frame of its message
 * @param rsv1 Whether this is the first frame of a compressed message
 * @param maskKey The masking key as a uint32; `undefined` leaves the frame
 * unmasked
 * @returns The index after the header
 */
export function writeFrameHeader(
  target: Uint8Array<ArrayBufferLike>,
  offset: number,
  opcode: Opcode,
  payloadLength: number,
  fin: boolean,
  rsv1: boolean,
  maskKey: number | undefined,
): number {
  const maskBit = maskKey === undefined ? 0 : 0x80;
  let next = offset;
  target[next++] = (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode;
  if (payloadLength < 126) {
    target[next++] = maskBit | payloadLength;
  } else if (payloadLength < 65536) {
    target[next++] = maskBit | 126;
    target[next++] = payloadLength >>> 8;
    target[next++] = payloadLength;
  } else {
    target[next++] = maskBit | 127;
    next = writeUint32(target, next, payloadLength / 0x1_0000_0000);
    next = writeUint32(target, next, payloadLength);
  }
  if (maskKey !== undefined) next = writeUint32(target, next, maskKey);
  return next;
}

/**
 * The length of the frame header that has this second byte.
 *
 * @param second The second byte: MASK and the 7-bit length
 * @returns 2 to 14 bytes
 */
export function readFrameHeaderLength(second: number): number {
  const form = second & 0x7f;
  const length = form < 126 ? 2 : form === 126 ? 4 : 10;
  return (second & 0x80) === 0 ? length : length + 4;
}

/**
 * Reads a number in network byte order.
 *
 * @param bytes The bytes
 * @param offset Index of the first of the four
 * @returns The number
 */
export function readUint32(
  bytes: Uint8Array<ArrayBufferLike>,
  offset: number,
): number {
  return (bytes[offset]! << 24 | bytes[offset + 1]! << 16 |
    bytes[offset + 2]! << 8 | bytes[offset + 3]!) >>> 0;
}

// `>>>` takes the value modulo 2^32 and drops its fraction.
function writeUint32(
  target: Uint8Array<ArrayBufferLike>,
  offset: number,
  value: number,
): number {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
  return offset + 4;
}
