/**
 * A decoder written from RFC 6455, sections 5 to 7, for the one purpose of being
 * obviously right: it asks for one byte after the other, as the figure of
 * section 5.2 goes, and knows no chunks. It shares nothing with `src/`.
 */

import { ReferenceUtf8 } from "./utf8.ts";

/** Something that the peer has said, or the rule that it broke. */
export interface Entry {
  readonly what: "message" | "ping" | "pong" | "close" | "fail";
  /** The type of a message, with 64 for a compressed one; a close code. */
  readonly code: number;
  /** Payload; the reason of a close frame. */
  readonly bytes: Uint8Array | readonly number[];
}

/** A message that has begun and not ended. */
export interface Partial {
  /** As in {@linkcode Entry}. */
  readonly code: number;
  readonly bytes: number[];
}

/** What may be said of the connection beforehand. */
export interface ReferenceOptions {
  /** Who reads: a server's peer masks, a client's does not (section 5.1). */
  readonly side: "server" | "client";
  /** Whether permessage-deflate was negotiated (RFC 7692, section 6). */
  readonly rsv1: boolean;
  readonly readLimit: number;
}

/** Reads what a peer sends. */
export class ReferenceDecoder {
  readonly entries: Entry[] = [];
  partial: Partial | undefined;
  /** Whether a part of a data frame's payload is missing. */
  inFrame = false;
  /** The most bytes of the messages that begin later. */
  readLimit: number;
  /** Whether nothing is read any more. */
  over = false;
  readonly #options: ReferenceOptions;
  readonly #steps: Generator<void, void, number>;

  constructor(options: ReferenceOptions) {
    this.#options = options;
    this.readLimit = options.readLimit;
    this.#steps = this.#read();
    this.#steps.next();
  }

  /** Takes a byte. */
  push(byte: number): void {
    if (this.over) return;
    this.over = this.#steps.next(byte).done === true;
  }

  *#read(): Generator<void, void, number> {
    const { side, rsv1: extension } = this.#options;
    let limit = 0;
    let text: ReferenceUtf8 | undefined;
    for (;;) {
      const first = yield;
      const second = yield;
      const fin = bit(first, 7) === 1;
      const rsv1 = bit(first, 6) === 1;
      const opcode = first % 16;
      const control = opcode >= 8;
      const masked = bit(second, 7) === 1;
      const short = second % 128;

      // 5.2: "MUST be 0 unless an extension is negotiated"
      if (bit(first, 5) === 1 || bit(first, 4) === 1) return this.#fail(1002);
      // RFC 7692, 6: on the first frame of a message, of data
      if (rsv1 && !(extension && (opcode === 1 || opcode === 2))) {
        return this.#fail(1002);
      }
      // 5.2: %x3-7 and %xB-F are reserved
      if (![0, 1, 2, 8, 9, 10].includes(opcode)) return this.#fail(1002);
      // 5.5: "a payload length of 125 bytes or less", "MUST NOT be fragmented"
      if (control && (short > 125 || !fin)) return this.#fail(1002);
      // 5.4
      if (!control && (opcode === 0) !== (this.partial !== undefined)) {
        return this.#fail(1002);
      }
      // 5.1
      if (masked !== (side === "server")) return this.#fail(1002);

      let length = BigInt(short);
      let least = 0n;
      if (short === 126) {
        length = BigInt(yield) * 256n + BigInt(yield);
        least = 126n;
      } else if (short === 127) {
        length = 0n;
        for (let i = 0; i < 8; i++) length = length * 256n + BigInt(yield);
        least = 65536n;
      }
      const key: number[] = [];
      while (masked && key.length < 4) key.push(yield);
      // 5.2: "the most significant bit MUST be 0", "the minimal number of bytes"
      if (length >= 1n << 63n || length < least) return this.#fail(1002);

      if (control) {
        const payload: number[] = [];
        while (payload.length < length) {
          payload.push((yield) ^ (key[payload.length % 4] ?? 0));
        }
        if (opcode === 8) return this.#close(payload);
        this.#add(opcode === 9 ? "ping" : "pong", 0, payload);
        continue;
      }

      if (opcode !== 0) {
        this.partial = { code: opcode + (rsv1 ? 64 : 0), bytes: [] };
        text = opcode === 1 && !rsv1 ? new ReferenceUtf8() : undefined;
        // What comes of it is limited elsewhere.
        limit = rsv1 ? 12 * this.readLimit + 65_536 : this.readLimit;
      }
      const { code, bytes }: Partial = this.partial!;
      const whole = BigInt(bytes.length) + length;
      // No length past 2^53 - 1 can be counted, whatever the limit is.
      if (whole > limit || whole >= 1n << 53n) return this.#fail(1009);
      for (let i = 0; i < length; i++) {
        this.inFrame = true;
        const byte = (yield) ^ (key[i % 4] ?? 0);
        // 8.1; as soon as it can be known
        if (text?.push(byte) === false) return this.#fail(1007);
        bytes.push(byte);
      }
      this.inFrame = false;
      if (!fin) continue;
      if (text?.end() === false) return this.#fail(1007);
      this.partial = undefined;
      this.#add("message", code, bytes);
    }
  }

  /** 5.5.1 and 7.4. */
  #close(payload: readonly number[]): void {
    const [high, low] = payload;
    if (high === undefined) return this.#add("close", 1005, []);
    if (low === undefined) return this.#fail(1002);
    const code = high * 256 + low;
    const allowed = code >= 3000 && code <= 4999 ||
      // 7.4.1, and IANA's registry from 1012 on
      [
        1000,
        1001,
        1002,
        1003,
        1007,
        1008,
        1009,
        1010,
        1011,
        1012,
        1013,
        1014,
      ].includes(code);
    if (!allowed) return this.#fail(1002);
    const text = new ReferenceUtf8();
    const reason = payload.slice(2);
    const valid = reason.every((byte) => text.push(byte)) && text.end();
    if (!valid) return this.#fail(1007);
    this.#add("close", code, reason);
  }

  #add(what: Entry["what"], code: number, bytes: readonly number[]): void {
    this.entries.push({ what, code, bytes });
  }

  #fail(code: number): void {
    this.#add("fail", code, []);
  }
}

function bit(byte: number, index: number): number {
  return Math.floor(byte / 2 ** index) % 2;
}
