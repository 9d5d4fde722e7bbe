import { isSendableCloseCode } from "../close.ts";
import { checkAttached, nameOf } from "../base/user_values.ts";
import type { DataType } from "../message.ts";

const validator = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Checks a data payload; nothing is coerced. Encoding turns a lone surrogate in
 * a string into U+FFFD, as everywhere on the platform.
 */
export function checkPayload(type: DataType, data: unknown): void {
  if (typeof data === "string") return;
  if (!(data instanceof Uint8Array)) {
    throw new TypeError(
      `Cannot send message: data must be a string or a Uint8Array, got ${
        nameOf(data)
      }`,
    );
  }
  checkAttached(data, "send message");
  if (type === 2) return;
  try {
    validator.decode(data);
  } catch (cause) {
    throw new TypeError(
      "Cannot send text: the bytes are not UTF-8, send them as MessageType.Binary",
      { cause },
    );
  }
}

/** The bytes of a control payload. */
export function controlPayload(
  data: string | Uint8Array | undefined,
): Uint8Array<ArrayBuffer> {
  if (data === undefined) return new Uint8Array(0);
  checkPayload(2, data);
  const bytes = typeof data === "string"
    ? encoder.encode(data)
    : new Uint8Array(data);
  // RFC 6455, section 5.5
  if (bytes.length > 125) {
    throw new RangeError(
      `Cannot send control frame of ${bytes.length} bytes: the limit is 125`,
    );
  }
  return bytes;
}

/** The code and reason of a close payload that the user wants to send. */
export function parseCloseToSend(
  payload: Uint8Array,
): { code: number; reason: string } {
  if (payload.length === 0) return { code: 1005, reason: "" };
  // RFC 6455, section 5.5.1: a code has two bytes.
  if (payload.length === 1) {
    throw new RangeError(
      "Cannot send close payload of 1 byte: use formatCloseMessage()",
    );
  }
  const code = payload[0]! << 8 | payload[1]!;
  if (!isSendableCloseCode(code)) {
    throw new RangeError(
      `Cannot send close payload with code ${code}: use formatCloseMessage()`,
    );
  }
  try {
    return { code, reason: validator.decode(payload.subarray(2)) };
  } catch (cause) {
    throw new TypeError("Cannot send close payload: its reason is not UTF-8", {
      cause,
    });
  }
}
