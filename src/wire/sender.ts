// One queue with one order: its parts share all state, hence past 300 lines.

import { maxFrameLength } from "../protocol/encoder.ts";
import { frameHeaderLength, type Opcode } from "../protocol/frame_header.ts";
import type { Session } from "../protocol/session.ts";
import { maySendControl } from "../protocol/state.ts";
import type { BufferPool, ByteStream } from "../transport/byte_stream.ts";
import { COPY_LIMIT } from "../transport/transport.ts";
import { MAX_BUFFER, MIN_BUFFER } from "./buffers.ts";
import { LargeFrame } from "./large_frame.ts";
import { flushLater } from "./macrotask.ts";

// Up to this size a copy costs less than another write.
const GATHER_LIMIT = 131_072;
// Control frames that wait while a write is under way are bounded by this.
const CONTROL_LIMIT = 4096;
// From this size on a reference costs less than a copy and its buffer.
const REFER_FROM = 512;

const encoder = new TextEncoder();

/** What a sender is made with. */
export interface SenderOptions {
  readonly writeBufferSize: number;
  readonly pool: BufferPool;
}

interface Batch {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly length: number;
  /** Whether the buffer is the caller's, whose wait it ends. */
  readonly lent?: true;
  /** Whether the buffer goes to the pool when it has been written. */
  readonly pooled?: true;
}

/**
 * The outgoing half of a wire connection. Frames are gathered in a buffer that
 * goes out when the reader is idle, when it is full, or in the next turn of the
 * event loop. One write is under way at a time; control frames wait for no
 * other.
 */
export class Sender {
  readonly #session: Session;
  readonly #stream: ByteStream;
  readonly #pool: BufferPool;
  readonly #size: number;
  readonly #highWater: number;
  #buffer: Uint8Array<ArrayBuffer> | undefined; // being filled
  #used = 0;
  #full: Batch[] | undefined; // in line, when there is more than one
  #writing: Batch | undefined;
  #large: LargeFrame | undefined; // stands behind all that is gathered
  #control: Uint8Array<ArrayBuffer>[] | undefined;
  #controlSize = 0;
  #pong: Uint8Array | undefined; // the latest, while blocked
  #close: { payload: Uint8Array; written: () => void } | undefined;
  #closed = false; // the close frame has been written, or nothing can be
  #unsent = 0;
  #room: PromiseWithResolvers<void> | undefined;
  #scheduled = false;

  constructor(session: Session, stream: ByteStream, options: SenderOptions) {
    this.#session = session;
    this.#stream = stream;
    this.#pool = options.pool;
    this.#size = options.writeBufferSize;
    this.#highWater = Math.max(options.writeBufferSize, 65_536);
  }

  /** Bytes that the stream has not taken. */
  get unsent(): number {
    return this.#unsent + this.#controlSize;
  }

  /**
   * Sends a data frame: behind those before, by reference if it is large.
   *
   * @returns `undefined` if there is room for more, or a promise of room and of
   * the payload being the caller's again
   */
  frame(
    opcode: 0 | 1 | 2,
    data: string | Uint8Array,
    fin: boolean,
    rsv1: boolean,
  ): Promise<void> | undefined {
    if (this.#closed) return undefined;
    // Text is encoded where it goes out from, if a buffer surely has the room.
    if (
      data.length <= COPY_LIMIT ||
      typeof data === "string" && maxFrameLength(data) <= MAX_BUFFER
    ) {
      this.#gather(opcode, data, fin, rsv1);
    } else {
      const bytes = typeof data === "string" ? encoder.encode(data) : data;
      if (bytes.length <= GATHER_LIMIT) {
        this.#gather(opcode, bytes, fin, rsv1);
      } else {
        const { side } = this.#session;
        this.#large = LargeFrame.of(side, opcode, bytes, fin, rsv1);
        this.#unsent += this.#large.rest;
      }
    }
    return this.#pushed();
  }

  /** Sends a frame that is encoded already. */
  encoded(frame: Uint8Array<ArrayBuffer>): Promise<void> | undefined {
    if (this.#closed) return undefined;
    const { length } = frame;
    this.#unsent += length;
    if (length > GATHER_LIMIT) {
      this.#large = LargeFrame.encoded(frame);
    } else if (
      length >= REFER_FROM && this.#buffer === undefined &&
      this.#full === undefined
    ) {
      // Other connections send it, too.
      this.#full = [{ buffer: frame, length }];
    } else {
      this.#reserve(length).set(frame, this.#used);
      this.#used += length;
    }
    return this.#pushed();
  }

  /**
   * Sends a ping or a pong, ahead of the data. Of the answers to pings that
   * come while a write is under way only the latest is kept (RFC 6455, section
   * 5.5.3), of other pongs as many as there is room for, and the latest.
   */
  control(
    type: 9 | 10,
    payload: Uint8Array,
    answer = false,
  ): Promise<void> | undefined {
    if (
      this.#closed || this.#close !== undefined ||
      !maySendControl(this.#session.state)
    ) return undefined;
    if (type === 10 && this.#writing !== undefined) {
      const full = this.#controlSize >= CONTROL_LIMIT;
      if (answer || full) {
        // An answer is nobody else's; a flood of copies would be garbage.
        this.#pong = answer ? payload : new Uint8Array(payload);
        return full ? this.#wait() : undefined;
      }
    }
    const frame = this.#session.encode(type, payload);
    (this.#control ??= []).push(frame);
    this.#controlSize += frame.length;
    this.#schedule();
    return this.#controlSize < CONTROL_LIMIT ? undefined : this.#wait();
  }

  /** Sends the close frame behind all else; nothing may be sent after. */
  close(payload: Uint8Array, written: () => void): void {
    if (this.#closed || this.#close !== undefined) return;
    this.#close = { payload, written };
    this.flush();
  }

  /** Writes what is there, if nothing is being written. */
  flush(): void {
    this.#scheduled = false;
    if (this.#writing === undefined && !this.#closed) this.#next();
  }

  /** Nothing can be written any more: who waits for room gets the error. */
  destroy(error: Error): void {
    this.#closed = true;
    if (this.#buffer !== undefined) this.#pool.put(this.#buffer);
    for (const { buffer, pooled } of this.#full ?? []) {
      if (pooled) this.#pool.put(buffer);
    }
    // What is being written stays with the stream.
    this.#buffer = undefined;
    this.#full = undefined;
    this.#control = undefined;
    this.#large = undefined;
    this.#close = undefined;
    this.#pong = undefined;
    this.#unsent = 0;
    this.#controlSize = 0;
    this.#room?.reject(error);
    this.#room = undefined;
  }

  #gather(
    opcode: Opcode,
    data: string | Uint8Array,
    fin: boolean,
    rsv1: boolean,
  ): void {
    const session = this.#session;
    let end = this.#buffer === undefined ? -1 : session.encodeInto(
      this.#buffer,
      this.#used,
      opcode,
      data,
      fin,
      rsv1,
    );
    if (end < 0) {
      const bound = typeof data === "string"
        ? maxFrameLength(data)
        : frameHeaderLength(data.length, session.side === "client") +
          data.length;
      end = session.encodeInto(
        this.#reserve(bound),
        this.#used,
        opcode,
        data,
        fin,
        rsv1,
      );
    }
    this.#unsent += end - this.#used;
    this.#used = end;
  }

  // A buffer with room for so many bytes behind what is used. It grows with
  // what a connection gathers, so that many connections with a little to send
  // stay small.
  #reserve(size: number): Uint8Array<ArrayBuffer> {
    const old = this.#buffer;
    const needed = this.#used + size;
    if (old !== undefined) {
      if (needed <= old.length) return old;
      if (needed > this.#size && this.#used > 0) {
        this.#seal();
        return this.#reserve(size);
      }
    }
    // Four times as much each time, so that it is copied a few times only.
    const more = old === undefined ? MIN_BUFFER : old.length * 4;
    const length = Math.max(needed, Math.min(this.#size, more));
    const pooled = this.#pool.get(length);
    const buffer = pooled !== undefined && pooled.length >= length
      ? pooled
      : new Uint8Array(length);
    if (old !== undefined) {
      buffer.set(old.subarray(0, this.#used));
      this.#pool.put(old);
    }
    return this.#buffer = buffer;
  }

  // Puts the filled buffer in the line of those that wait to be written.
  #seal(): void {
    const batch = this.#take();
    if (batch !== undefined) (this.#full ??= []).push(batch);
  }

  // Takes the buffer that is being filled.
  #take(): Batch | undefined {
    if (this.#buffer === undefined) return undefined;
    const buffer = this.#buffer;
    const batch: Batch = { buffer, length: this.#used, pooled: true };
    this.#buffer = undefined;
    this.#used = 0;
    return batch;
  }

  // Takes what is first in the line.
  #shift(): Batch | undefined {
    if (this.#full === undefined) return this.#take();
    const batch = this.#full.shift();
    if (this.#full.length === 0) this.#full = undefined;
    return batch;
  }

  // Something has been gathered: it goes out when it is enough, or soon.
  #pushed(): Promise<void> | undefined {
    if (this.#unsent < this.#size && this.#large === undefined) {
      this.#schedule();
      return undefined;
    }
    this.flush();
    return this.#hasRoom ? undefined : this.#wait();
  }

  // Nothing is behind a large frame, whose payload is its caller's again when
  // the stream has taken the last of it.
  get #hasRoom(): boolean {
    return this.#large === undefined && this.#writing?.lent === undefined &&
      this.#unsent < this.#highWater;
  }

  #wait(): Promise<void> {
    if (this.#room === undefined) {
      this.#room = Promise.withResolvers<void>();
      // Whoever waits sees the end of the connection elsewhere too.
      this.#room.promise.catch(() => {});
    }
    return this.#room.promise;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    flushLater(this);
  }

  // Starts the next write. A large frame that has begun goes first, control
  // frames stand before all that has not, the close frame comes last.
  #next(): void {
    if (this.#large?.begun) return this.#writeLarge(this.#large);
    if (this.#pong !== undefined || this.#control !== undefined) {
      return this.#writeControl();
    }
    const batch = this.#shift();
    if (batch !== undefined) {
      if (batch.length > 0) return this.#write(batch);
      this.#pool.put(batch.buffer);
    }
    if (this.#large !== undefined) return this.#writeLarge(this.#large);
    if (this.#close !== undefined) this.#writeClose(this.#close);
  }

  #writeLarge(large: LargeFrame): void {
    const chunk = large.next();
    if (large.rest === 0) this.#large = undefined;
    this.#write({ buffer: chunk, length: chunk.length, lent: true });
  }

  #writeControl(): void {
    if (this.#pong !== undefined && maySendControl(this.#session.state)) {
      const frame = this.#session.encode(10, this.#pong);
      (this.#control ??= []).push(frame);
      this.#controlSize += frame.length;
    }
    this.#pong = undefined;
    const frames = this.#control ?? [];
    const buffer = new Uint8Array(this.#controlSize);
    let offset = 0;
    for (const frame of frames) {
      buffer.set(frame, offset);
      offset += frame.length;
    }
    this.#control = undefined;
    this.#controlSize = 0;
    if (buffer.length === 0) return this.#next();
    this.#unsent += buffer.length;
    this.#write({ buffer, length: buffer.length });
  }

  #writeClose(close: { payload: Uint8Array; written: () => void }): void {
    this.#close = undefined;
    const buffer = this.#session.encode(8, close.payload);
    this.#unsent += buffer.length;
    this.#write({ buffer, length: buffer.length }, () => {
      this.#closed = true;
      close.written();
    });
  }

  #write(batch: Batch, then?: () => void): void {
    this.#writing = batch;
    const chunk = batch.length === batch.buffer.length
      ? batch.buffer
      : batch.buffer.subarray(0, batch.length);
    const done = (error?: unknown) => {
      this.#writing = undefined;
      if (batch.pooled) this.#pool.put(batch.buffer);
      // The stream tells its end by itself.
      if (error !== undefined && error !== null) this.#closed = true;
      if (this.#closed) return;
      this.#unsent -= batch.length;
      then?.();
      if (!this.#closed) this.#next();
      if (
        this.#room !== undefined && this.#hasRoom &&
        this.#controlSize < CONTROL_LIMIT
      ) {
        this.#room.resolve();
        this.#room = undefined;
      }
    };
    try {
      this.#stream.write(chunk, done);
    } catch {
      // A stream of the user's must not keep others from being flushed.
      this.#stream.destroy();
    }
  }
}
