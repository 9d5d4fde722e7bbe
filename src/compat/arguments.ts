/** Arguments as Web IDL converts them, and what the standard asks of them. */

import { isToken } from "../handshake/tokens.ts";

/**
 * A USVString: what is given as text, lone surrogates as U+FFFD.
 *
 * @param value Any value
 * @returns The text
 * @throws {TypeError} If it has no text, as a symbol
 */
export function toUSVString(value: unknown): string {
  // Not String(value), which takes symbols.
  return `${value as string}`.toWellFormed();
}

/**
 * A [Clamp] unsigned short.
 *
 * @param value Any value
 * @returns An integer from 0 to 65535, the nearest; of two, the even one
 */
export function toClampedShort(value: unknown): number {
  const number = Math.min(Math.max(Number(value), 0), 65_535);
  if (Number.isNaN(number)) return 0;
  const floor = Math.floor(number);
  const rest = number - floor;
  return rest > 0.5 || rest === 0.5 && floor % 2 === 1 ? floor + 1 : floor;
}

/**
 * The bytes of a BufferSource, copied.
 *
 * @param value Any value
 * @returns The bytes, or `undefined` if it is none
 * @throws {TypeError} If it is a view of memory that threads share
 */
export function bytesOf(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    if (!isArrayBuffer(buffer)) {
      throw new TypeError(
        "Cannot send a view of a SharedArrayBuffer: copy it, as by slice()",
      );
    }
    return copy(buffer, byteOffset, byteLength);
  }
  return isArrayBuffer(value) ? copy(value, 0, value.byteLength) : undefined;
}

function copy(
  buffer: ArrayBuffer,
  offset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  // Of a buffer that has been transferred there is nothing to see or to send.
  return length === 0
    ? new Uint8Array(0)
    : new Uint8Array(buffer.slice(offset, offset + length));
}

const byteLength = Object.getOwnPropertyDescriptor(
  ArrayBuffer.prototype,
  "byteLength",
)!.get!;

// Of any realm, and no SharedArrayBuffer.
function isArrayBuffer(value: unknown): value is ArrayBuffer {
  try {
    byteLength.call(value);
    return true;
  } catch {
    return false;
  }
}

/**
 * How many bytes of UTF-8 a well-formed text has.
 *
 * @param text The text
 * @returns The bytes
 */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // Each unit of a surrogate pair stands for two of its four bytes.
    bytes += unit < 0x800 || unit >= 0xd800 && unit <= 0xdfff ? 1 : 2;
  }
  return bytes;
}

/**
 * The URL of a constructor: absolute, or relative to that of a page or a worker.
 *
 * @param input The text
 * @returns The URL, of scheme ws or wss
 * @throws {DOMException} `SyntaxError` if it is malformed, of another scheme than
 * ws, wss, http and https, or has a fragment
 */
export function parseURL(input: string): URL {
  const base = globalThis.location?.href;
  if (!URL.canParse(input, base)) {
    throw syntaxError("Cannot construct WebSocket: the URL is malformed");
  }
  const url = new URL(input, base);
  if (url.protocol === "http:") url.protocol = "ws:";
  else if (url.protocol === "https:") url.protocol = "wss:";
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    throw syntaxError(
      `Cannot construct WebSocket with scheme "${
        url.protocol.slice(0, -1)
      }": use ws, wss, http or https`,
    );
  }
  // An empty fragment leaves `hash` empty, but no other "#" is left in a URL.
  if (url.href.includes("#")) {
    throw syntaxError(
      "Cannot construct WebSocket with a fragment in the URL: leave it out, or write %23",
    );
  }
  return url;
}

/**
 * The subprotocols of a constructor, unchecked: a text, or a sequence of texts.
 *
 * @param value The argument
 * @returns The texts
 * @throws {TypeError} If one has no text, as a symbol
 */
export function toProtocols(value: unknown): string[] {
  return isSequence(value)
    ? Array.from(value, (name) => `${name as string}`)
    : [`${value as string}`];
}

/**
 * Checks subprotocols. That their case makes no difference is how the standard's
 * own tests read it.
 *
 * @param names The subprotocols
 * @returns The same
 * @throws {DOMException} `SyntaxError` if one is no token or stands twice
 */
export function checkedProtocols(names: string[]): string[] {
  const seen = new Set<string>();
  for (const name of names) {
    if (!isToken(name)) {
      throw syntaxError(
        `Cannot construct WebSocket with subprotocol ${
          JSON.stringify(name)
        }: it is not a token`,
      );
    }
    const lower = name.toLowerCase();
    if (seen.has(lower)) {
      throw syntaxError(
        `Cannot construct WebSocket with subprotocol "${name}": it stands twice`,
      );
    }
    seen.add(lower);
  }
  return names;
}

// Web IDL: any object, or function, with an iterator is a sequence.
function isSequence(value: unknown): value is Iterable<unknown> {
  if (
    typeof value !== "object" && typeof value !== "function" || value === null
  ) return false;
  const iterator = (value as Partial<Iterable<unknown>>)[Symbol.iterator];
  return iterator !== undefined && iterator !== null;
}

/** A `SyntaxError` of the platform's. */
export function syntaxError(message: string): DOMException {
  return new DOMException(message, "SyntaxError");
}
