/** Reading the beginning of a response's body (RFC 7230, section 3.3). */

import { headerValues, type ResponseHead } from "./response_head.ts";
import { hasToken } from "./tokens.ts";

const CR = 0x0d;
const LF = 0x0a;

// The most bytes that frame chunks. Five would do for a chunk of one byte, but
// an extension, or the CRs after a chunk, could go on without end.
const MAX_FRAMING = 16_384;

/** What comes next in a chunked body. */
type Stage = "size" | "extension" | "data" | "crlf" | "done";

/**
 * Reads at most so many bytes of the body of an answer to a GET, from chunks of
 * any size. A malformed body simply ends there, as it is only shown to people.
 */
export class ResponseBodyReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #chunked: boolean;
  #length = 0;
  /** Bytes of the body, or of its current chunk, that are still to come. */
  #left: number;
  #stage: Stage = "size";
  #digits = 0;
  #framing = 0;

  /**
   * Makes the reader of an answer's body.
   *
   * @param head The answer's head
   * @param limit The most bytes to keep
   */
  constructor(head: ResponseHead, limit: number) {
    this.#bytes = new Uint8Array(limit);
    this.#chunked = hasToken(
      headerValues(head, "transfer-encoding").join(", "),
      "chunked",
    );
    const { status } = head;
    this.#left = this.#chunked
      ? 0
      : status < 200 || status === 204 || status === 304
      ? 0
      : contentLength(head);
    if (!this.#chunked && this.#left === 0) this.#stage = "done";
  }

  /** Whether nothing more is read. */
  get done(): boolean {
    return this.#stage === "done";
  }

  /** A copy of what has been read. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  /**
   * Takes bytes.
   *
   * @param chunk The bytes
   */
  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length && !this.done) {
      if (!this.#chunked || this.#stage === "data") {
        offset += this.#take(chunk.subarray(offset));
      } else {
        this.#frame(chunk[offset++]!);
      }
    }
  }

  /** Keeps what belongs to the body; returns how many bytes that was. */
  #take(bytes: Uint8Array): number {
    const room = this.#bytes.length - this.#length;
    const count = Math.min(bytes.length, this.#left, room);
    this.#bytes.set(bytes.subarray(0, count), this.#length);
    this.#length += count;
    this.#left -= count;
    if (this.#length === this.#bytes.length) this.#stage = "done";
    else if (this.#left === 0) this.#stage = this.#chunked ? "crlf" : "done";
    return count;
  }

  /** Takes a byte of what frames the chunks (RFC 7230, section 4.1). */
  #frame(byte: number): void {
    if (++this.#framing > MAX_FRAMING) {
      this.#stage = "done";
      return;
    }
    if (this.#stage === "crlf") {
      if (byte === LF) this.#stage = "size";
      else if (byte !== CR) this.#stage = "done";
    } else if (byte === LF) {
      this.#stage = this.#digits > 0 && this.#left > 0 ? "data" : "done";
      this.#digits = 0;
    } else if (this.#stage === "size") {
      const digit = hexDigit(byte);
      if (digit < 0) this.#stage = "extension";
      else if (++this.#digits > 8) this.#stage = "done";
      else this.#left = this.#left * 16 + digit;
    }
  }
}

function contentLength(head: ResponseHead): number {
  const value = headerValues(head, "content-length")[0];
  // Without a length, the body ends with the connection.
  return value !== undefined && /^\d{1,15}$/.test(value)
    ? Number(value)
    : Infinity;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
