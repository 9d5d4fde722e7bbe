/** What the load generator sends, built once, and how it counts replies. */

import { constants, deflateRawSync } from "node:zlib";

const MASK: readonly number[] = [0x37, 0xfa, 0x21, 0x3d];

/** The header of a client's frame, mask included. */
export function clientHeader(
  first: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const bits = length < 126 ? 0 : length < 65_536 ? 16 : 64;
  const header = new Uint8Array(2 + bits / 8 + 4);
  header[0] = first;
  header[1] = 0x80 | (bits === 0 ? length : bits === 16 ? 126 : 127);
  let rest = length;
  for (let index = 1 + bits / 8; index > 1; index--) {
    header[index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  header.set(MASK, header.length - 4);
  return header;
}

/** Masks in place; the first byte is a payload's, or stands 4n bytes behind it. */
export function mask(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= MASK[i & 3]!;
  return bytes;
}

/** A whole masked frame; the payload is not changed. */
export function clientFrame(
  first: number,
  payload: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const header = clientHeader(first, payload.length);
  const frame = new Uint8Array(header.length + payload.length);
  frame.set(header);
  frame.set(mask(new Uint8Array(payload)), header.length);
  return frame;
}

/** ASCII letters, which are text and binary. */
export function letters(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, index) => 97 + index % 26);
}

/** Text of about this size as applications send it: records in JSON. */
export function jsonText(size: number): string {
  const records: unknown[] = [];
  let length = 2;
  for (let id = 1; length < size; id++) {
    const record = {
      id: id * 7919,
      user: `user${(id * 31) % 97}`,
      price: ((id * 7) % 1000) / 10,
      tags: ["a", `t${id % 7}`],
      active: id % 3 === 0,
    };
    records.push(record);
    length += JSON.stringify(record).length + 1;
  }
  return JSON.stringify(records);
}

/** A compressed payload (RFC 7692, section 7.2.1). */
export function deflated(payload: Uint8Array): Uint8Array {
  const bytes = deflateRawSync(payload, {
    level: 1,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  return new Uint8Array(bytes.subarray(0, -4));
}

/** The upgrade request. */
export function upgradeRequest(url: URL, compressed: boolean): Uint8Array {
  const extensions = compressed
    ? "Sec-WebSocket-Extensions: permessage-deflate; " +
      "server_no_context_takeover; client_no_context_takeover\r\n"
    : "";
  return new TextEncoder().encode(
    `GET ${url.pathname}${url.search} HTTP/1.1\r\n` +
      `Host: ${url.host}\r\n` +
      "Upgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
      `Sec-WebSocket-Version: 13\r\n${extensions}\r\n`,
  );
}

/**
 * Counts the server's messages by their frames' headers; payloads are stepped
 * over. Pings and pongs are ignored.
 */
export class ReplyCounter {
  /** Bytes of the payloads of messages, those under way included. */
  bytes = 0;
  readonly #type: number;
  readonly #size: number | undefined;
  readonly #header: Uint8Array<ArrayBuffer> = new Uint8Array(10);
  #headerLength = 0; // of a header that is cut between chunks
  #skip = 0; // bytes of payload to come
  #ends = false; // whether they end a message
  #messageSize = 0;

  /**
   * Makes a counter.
   *
   * @param type The opcode that every message must have
   * @param size The bytes that every message must have; `undefined` for any
   */
  constructor(type: number, size: number | undefined) {
    this.#type = type;
    this.#size = size;
  }

  /** Takes in a chunk; how many messages have ended in it. */
  push(chunk: Uint8Array): number {
    let position = 0;
    let ended = 0;
    for (;;) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, chunk.length - position);
        position += step;
        this.#skip -= step;
        if (this.#skip > 0) return ended;
        if (this.#ends) ended++;
      }
      const left = chunk.length - position;
      if (left === 0) return ended;
      if (this.#headerLength === 0 && left >= 10) {
        position += this.#begin(chunk, position);
      } else {
        this.#header[this.#headerLength++] = chunk[position++]!;
        const length = this.#headerLength;
        if (length < 2 || length < headerLength(this.#header[1]!)) continue;
        this.#headerLength = 0;
        this.#begin(this.#header, 0);
      }
      if (this.#skip === 0 && this.#ends) ended++;
    }
  }

  // Reads a header; its length.
  #begin(bytes: Uint8Array, start: number): number {
    const first = bytes[start]!;
    const opcode = first & 0x0f;
    const short = bytes[start + 1]!;
    const next = start + headerLength(short);
    let length = short;
    if (short >= 126) {
      length = 0;
      for (let index = start + 2; index < next; index++) {
        length = length * 256 + bytes[index]!;
      }
    }
    this.#skip = length;
    this.#ends = opcode < 8 && first >= 0x80;
    if (opcode === 8) throw new Error("The server has sent a close frame");
    if (opcode > 8) return next - start;
    if (opcode !== 0) {
      if (opcode !== this.#type) {
        throw new Error(`The server has answered with opcode ${opcode}`);
      }
      this.#messageSize = 0;
    }
    this.bytes += length;
    this.#messageSize += length;
    if (
      this.#ends && this.#size !== undefined && this.#messageSize !== this.#size
    ) {
      throw new Error(
        `The server has answered ${this.#size} bytes with ${this.#messageSize}`,
      );
    }
    return next - start;
  }
}

// A server's: without a mask.
function headerLength(second: number): number {
  return second < 126 ? 2 : second === 126 ? 4 : 10;
}
