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

/** What a value is, for messages of errors. */
export function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return value.constructor?.name ?? "object";
}
