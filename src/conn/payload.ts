import { isSendableCloseCode } from "../close.ts";
import type { DataType } from "../message.ts";

const validator = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** What is wrong with a data payload, if anything: nothing is coerced. */
export function payloadError(
  type: DataType,
  data: unknown,
): TypeError | undefined {
  if (typeof data === "string") {
    return data.isWellFormed() ? undefined : new TypeError(
      "Cannot send text: it has a lone surrogate, which UTF-8 cannot express",
    );
  }
  if (!(data instanceof Uint8Array)) {
    return new TypeError(
      `Cannot send message: data must be a string or a Uint8Array, got ${
        nameOf(data)
      }`,
    );
  }
  if (type === 1) {
    try {
      validator.decode(data);
    } catch (cause) {
      return new TypeError(
        "Cannot send text: the bytes are not UTF-8; send them as MessageType.Binary",
        { cause },
      );
    }
  }
  return undefined;
}

/** The bytes of a control payload. */
export function controlPayload(
  data: string | Uint8Array | undefined,
): Uint8Array<ArrayBuffer> {
  if (data === undefined) return new Uint8Array(0);
  const error = payloadError(2, data);
  if (error !== undefined) throw error;
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

/** The code and reason in a close payload that is to be sent. */
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

/** What a value is, for messages of errors. */
export function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return value.constructor?.name ?? "object";
}
