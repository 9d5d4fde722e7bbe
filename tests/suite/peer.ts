/**
 * The other side of the connection under test: it reads and writes frames, or
 * any bytes at all. Its framing is its own, so that a fault of ours in both
 * directions does not hide itself.
 *
 * @module
 */

import type {
  ByteReceiver,
  ByteStream,
} from "../../src/transport/byte_stream.ts";
import { withTimeout } from "../helper.ts";

/** A frame as it was received, unmasked. */
export interface Frame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** What a frame is sent with, beside opcode and payload. */
export interface FrameOptions {
  /** Default true. */
  fin?: boolean;
  /** The three bits of RSV1 to RSV3. Default 0. */
  rsv?: number;
  /** Default: as the side has to. */
  masked?: boolean;
}

/** How a peer's stream is cut as the network does it. */
export interface Resettable {
  reset(): void;
}

const WAIT_LIMIT = 8_000;
const encoder = new TextEncoder();

/** A peer of frames and bytes. */
export class Peer implements ByteReceiver {
  readonly #stream: ByteStream & Resettable;
  readonly #masks: boolean;
  readonly #frames: Frame[] = [];
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #closed: PromiseWithResolvers<void> = Promise.withResolvers();
  // What has not been parsed lies between the two indexes.
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1024);
  #start = 0;
  #end = 0;
  #wake: (() => void) | undefined;
  #over = false;
  #writes: Promise<void> = Promise.resolve();
  /** Bytes that were received. */
  received = 0;

  /**
   * Makes a peer.
   *
   * @param stream Its end of the connection
   * @param masks Whether it is the client
   */
  constructor(stream: ByteStream & Resettable, masks: boolean) {
    this.#stream = stream;
    this.#masks = masks;
    stream.start(this);
  }

  // ByteReceiver

  data(chunk: Uint8Array<ArrayBuffer>): void {
    this.received += chunk.length;
    if (this.#end + chunk.length > this.#bytes.length) {
      const kept = this.#bytes.subarray(this.#start, this.#end);
      this.#bytes = new Uint8Array(2 * (kept.length + chunk.length));
      this.#bytes.set(kept);
      this.#start = 0;
      this.#end = kept.length;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
    let length: number;
    while ((length = this.#parse()) > 0) this.#start += length;
    this.#wake?.();
  }

  end(): void {
    this.#over = true;
    this.#ended.resolve();
    this.#wake?.();
  }

  closed(): void {
    this.end();
    this.#closed.resolve();
  }

  // Writing

  /** Sends bytes; resolves when the stream has taken them, or can take none. */
  bytes(bytes: Uint8Array): Promise<void> {
    return this.#writes = this.#writes.then(() =>
      new Promise((resolve) => this.#stream.write(bytes, () => resolve()))
    );
  }

  frame(
    opcode: number,
    payload: Uint8Array | string = "",
    options?: FrameOptions,
  ): Promise<void> {
    return this.bytes(this.encode(opcode, payload, options));
  }

  text(text: string): Promise<void> {
    return this.frame(1, text);
  }

  binary(payload: Uint8Array): Promise<void> {
    return this.frame(2, payload);
  }

  close(code?: number, reason = ""): Promise<void> {
    return this.frame(8, code === undefined ? "" : closePayload(code, reason));
  }

  /** The bytes of a frame as this side has to send them. */
  encode(
    opcode: number,
    payload: Uint8Array | string = "",
    { fin = true, rsv = 0, masked = this.#masks }: FrameOptions = {},
  ): Uint8Array<ArrayBuffer> {
    const data = typeof payload === "string"
      ? encoder.encode(payload)
      : payload;
    const head = [(fin ? 0x80 : 0) | rsv << 4 | opcode];
    const bit = masked ? 0x80 : 0;
    if (data.length < 126) head.push(bit | data.length);
    else if (data.length < 65_536) {
      head.push(bit | 126, data.length >> 8, data.length & 0xff);
    } else {
      head.push(bit | 127, 0, 0, 0, 0);
      for (const shift of [24, 16, 8, 0]) {
        head.push(data.length >>> shift & 0xff);
      }
    }
    const key = [0x37, 0xfa, 0x21, 0x3d];
    if (masked) head.push(...key);
    const frame = new Uint8Array(head.length + data.length);
    frame.set(head);
    for (let i = 0; i < data.length; i++) {
      frame[head.length + i] = data[i]! ^ (masked ? key[i % 4]! : 0);
    }
    return frame;
  }

  // Reading

  /** The next frame. */
  async next(): Promise<Frame> {
    while (this.#frames.length === 0) {
      if (this.#over) throw new Error("Cannot read frame: the peer has ended");
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await withTimeout(promise, WAIT_LIMIT, "a frame");
    }
    return this.#frames.shift()!;
  }

  /** The next frame's opcode and payload, text as text. */
  async nextText(): Promise<[opcode: number, text: string]> {
    const { opcode, payload } = await this.next();
    return [opcode, new TextDecoder().decode(payload)];
  }

  /** The next frame, which must be a close frame. */
  async nextClose(): Promise<[code: number, reason: string]> {
    const { opcode, payload } = await this.next();
    if (opcode !== 8) throw new Error(`Expected a close frame, got ${opcode}`);
    if (payload.length === 0) return [1005, ""];
    return [
      payload[0]! << 8 | payload[1]!,
      new TextDecoder().decode(payload.subarray(2)),
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
    return this.#frames.length;
  }

  /** Reads no bytes any more, so that the other side cannot write on. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  // Ending

  /** Ends this side's direction (FIN). */
  finish(): void {
    void this.#writes.then(() => this.#stream.end());
  }

  /** Cuts the connection (RST). */
  reset(): void {
    this.#stream.reset();
  }

  /** Ends both directions. */
  destroy(): void {
    this.#stream.destroy();
  }

  /** Resolves when the other side has ended its direction. */
  get ended(): Promise<void> {
    return withTimeout(this.#ended.promise, WAIT_LIMIT, "the other side's end");
  }

  /** Resolves when this end is over. */
  get over(): Promise<void> {
    return withTimeout(this.#closed.promise, WAIT_LIMIT, "the peer's end");
  }

  // Parses a frame at the beginning of the bytes; its length, 0 if it lacks
  // bytes.
  #parse(): number {
    const bytes = this.#bytes.subarray(this.#start, this.#end);
    if (bytes.length < 2) return 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const masked = (bytes[1]! & 0x80) !== 0;
    let length = bytes[1]! & 0x7f;
    let offset = 2;
    const extra = length === 126 ? 2 : length === 127 ? 8 : 0;
    if (bytes.length < 2 + extra) return 0;
    if (extra === 2) length = view.getUint16(2);
    if (extra === 8) length = Number(view.getBigUint64(2));
    offset += extra + (masked ? 4 : 0);
    if (bytes.length < offset + length) return 0;
    const payload = bytes.slice(offset, offset + length);
    if (masked) {
      for (let i = 0; i < length; i++) {
        payload[i]! ^= bytes[offset - 4 + i % 4]!;
      }
    }
    this.#frames.push({
      fin: (bytes[0]! & 0x80) !== 0,
      rsv: bytes[0]! >> 4 & 7,
      opcode: bytes[0]! & 0x0f,
      masked,
      payload,
    });
    return offset + length;
  }
}

/** The payload of a close frame, whatever the code. */
export function closePayload(
  code: number,
  reason = "",
): Uint8Array<ArrayBuffer> {
  const text = encoder.encode(reason);
  const payload = new Uint8Array(2 + text.length);
  payload.set([code >> 8, code & 0xff]);
  payload.set(text, 2);
  return payload;
}
