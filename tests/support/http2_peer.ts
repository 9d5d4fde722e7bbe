/**
 * A client of HTTP/2 (RFC 9113) that sends any frame at all. Its headers are
 * literals of HPACK (RFC 7541, section 6.2.2); of answers it reads the status.
 *
 * @module
 */

import net from "node:net";
import tls from "node:tls";

import {
  pauseTCPBelowTLS,
  resumeTCPBelowTLS,
} from "../../src/runtime/quirks/tls_flow.ts";
import { withTimeout } from "./helper.ts";
import { ca, type Carrier } from "./http_server.ts";

/** A frame as it came. */
export interface Http2Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;

export const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;

const WAIT_LIMIT = 8_000;
const MAX_FRAME = 16_384;
const encoder = new TextEncoder();

/** A client, connected. */
export class Http2Peer {
  readonly #socket: net.Socket;
  readonly #closed: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #frames: Http2Frame[] = [];
  /** By how many bytes each stream's window has been opened. */
  readonly windows: Map<number, number> = new Map();
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #wake: (() => void) | undefined;
  #over = false;
  #sent = 0;
  #lastStream = -1;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    const end = () => {
      this.#over = true;
      this.#wake?.();
    };
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("end", end);
    socket.on("error", end);
    socket.on("close", () => {
      end();
      this.#closed.resolve();
    });
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    this.frame(SETTINGS, 0, 0);
  }

  /** Connects, and sends the preface and settings. */
  static async connect(carrier: Carrier, port: number): Promise<Http2Peer> {
    const tcp = net.connect({ port, host: "127.0.0.1" });
    const socket = carrier === "TCP" ? tcp : tls.connect({
      socket: tcp,
      ca,
      host: "127.0.0.1",
      ALPNProtocols: ["h2"],
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once(carrier === "TCP" ? "connect" : "secureConnect", resolve);
    socket.once("error", reject);
    await promise;
    socket.off("error", reject);
    return new Http2Peer(socket);
  }

  /** Sends a frame. */
  frame(
    type: number,
    flags: number,
    stream: number,
    payload: Uint8Array | string = "",
  ): void {
    const bytes = typeof payload === "string"
      ? encoder.encode(payload)
      : payload;
    const { length } = bytes;
    const frame = new Uint8Array(9 + length);
    frame.set([length >> 16, length >> 8, length, type, flags]);
    new DataView(frame.buffer).setUint32(5, stream);
    frame.set(bytes, 9);
    this.#socket.write(frame);
  }

  /** Sends a request on a new stream; returns the stream's number. */
  request(headers: Iterable<[string, string]>, flags = 0): number {
    this.#lastStream += 2;
    this.frame(HEADERS, END_HEADERS | flags, this.#lastStream, hpack(headers));
    return this.#lastStream;
  }

  /** Sends an extended CONNECT, with headers added or, by `null`, left out. */
  connect(changes: Record<string, string | null> = {}, flags = 0): number {
    return this.request(connectHeaders(changes), flags);
  }

  data(stream: number, payload: Uint8Array, flags = 0): void {
    this.frame(DATA, flags, stream, payload);
  }

  /** Sends DATA as the session's window has room for it. */
  async dataWithin(stream: number, payload: Uint8Array): Promise<void> {
    for (let at = 0; at < payload.length; at += MAX_FRAME) {
      const part = payload.subarray(at, at + MAX_FRAME);
      const end = this.#sent + part.length;
      await this.#until(
        () => 65_535 + (this.windows.get(0) ?? 0) >= end,
        "room in the session's window",
      );
      this.#sent = end;
      this.data(stream, part);
    }
  }

  /** Cuts a stream. */
  reset(stream: number, code: number): void {
    this.frame(RST_STREAM, 0, stream, new Uint8Array([0, 0, 0, code]));
  }

  /** The next frame of a stream, of a type if one is given, else any. */
  async next(stream: number, type?: number): Promise<Http2Frame> {
    let at = -1;
    await this.#until(() => {
      at = this.#frames.findIndex((frame) =>
        frame.stream === stream && frame.type === (type ?? frame.type)
      );
      return at >= 0;
    }, `a frame of stream ${stream}`);
    return this.#frames.splice(at, 1)[0]!;
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    while (!condition()) {
      if (this.#over) {
        throw new Error(`Never came: ${what}, the server has gone`);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await withTimeout(promise, WAIT_LIMIT, what);
    }
  }

  /**
   * The status that a stream is answered with. One that HPACK has no index for
   * can be read once in a session: it has an index from then on.
   */
  async status(stream: number): Promise<number> {
    return this.statusOf(await this.next(stream));
  }

  /** The status in a frame, which must be HEADERS. */
  statusOf({ type, payload }: Http2Frame): number {
    if (type !== HEADERS) throw new Error(`Expected HEADERS, got ${type}`);
    return statusOf(payload);
  }

  /** The bytes of a stream's DATA, and how it ends: `END_STREAM`, `RST 8`. */
  async rest(stream: number): Promise<[data: Uint8Array, end: string[]]> {
    const data: number[] = [];
    const end: string[] = [];
    for (;;) {
      const { type, flags, payload } = await this.next(stream);
      if (type === RST_STREAM) {
        return [new Uint8Array(data), [...end, `RST ${payload[3]}`]];
      }
      if (type !== DATA) throw new Error(`Expected DATA, got ${type}`);
      data.push(...payload);
      if ((flags & END_STREAM) !== 0) end.push("END_STREAM");
    }
  }

  /** The number of frames of a type that have come and not been read. */
  count(type: number): number {
    return this.#frames.filter((frame) => frame.type === type).length;
  }

  /** Reads no bytes any more. */
  pause(): void {
    this.#socket.pause();
    pauseTCPBelowTLS(this.#socket);
  }

  resume(): void {
    this.#socket.resume();
    resumeTCPBelowTLS(this.#socket);
  }

  /** Resolves when the server has cut the connection, or ended it. */
  get closed(): Promise<void> {
    return withTimeout(this.#closed.promise, WAIT_LIMIT, "the server's end");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }

  #read(chunk: Uint8Array): void {
    const bytes = new Uint8Array(this.#bytes.length + chunk.length);
    bytes.set(this.#bytes);
    bytes.set(chunk, this.#bytes.length);
    const view = new DataView(bytes.buffer);
    let start = 0;
    while (bytes.length - start >= 9) {
      const length = view.getUint32(start) >>> 8;
      if (bytes.length - start < 9 + length) break;
      const [type = 0, flags = 0] = bytes.subarray(start + 3);
      const stream = view.getUint32(start + 5) & 0x7fff_ffff;
      const payload = bytes.slice(start + 9, start + 9 + length);
      if (type === SETTINGS && (flags & ACK) === 0) {
        this.frame(SETTINGS, ACK, 0);
      }
      if (type === WINDOW_UPDATE) {
        const more = new DataView(payload.buffer).getUint32(0);
        this.windows.set(stream, (this.windows.get(stream) ?? 0) + more);
      } else this.#frames.push({ type, flags, stream, payload });
      start += 9 + length;
    }
    this.#bytes = bytes.slice(start);
    this.#wake?.();
  }
}

/** The headers of a good extended CONNECT, but for the changes. */
export function connectHeaders(
  changes: Record<string, string | null> = {},
): [string, string][] {
  const headers: Record<string, string | null> = {
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "https",
    ":path": "/",
    ":authority": "localhost",
    "sec-websocket-version": "13",
    ...changes,
  };
  return Object.entries(headers).filter((entry): entry is [string, string] =>
    entry[1] !== null
  );
}

/** Literals without indexing, names and values as they are. */
function hpack(headers: Iterable<[string, string]>): Uint8Array {
  const bytes: number[] = [];
  for (const [name, value] of headers) {
    bytes.push(0, ...literal(name), ...literal(value));
  }
  return new Uint8Array(bytes);
}

function literal(text: string): number[] {
  const bytes = encoder.encode(text);
  const { length } = bytes;
  if (length < 127) return [length, ...bytes];
  const rest: number[] = [];
  let left = length - 127;
  for (; left >= 128; left >>= 7) rest.push(left & 127 | 128);
  return [127, ...rest, left, ...bytes];
}

// RFC 7541, appendix A: from index 8 on.
const STATUSES = [200, 204, 206, 304, 400, 404, 500];

/** The status, which comes first. */
function statusOf([first = 0, length = 0, ...rest]: Uint8Array): number {
  const indexed = STATUSES[first - 0x88];
  if (indexed !== undefined) return indexed;
  const value = rest.slice(0, length & 127);
  return Number(
    (length & 128) === 0 ? String.fromCharCode(...value) : digits(value),
  );
}

/** Decodes Huffman's code of digits (RFC 7541, appendix B). */
function digits(bytes: readonly number[]): string {
  let bits = bytes.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  let text = "";
  while (text.length < 3) {
    const short = parseInt(bits.slice(0, 5), 2);
    const size = short < 3 ? 5 : 6;
    const code = parseInt(bits.slice(0, size), 2);
    text += size === 5 ? code : code - 0x19 + 3;
    bits = bits.slice(size);
  }
  return text;
}
