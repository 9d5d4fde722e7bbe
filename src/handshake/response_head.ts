/** Reading the head of an HTTP/1.1 response (RFC 7230, section 3). */

import { isFieldValue } from "./headers.ts";
import { quote } from "./quote.ts";
import { isToken, trimSpace } from "./tokens.ts";

/** The most bytes of a head, including those of 1xx responses before it. */
export const MAX_HEAD_BYTES = 65_536;

/** The most header lines of a head, including those of 1xx responses. */
export const MAX_HEADER_LINES = 1_000;

// "HTTP/1.", so that another protocol is detected at once: an HTTP/2 server,
// for example, may never send the end of a line.
const PREFIX: readonly number[] = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e];

const CR = 0x0d;
const LF = 0x0a;

/** The head of a final response, or of a 101. */
export interface ResponseHead {
  /** The minor version: 1 for HTTP/1.1. */
  readonly minorVersion: number;
  /** The status, 101 or from 200 to 999. */
  readonly status: number;
  /** The reason phrase, often empty. */
  readonly reason: string;
  /** The header lines in order, names in their case, values trimmed. */
  readonly headers: [string, string][];
}

/** The result of a {@linkcode ResponseHeadParser}. */
export type ResponseHeadResult =
  | {
    readonly ok: true;
    /** The head. */
    readonly head: ResponseHead;
    /** The bytes after it, a view of the last chunk. */
    readonly rest: Uint8Array<ArrayBuffer>;
  }
  | {
    readonly ok: false;
    /** What is wrong; the peer's text is quoted in it. */
    readonly error: string;
  };

/**
 * Reads a response's head from chunks of any size. Each byte is looked at once,
 * and no more than {@linkcode MAX_HEAD_BYTES} are kept.
 *
 * It is strict where leniency would let two parsers read a head differently:
 * lines end with CRLF, never with a bare LF (RFC 7230, section 3.5, allows
 * both); folded lines, and white space before the colon, are errors. 1xx
 * responses other than 101 are skipped.
 */
export class ResponseHeadParser {
  #line = new Uint8Array(512);
  #length = 0;
  #received = 0;
  #lines = 0;
  #status: Omit<ResponseHead, "headers"> | undefined;
  #headers: [string, string][] = [];
  #done = false;

  /**
   * Takes a chunk.
   *
   * @param chunk The bytes
   * @returns The result, or `undefined` if the head is incomplete
   * @throws {TypeError} If there has been a result already
   */
  push(chunk: Uint8Array<ArrayBuffer>): ResponseHeadResult | undefined {
    if (this.#done) {
      throw new TypeError("Cannot read response head: it has been read");
    }
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (++this.#received > MAX_HEAD_BYTES) {
        return this.#fail(`it is larger than ${MAX_HEAD_BYTES} bytes`);
      }
      if (byte !== LF) {
        const expected = PREFIX[this.#length];
        this.#append(byte);
        if (
          this.#status === undefined && expected !== undefined &&
          byte !== expected
        ) {
          return this.#fail(
            `${quote(this.#text(0))} does not begin an HTTP/1.1 response`,
          );
        }
        continue;
      }
      if (this.#length === 0 || this.#line[this.#length - 1] !== CR) {
        return this.#fail("a line ends with a bare LF");
      }
      const line = this.#text(1);
      this.#length = 0;
      const error = this.#takeLine(line);
      if (error !== undefined) return this.#fail(error);
      if (line === "" && this.#status !== undefined) {
        const head = { ...this.#status, headers: this.#headers };
        this.#status = undefined;
        this.#headers = [];
        if (head.status < 200 && head.status !== 101) continue;
        this.#done = true;
        return { ok: true, head, rest: chunk.subarray(i + 1) };
      }
    }
    return undefined;
  }

  /** Takes a line without its end; returns what is wrong with it. */
  #takeLine(line: string): string | undefined {
    if (this.#status === undefined) {
      this.#status = parseStatusLine(line);
      if (this.#status !== undefined) return undefined;
      return `${quote(line)} is no HTTP/1.1 status line`;
    }
    if (line === "") return undefined;
    if (++this.#lines > MAX_HEADER_LINES) {
      return `it has more than ${MAX_HEADER_LINES} header lines`;
    }
    // Also refuses obs-fold (RFC 7230, section 3.2.4): no token before a colon
    // begins with white space.
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    if (!isToken(name)) return `${quote(line)} is no header line`;
    const value = trimSpace(line.slice(colon + 1));
    if (!isFieldValue(value)) {
      return `the value of header ${quote(name)} has a control character`;
    }
    this.#headers.push([name, value]);
    return undefined;
  }

  /**
   * The line so far, without its last bytes: one character for each byte.
   * `TextDecoder` cannot do that, as its latin1 is windows-1252.
   */
  #text(without: number): string {
    const bytes = this.#line.subarray(0, this.#length - without);
    let text = "";
    for (let i = 0; i < bytes.length; i += 4096) {
      text += String.fromCharCode(...bytes.subarray(i, i + 4096));
    }
    return text;
  }

  #append(byte: number): void {
    if (this.#length === this.#line.length) {
      const larger = new Uint8Array(this.#line.length * 2);
      larger.set(this.#line);
      this.#line = larger;
    }
    this.#line[this.#length++] = byte;
  }

  #fail(fault: string): ResponseHeadResult {
    this.#done = true;
    return { ok: false, error: `Cannot read response head: ${fault}` };
  }
}

/**
 * The values of a header, one for each of its lines.
 *
 * @param head The response's head
 * @param name The name, in lower case
 * @returns The values in order; empty if there is no such header
 */
export function headerValues(head: ResponseHead, name: string): string[] {
  const values: string[] = [];
  for (const [other, value] of head.headers) {
    if (other.toLowerCase() === name) values.push(value);
  }
  return values;
}

/** Reads `HTTP/1.1 101 Switching Protocols` (RFC 7230, section 3.1.2). */
function parseStatusLine(
  line: string,
): Omit<ResponseHead, "headers"> | undefined {
  if (!line.startsWith("HTTP/1.") || line.charAt(8) !== " ") return undefined;
  const minorVersion = digits(line, 7, 8);
  const status = digits(line, 9, 12);
  // Servers without a reason phrase leave out the space as well.
  if (line.length > 12 && line.charAt(12) !== " ") return undefined;
  const reason = line.slice(13);
  if (minorVersion < 0 || status < 100 || !isFieldValue(reason)) {
    return undefined;
  }
  return { minorVersion, status, reason };
}

/** The number that the characters from start to end spell, or -1. */
function digits(text: string, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}
