/**
 * The other side of a connection under test, on either side: it sends and reads
 * bytes and frames, so that it can do what it must not.
 *
 * @module
 */

import net from "node:net";

import type { ByteStream } from "../../src/transport/byte_stream.ts";
import type { Side } from "../../src/transport/transport.ts";
import {
  closePayload,
  encodeFrame,
  FrameReader,
  type ReadFrame,
} from "./frames.ts";
import { withTimeout } from "./helper.ts";

export { closePayload };

/** What bytes go over, and how it is cut as the network does it. */
export interface Line extends ByteStream {
  reset(): void;
}

/** Takes all that comes, instead of the peer. */
export interface Sink {
  push(chunk: Uint8Array): void;
  /** Called once, with how the other side has ended. */
  end(how: "FIN" | "RST"): void;
}

/** What a frame is sent with, beside opcode and payload. */
export interface FrameOptions {
  /** Default true. */
  readonly fin?: boolean;
  /** The three bits of RSV1 to RSV3. Default 0. */
  readonly rsv?: number;
  /** Default: as the side has to. */
  readonly masked?: boolean;
}

/** What a request is sent with, beside its headers. */
export interface RequestOptions {
  /** Default `GET`. */
  readonly method?: string;
  /** Default `/`. */
  readonly path?: string;
  /** What stands behind the head in the same chunk. */
  readonly early?: Uint8Array;
}

/** The handshake of a well-behaved client. */
export const UPGRADE_HEADERS: readonly string[] = [
  "Host: localhost",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

const WAIT = 8_000;
const KEY = new Uint8Array([0x37, 0xfa, 0x21, 0x3d]);
const NO_KEY = new Uint8Array(4);
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A peer of frames and bytes. */
export class RawPeer implements Disposable {
  /** What it plays: clients mask what they send. */
  readonly side: Side;
  /** Resolves when this end is over. */
  readonly closed: Promise<void>;
  /** Bytes that have come. */
  received = 0;
  readonly #line: Line;
  readonly #reader = new FrameReader();
  readonly #frames: ReadFrame[] = [];
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #writes: [bytes: Uint8Array, taken: () => void][] = [];
  #writing = false;
  #finished = false;
  #how: "FIN" | "RST" | undefined;
  #sink: Sink | undefined;
  #wake: () => void = () => {};

  constructor(line: Line, side: Side) {
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.side = side;
    this.#line = line;
    line.start({
      data: (chunk) => this.#data(chunk),
      end: () => this.#over("FIN"),
      closed: (error) => {
        this.#over(error === undefined ? "FIN" : "RST");
        closed.resolve();
      },
    });
  }

  /** Connects to a server of this machine, and sends nothing. */
  static async connect(port: number): Promise<RawPeer> {
    // What the server ends, this side ends only when the test says so.
    const socket = net.connect({
      port,
      host: "127.0.0.1",
      allowHalfOpen: true,
    });
    const peer = new RawPeer(socketLine(socket), "client");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("connect", resolve);
    socket.once("error", reject);
    await withTimeout(promise, WAIT, "the TCP connection");
    return peer;
  }

  /** Connects and upgrades; returns what the server has answered beside. */
  static async upgrade(
    port: number,
    headers: readonly string[] = [],
    early: Uint8Array = NOTHING,
  ): Promise<{ peer: RawPeer; head: string }> {
    const peer = await RawPeer.connect(port);
    peer.request([...UPGRADE_HEADERS, ...headers], { early });
    return { peer, head: await peer.head() };
  }

  // Writing

  /** Sends bytes; resolves when the line has taken them, or can take none. */
  write(bytes: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#writes.push([bytes, resolve]);
    if (!this.#writing) this.#write();
    return promise;
  }

  /** Sends the head of a request. */
  request(
    headers: readonly string[],
    { method = "GET", path = "/", early = NOTHING }: RequestOptions = {},
  ): void {
    const head = encoder.encode(
      [`${method} ${path} HTTP/1.1`, ...headers, "", ""].join("\r\n"),
    );
    const bytes = new Uint8Array(head.length + early.length);
    bytes.set(head);
    bytes.set(early, head.length);
    this.write(bytes);
  }

  /** Sends a frame. */
  send(
    opcode: number,
    payload: Uint8Array | string = "",
    options?: FrameOptions,
  ): Promise<void> {
    return this.write(this.encode(opcode, payload, options));
  }

  text(text: string): Promise<void> {
    return this.send(1, text);
  }

  binary(payload: Uint8Array): Promise<void> {
    return this.send(2, payload);
  }

  close(code?: number, reason = ""): Promise<void> {
    return this.send(8, code === undefined ? "" : closePayload(code, reason));
  }

  /** The bytes of a frame as this side has to send them. */
  encode(
    opcode: number,
    payload: Uint8Array | string = "",
    { masked = this.side === "client", ...options }: FrameOptions = {},
  ): Uint8Array<ArrayBuffer> {
    return encodeFrame(
      { opcode, payload, ...options },
      masked ? KEY : undefined,
    );
  }

  // Reading

  /** The head of a request or of an answer. */
  async head(): Promise<string> {
    let head: string | undefined;
    await this.#until(() => {
      head = this.#reader.takeHead();
      return head !== undefined || this.#how !== undefined;
    }, "the head");
    if (head === undefined) {
      const rest = decoder.decode(this.#reader.take(this.#reader.size));
      throw new Error(`The connection has ended without a head: ${rest}`);
    }
    return head;
  }

  /** The next frame, or `undefined` at the end of the connection. */
  async frame(): Promise<ReadFrame | undefined> {
    await this.#until(
      () => this.pending > 0 || this.#how !== undefined,
      "a frame",
    );
    return this.#frames.shift();
  }

  /** The next frame, which must come. */
  async next(): Promise<ReadFrame> {
    const frame = await this.frame();
    if (frame === undefined) {
      throw new Error("Cannot read frame: the connection has ended");
    }
    return frame;
  }

  /** The next frame's opcode and payload, text as text. */
  async nextText(): Promise<[opcode: number, text: string]> {
    const { opcode, payload } = await this.next();
    return [opcode, decoder.decode(payload)];
  }

  /** The next frame, which must be a close frame. */
  async nextClose(): Promise<[code: number, reason: string]> {
    const { opcode, payload } = await this.next();
    if (opcode !== 8) throw new Error(`Expected a close frame, got ${opcode}`);
    if (payload.length === 0) return [1005, ""];
    return [
      payload[0]! << 8 | payload[1]!,
      decoder.decode(payload.subarray(2)),
    ];
  }

  /** The next data message, control frames skipped. */
  async nextMessage(): Promise<Uint8Array<ArrayBuffer>> {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    while (true) {
      const frame = await this.next();
      if (frame.opcode >= 8) continue;
      parts.push(frame.payload);
      if (frame.fin) return new Uint8Array(await new Blob(parts).arrayBuffer());
    }
  }

  /** How many frames wait to be read. */
  get pending(): number {
    this.#frames.push(...this.#reader.frames());
    return this.#frames.length;
  }

  /** Everything up to the end of the connection, behind the frames read. */
  async rest(): Promise<Uint8Array<ArrayBuffer>> {
    await this.ended;
    if (this.#frames.length > 0) throw new Error("Frames have not been read");
    return this.#reader.take(this.#reader.size);
  }

  /** Hands over what has come and has not been read, and all that follows. */
  deliver(sink: Sink): void {
    this.#sink = sink;
    sink.push(this.#reader.take(this.#reader.size));
    if (this.#how !== undefined) sink.end(this.#how);
  }

  /** Reads no bytes any more, so that the other side cannot write on. */
  pause(): void {
    this.#line.pause();
  }

  resume(): void {
    this.#line.resume();
  }

  // Ending

  /** Ends this side's direction, behind what was written (FIN). */
  end(): void {
    this.#finished = true;
    if (!this.#writing) this.#line.end();
  }

  /** Cuts the connection (RST). */
  reset(): void {
    this.#line.reset();
  }

  /** Ends both directions. */
  destroy(): void {
    this.#line.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  /** Resolves when the other side has ended its direction. */
  get ended(): Promise<void> {
    return withTimeout(this.#ended.promise, WAIT, "the other side's end");
  }

  // A line takes one write at a time.
  #write(): void {
    const next = this.#writes.shift();
    this.#writing = next !== undefined;
    if (next === undefined) {
      if (this.#finished) this.#line.end();
      return;
    }
    const [bytes, taken] = next;
    this.#line.write(bytes, () => {
      taken();
      this.#write();
    });
  }

  #data(chunk: Uint8Array): void {
    this.received += chunk.length;
    if (this.#sink !== undefined) return this.#sink.push(chunk);
    this.#reader.push(chunk);
    this.#wake();
  }

  #over(how: "FIN" | "RST"): void {
    this.#ended.resolve();
    if (this.#how !== undefined) return;
    this.#how = how;
    this.#sink?.end(how);
    this.#wake();
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = () => {
      if (!done()) return;
      this.#wake = () => {};
      resolve();
    };
    this.#wake();
    await withTimeout(promise, WAIT, what);
  }
}

/** A socket as node has it, with nothing of what is tested in between. */
export function socketLine(socket: net.Socket): Line {
  return {
    start(receiver) {
      let fault: unknown;
      socket.setNoDelay(true);
      socket.on("data", (chunk: Uint8Array<ArrayBuffer>) => {
        receiver.data(chunk);
      });
      socket.on("end", () => receiver.end());
      socket.on("error", (error) => fault = error);
      socket.on("close", () => receiver.closed(fault));
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    write(chunk, done) {
      if (socket.destroyed) return done(new Error("The socket is closed"));
      let told = false;
      const once = (error?: unknown) => {
        socket.off("close", once);
        if (!told) done(error);
        told = true;
      };
      // Bun may not call back for what a closed socket has not sent.
      socket.once("close", once);
      socket.write(chunk, once);
    },
    end: () => socket.end(),
    destroy: () => socket.destroy(),
    reset: () => socket.resetAndDestroy(),
  };
}

/** A client's frame, masked by zeros. */
export function maskedFrame(
  opcode: number,
  payload: string | Uint8Array = "",
  fin = true,
): Uint8Array<ArrayBuffer> {
  return encodeFrame({ opcode, payload, fin }, NO_KEY);
}
