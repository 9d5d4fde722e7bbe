// One class; past 300 lines because of the documentation of its methods.

import { applyMask } from "../protocol/mask.ts";
import {
  encodeRawFrame,
  type ExpectedFrame,
  frameFaults,
  rawBytes,
  type RawFrame,
  type RawFrameInit,
  toKey,
} from "./raw_frame.ts";
import type { ByteStream } from "../transport/byte_stream.ts";
import type { Addr, Side } from "../transport/transport.ts";
import { visible } from "../base/visible.ts";

/** How a {@linkcode RawPeer}'s stream has ended. */
export interface RawEnd {
  /** The error of the stream, if there was one. */
  readonly error?: unknown;
}

/**
 * The other end of a connection, as a peer that sends any bytes and reads what
 * comes without checking it. For tests; what comes is buffered without limit.
 *
 * Only one read may wait at a time. Reads reject if the stream ends before
 * there is enough.
 *
 * @example A peer that breaks the rules
 * ```ts
 * import { rawPeer } from "@silverback/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const [conn, peer] = rawPeer({ side: "server" });
 *
 * // A message in two frames, a ping between them.
 * peer.sendFrame({ opcode: 1, payload: "Hel", fin: false });
 * peer.sendFrame({ opcode: 9, payload: "p" });
 * peer.sendFrame({ opcode: 0, payload: "lo" });
 * assertEquals((await conn.readMessage()).data, "Hello");
 * await peer.expectFrame({ opcode: 10, payload: "p", masked: false });
 *
 * // Text that is not UTF-8.
 * peer.sendFrame({ opcode: 1, payload: new Uint8Array([0xff]) });
 * await peer.expectClose(1007);
 * peer.end();
 * assertEquals((await conn.closed).code, 1006);
 * ```
 */
export class RawPeer {
  /** Which side this peer plays: clients mask what they send. */
  readonly side: Side;
  /** Resolves when the stream is over in both directions; never rejects. */
  readonly closed: Promise<RawEnd>;
  /**
   * Resolves when the other side has ended its sending direction, or the stream
   * is over.
   */
  readonly ended: Promise<void>;
  readonly #stream: ByteStream;
  readonly #reset: () => void;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(1024);
  #start = 0;
  #end = 0;
  #over = false;
  #wake: (() => void) | undefined;
  #lastWrite: Promise<void> = Promise.resolve();

  /**
   * Plays one side of a connection over a stream. It must not have been
   * started, and belongs to the peer from now on.
   *
   * @param stream The stream
   * @param side The side that the peer plays
   */
  constructor(stream: ByteStream & { reset?(): void }, side: Side) {
    this.side = side;
    this.#stream = stream;
    this.#reset = () =>
      stream.reset === undefined ? stream.destroy() : stream.reset();
    const closed = Promise.withResolvers<RawEnd>();
    const ended = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.ended = ended.promise;
    const over = () => {
      this.#over = true;
      ended.resolve();
      this.#wake?.();
    };
    stream.start({
      data: (chunk) => this.#data(chunk),
      end: over,
      closed: (error) => {
        over();
        closed.resolve(error === undefined ? {} : { error });
      },
    });
  }

  /** This side's address, if it is known. */
  get localAddr(): Addr | undefined {
    return this.#stream.localAddr;
  }

  /** The other side's address, if it is known. */
  get remoteAddr(): Addr | undefined {
    return this.#stream.remoteAddr;
  }

  /** Bytes that have come and have not been read. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  /**
   * Sends bytes, after those sent before.
   *
   * @param bytes The bytes; a string as UTF-8
   * @returns Resolves when they have been taken; a failure need not be handled
   * @throws {TypeError} If they are neither
   *
   * @example Any bytes
   * ```ts
   * import { rawPeer } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [conn, peer] = rawPeer({ side: "client" });
   * await peer.send(new Uint8Array([0x81, 0x02, 0x48, 0x69]));
   * assertEquals((await conn.readMessage()).data, "Hi");
   * peer.destroy();
   * await conn.closed;
   * ```
   */
  send(bytes: string | Uint8Array): Promise<void> {
    const chunk = rawBytes(bytes, "send");
    const sent = this.#lastWrite.catch(() => {}).then(() => this.#write(chunk));
    sent.catch(() => {});
    this.#lastWrite = sent;
    return sent;
  }

  /**
   * Sends a frame, valid or not.
   *
   * @param frame The frame
   * @returns Resolves when it has been taken; a failure need not be handled
   * @throws {TypeError} If its masking key does not have 4 bytes, or its payload is
   * neither a string nor a Uint8Array
   */
  sendFrame(frame: RawFrameInit): Promise<void> {
    return this.send(encodeRawFrame(frame, this.side));
  }

  /**
   * Reads so many bytes.
   *
   * @param count How many
   * @returns The bytes
   * @throws {Error} If the stream ends first
   *
   * @example Byte by byte
   * ```ts
   * import { rawPeer } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [conn, peer] = rawPeer({ side: "server" });
   * conn.send("Hi");
   * assertEquals(await peer.readBytes(4), new Uint8Array([0x81, 0x02, 0x48, 0x69]));
   * peer.destroy();
   * await conn.closed;
   * ```
   */
  async readBytes(count: number): Promise<Uint8Array<ArrayBuffer>> {
    await this.#until(count);
    return this.#take(count);
  }

  /**
   * Reads all that comes until the other side ends.
   *
   * @returns The bytes; an error of the stream is in `closed`
   *
   * @example What is left
   * ```ts
   * import { rawPeer } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [conn, peer] = rawPeer({ side: "server" });
   * conn.close();
   * peer.sendFrame({ opcode: 8, payload: new Uint8Array([0x03, 0xe8]) });
   * assertEquals(await peer.readRest(), new Uint8Array([0x88, 0x02, 0x03, 0xe8]));
   * peer.end();
   * await conn.closed;
   * ```
   */
  async readRest(): Promise<Uint8Array<ArrayBuffer>> {
    await this.ended;
    return this.#take(this.buffered);
  }

  /**
   * Reads the head of an HTTP message.
   *
   * @returns The head, one character for each byte, with its empty line
   * @throws {Error} If the stream ends first
   *
   * @example The handshake by hand
   * ```ts
   * import { serve } from "@silverback/websocket";
   * import { rawDial } from "@silverback/websocket/testing";
   * import { assertMatch } from "@std/assert";
   *
   * await using server = await serve(() => {}, { port: 0 });
   * const url = `ws://127.0.0.1:${server.addr.port}/`;
   * const { peer } = await rawDial(url, { handshake: false });
   * peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
   * assertMatch(await peer.readHead(), /^HTTP\/1\.1 426 /);
   * peer.destroy();
   * await peer.closed;
   * ```
   */
  async readHead(): Promise<string> {
    let head = "";
    while (!head.endsWith("\r\n\r\n")) {
      const [byte] = await this.readBytes(1);
      head += String.fromCharCode(byte!);
    }
    return head;
  }

  /**
   * Reads a frame.
   *
   * @returns The frame
   * @throws {Error} If the stream ends first
   *
   * @example Usage
   * ```ts
   * import { rawPeer } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [conn, peer] = rawPeer({ side: "client" });
   * conn.send(new Uint8Array(70_000));
   * const { opcode, mask, payload } = await peer.readFrame();
   * assertEquals([opcode, mask?.length, payload.length], [2, 4, 70_000]);
   * peer.destroy();
   * await conn.closed;
   * ```
   */
  async readFrame(): Promise<RawFrame> {
    const [first = 0, second = 0] = await this.readBytes(2);
    let length = BigInt(second & 0x7f);
    if (length >= 126n) {
      const bytes = await this.readBytes(length === 126n ? 2 : 8);
      length = bytes.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
    }
    const masked = (second & 0x80) !== 0;
    const mask = masked ? await this.readBytes(4) : undefined;
    const payload = await this.readBytes(Number(length));
    if (mask !== undefined) {
      applyMask(payload, 0, payload.length, toKey(mask), 0);
    }
    return {
      fin: (first & 0x80) !== 0,
      rsv: first >>> 4 & 7,
      opcode: first & 15,
      mask,
      payload,
    };
  }

  /**
   * Reads a frame, and rejects if it is not the expected one.
   *
   * @param expected What must be so
   * @returns The frame
   * @throws {Error} If it is another frame, or the stream ends first
   */
  async expectFrame(expected: ExpectedFrame): Promise<RawFrame> {
    const frame = await this.readFrame();
    const { masked = this.side === "server" } = expected;
    const faults = frameFaults(frame, { ...expected, masked });
    if (faults.length > 0) {
      throw new Error(`Cannot accept frame: ${faults.join(", ")}`);
    }
    return frame;
  }

  /**
   * Reads a close frame, and rejects if it has another code or reason.
   *
   * @param code The code; 1005 for an empty frame
   * @param reason The reason; default: any
   * @throws {Error} If it is another frame, or the stream ends first
   */
  async expectClose(code: number, reason?: string): Promise<void> {
    const { payload } = await this.expectFrame({ opcode: 8, fin: true });
    const actual = payload.length < 2 ? 1005 : payload[0]! << 8 | payload[1]!;
    const text = new TextDecoder().decode(payload.subarray(2));
    if (actual !== code || reason !== undefined && text !== reason) {
      throw new Error(
        `Cannot accept close frame: it says ${actual} ${
          visible(JSON.stringify(text))
        }`,
      );
    }
  }

  /**
   * Stops reading, as a slow peer does.
   *
   * @example A peer that does not read
   * ```ts
   * import { rawPeer } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [conn, peer] = rawPeer({ side: "server", bufferSize: 1024 });
   * peer.pause();
   * let sent = false;
   * conn.send(new Uint8Array(100_000)).then(() => sent = true);
   * await new Promise((resolve) => setTimeout(resolve));
   * assertEquals(sent, false);
   * peer.resume();
   * assertEquals((await peer.readFrame()).payload.length, 100_000);
   * peer.reset();
   * await conn.closed;
   * ```
   */
  pause(): void {
    this.#stream.pause();
  }

  /**
   * Reads again.
   *
   * @example With `pause()`
   * ```ts no-assert
   * import { rawPeer } from "@silverback/websocket/testing";
   *
   * const [conn, peer] = rawPeer({ side: "server" });
   * peer.pause();
   * conn.send("Hello");
   * peer.resume();
   * await peer.expectFrame({ opcode: 1, payload: "Hello" });
   * peer.destroy();
   * await conn.closed;
   * ```
   */
  resume(): void {
    this.#stream.resume();
  }

  /** Ends the sending direction, after what was sent (TCP's FIN). */
  end(): void {
    this.#lastWrite.catch(() => {}).then(() => this.#stream.end());
  }

  /**
   * Ends both directions at once.
   *
   * @example Without a closing handshake
   * ```ts
   * import { rawPeer } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [conn, peer] = rawPeer({ side: "server" });
   * peer.destroy();
   * assertEquals((await conn.closed).code, 1006);
   * ```
   */
  destroy(): void {
    this.#stream.destroy();
  }

  /**
   * Cuts the connection as a network fault does (TCP's RST).
   *
   * @example A fault of the network
   * ```ts
   * import { rawPeer } from "@silverback/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const [conn, peer] = rawPeer({ side: "server" });
   * peer.reset();
   * assertEquals((await conn.closed).initiator, "network");
   * ```
   */
  reset(): void {
    this.#reset();
  }

  #write(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(chunk, (error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }

  async #until(count: number): Promise<void> {
    while (this.buffered < count) {
      if (this.#over) {
        throw new Error(
          `Cannot read ${count} bytes: the stream ended with ${this.buffered}`,
        );
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  #take(count: number): Uint8Array<ArrayBuffer> {
    const bytes = this.#buffer.slice(this.#start, this.#start + count);
    this.#start += count;
    return bytes;
  }

  #data(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#end + chunk.length > this.#buffer.length) {
      const size = Math.max(1024, 2 * (this.buffered + chunk.length));
      const larger = new Uint8Array(size);
      larger.set(this.#buffer.subarray(this.#start, this.#end));
      this.#end -= this.#start;
      this.#start = 0;
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
    this.#wake?.();
  }
}
