import { Buffer } from "node:buffer";

/** A message as it is received. */
export type RawData = Buffer | ArrayBuffer | Buffer[] | Blob;

/** What `send()` of `ws` takes: text, bytes in whatever form, a number, a list of bytes, or of their pieces. */
export type Data =
  | string
  | number
  | ArrayBufferLike
  | ArrayBufferView
  | Blob
  | readonly number[]
  | readonly Uint8Array[]
  | { valueOf(): ArrayBuffer | Uint8Array | readonly number[] | string };

/**
 * What is to be sent, of what `ws` takes.
 *
 * @param data The message; numbers are their text, and nothing is an empty one
 * @returns Text, bytes, or a Blob
 * @throws {TypeError} If it is none of what `ws` takes
 */
export function toPayload(data: unknown): string | Uint8Array | Blob {
  if (typeof data === "string" || data instanceof Blob) return data;
  if (typeof data === "number") return String(data);
  return data ? toBytes(data) : new Uint8Array(0);
}

function toBytes(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) {
    return new Uint8Array(data);
  }
  // What `binaryType` "fragments" gives.
  if (Array.isArray(data) && data.some((part) => part instanceof Uint8Array)) {
    return Buffer.concat(data);
  }
  // As `ws`: a list of bytes, or what has such a value.
  return Buffer.from(data as readonly number[]);
}

/**
 * The payload of a ping or a pong.
 *
 * @param data What `ws` takes
 * @returns Text or bytes
 * @throws {TypeError} If it is none of what `ws` takes, or a Blob
 */
export function toControlPayload(data: unknown): string | Uint8Array {
  const payload = toPayload(data);
  if (!(payload instanceof Blob)) return payload;
  throw new TypeError("Cannot send ping or pong: a Blob cannot be its payload");
}

/** The bytes of a message. */
export function sizeOf(payload: string | Uint8Array | Blob): number {
  return typeof payload === "string"
    ? Buffer.byteLength(payload)
    : payload instanceof Blob
    ? payload.size
    : payload.length;
}
