import { CloseCode, isSendableCloseCode } from "../close.ts";
import { ProtocolError } from "../peer_errors.ts";
import { decodeUtf8 } from "./utf8.ts";

/** What the peer's close frame says. */
export interface ReceivedClose {
  /** The code; 1005 if the frame was empty. */
  readonly code: number;
  /** The reason, or an empty string. */
  readonly reason: string;
}

/**
 * Reads the payload of a close frame (RFC 6455, sections 5.5.1 and 7.1.5).
 *
 * @param payload The payload, unmasked
 * @returns What it says; or, as a value, the error that fails the connection:
 * 1002 for half a code or a code that must not be sent, 1007 for a reason that
 * is not UTF-8
 */
export function parseClosePayload(
  payload: Uint8Array<ArrayBufferLike>,
): ReceivedClose | ProtocolError {
  if (payload.length === 0) {
    return { code: CloseCode.NoStatusReceived, reason: "" };
  }
  if (payload.length === 1) {
    return new ProtocolError(
      "Cannot read close frame: a payload of 1 byte has no close code",
    );
  }
  // RFC 6455, section 7.4: the codes that may be received are those that may
  // be sent.
  const code = payload[0]! << 8 | payload[1]!;
  if (!isSendableCloseCode(code)) {
    return new ProtocolError(
      `Cannot read close frame: close code ${code} must not be sent`,
    );
  }
  const reason = decodeUtf8(payload, 2);
  if (reason === undefined) {
    // RFC 6455, section 8.1.
    return new ProtocolError(
      "Cannot read close frame: the reason is not valid UTF-8",
      CloseCode.InvalidFramePayloadData,
    );
  }
  return { code, reason };
}
