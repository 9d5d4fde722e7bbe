import { ProtocolError } from "../peer_errors.ts";
import { MAX_CONTROL_PAYLOAD } from "../message.ts";
import { readUint32 } from "./frame_header.ts";

/** What the rules of a frame's first two bytes depend on. */
export interface FrameContext {
  /** Whether frames must be masked (from clients) or must not be. */
  readonly masked: boolean;
  /** Whether an extension that uses RSV1 was negotiated. */
  readonly rsv1: boolean;
  /** Whether a fragmented message has begun and not ended. */
  readonly inMessage: boolean;
}

/**
 * Checks all rules that the first two bytes of a frame can break (RFC 6455,
 * sections 5.1, 5.2, 5.4 and 5.5; RFC 7692, section 6).
 *
 * @param first The first byte: FIN, RSV1 to RSV3 and the opcode
 * @param second The second byte: MASK and the 7-bit length
 * @param context What is expected
 * @returns The error of the first broken rule, or `undefined`
 */
export function checkFirstBytes(
  first: number,
  second: number,
  context: FrameContext,
): ProtocolError | undefined {
  const opcode = first & 0x0f;
  const control = opcode >= 8;
  if ((first & 0x70) !== 0) {
    if ((first & 0x30) !== 0) {
      return broken(
        `RSV${(first & 0x20) === 0 ? 3 : 2} is set`,
      );
    }
    if (!context.rsv1) return broken("RSV1 is set without an extension");
    if (control) return broken(`RSV1 is set on control frame ${opcode}`);
    if (opcode === 0) return broken("RSV1 is set on a continuation frame");
  }
  if (opcode > 10 || opcode > 2 && !control) {
    return broken(`opcode ${opcode} is reserved`);
  }
  if (control) {
    if ((first & 0x80) === 0) {
      return broken(`control frame ${opcode} is fragmented`);
    }
    if ((second & 0x7f) > MAX_CONTROL_PAYLOAD) {
      return broken(
        `control frame ${opcode} is longer than ${MAX_CONTROL_PAYLOAD} bytes`,
      );
    }
  } else if (context.inMessage) {
    if (opcode !== 0) {
      return broken(`data frame ${opcode} is inside a fragmented message`);
    }
  } else if (opcode === 0) {
    return broken("continuation frame without a message to continue");
  }
  if ((second & 0x80) !== 0 !== context.masked) {
    return broken(
      context.masked
        ? "a client's frame is not masked"
        : "a server's frame is masked",
    );
  }
  return undefined;
}

/**
 * Reads an extended payload length, which must have the shortest form and at
 * most 63 bits (RFC 6455, section 5.2).
 *
 * @param bytes The header
 * @param offset Index of the length's first byte
 * @param bits 16 or 64: the form that it is in
 * @returns The length, which above 2^53 is inexact but never less than 2^53; or
 * the error of the broken rule
 */
export function readExtendedLength(
  bytes: Uint8Array<ArrayBufferLike>,
  offset: number,
  bits: 16 | 64,
): number | ProtocolError {
  if (bits === 64 && bytes[offset]! >= 0x80) {
    return broken("64-bit length has its highest bit set");
  }
  const length = bits === 16
    ? bytes[offset]! << 8 | bytes[offset + 1]!
    : readUint32(bytes, offset) * 0x1_0000_0000 + readUint32(bytes, offset + 4);
  if (length < (bits === 16 ? 126 : 0x1_0000)) {
    return broken(`${bits}-bit length ${length} is not the shortest form`);
  }
  return length;
}

function broken(rule: string): ProtocolError {
  return new ProtocolError(`Cannot read frame: ${rule}`);
}
