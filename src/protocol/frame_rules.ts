import { ProtocolError } from "../errors.ts";
import { MAX_CONTROL_PAYLOAD } from "../message.ts";

/** What the rules of a frame's first two bytes depend on. */
export interface FrameContext {
  /** Whether frames must be masked (from clients) or must not be. */
  readonly masked: boolean;
  /** Whether an extension that uses RSV1 was negotiated. */
  readonly rsv1: boolean;
  /** Whether a fragmented message is under way. */
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
 * Checks that an extended payload length is in the shortest form, and within
 * 63 bits (RFC 6455, section 5.2).
 *
 * @param length The length
 * @param bits 16 or 64: the form that it came in
 * @returns The error of the broken rule, or `undefined`
 */
export function checkExtendedLength(
  length: number,
  bits: 16 | 64,
): ProtocolError | undefined {
  if (length < (bits === 16 ? 126 : 0x1_0000)) {
    return broken(`${bits}-bit length ${length} is not the shortest form`);
  }
  if (length >= 0x8000_0000_0000_0000) {
    return broken("64-bit length has its highest bit set");
  }
  return undefined;
}

function broken(rule: string): ProtocolError {
  return new ProtocolError(`Cannot read frame: ${rule}`);
}
