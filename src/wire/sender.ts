// One queue with one order: all methods share its state, hence past 300 lines.

import { CloseError } from "../close.ts";
import { maxFrameLength } from "../protocol/encoder.ts";
import { frameHeaderLength, payloadLength } from "../protocol/frame_header.ts";
import { LargeFrame } from "../protocol/large_frame.ts";
import type { Session } from "../protocol/session.ts";
import type { ConnectionState } from "../protocol/state.ts";
import type { BufferPool, ByteStream } from "../transport/byte_stream.ts";
import { COPY_LIMIT } from "../transport/transport.ts";
import { MAX_BUFFER, MIN_BUFFER } from "./buffers.ts";
import { toBytes } from "./prepared_frame.ts";
import { flushLater } from "../base/turns.ts";

// Up to this many bytes, a copy costs less than another write: an echo of 20 to
// 120 KB takes 0.6 to 0.8 of the CPU time on Deno, 0.5 to 0.7 on Bun.
const GATHER_LIMIT = 131_072;
// The most bytes of control frames that wait for a write to finish.
const CONTROL_LIMIT = 4096;
// From this many bytes on, a reference costs less than a copy and its buffer:
// 0.6 of the time for 512 bytes, and a broadcast of 4 KiB, compressed, takes
// 0.85 of the CPU time on Deno, 0.8 on Bun.
const REFER_FROM = 512;

/** What a sender needs. */
export interface SenderOptions {
  readonly writeBufferSize: number;
  readonly pool: BufferPool;
}

interface Batch {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly length: number;
  /**
   * Whether the buffer is the caller's, who waits until it has been written.
   */
  readonly lent?: true;
  /** Whether the buffer goes back to the pool when it has been written. */
  readonly pooled?: true;
}

/** Somebody who waits until so many bytes of data have been taken. */
interface Wait extends PromiseWithResolvers<void> {
  readonly at: number;
}

/**
 * The outgoing half of a wire connection. Frames are gathered in a buffer,
 * which is written when the reader is idle, when it is full, or in the next
 * turn of the event loop. There is one write at a time; control frames only
 * wait for that.
 */
export class Sender {
  readonly #session: Session;
  readonly #state: ConnectionState;
  readonly #stream: ByteStream;
  readonly #pool: BufferPool;
  readonly #size: number;
  readonly #highWater: number;
  #buffer: Uint8Array<ArrayBuffer> | undefined; // being filled
  #used = 0;
  #full: Batch[] | undefined; // full buffers that wait to be written
  #writing: Batch | undefined;
  #large: LargeFrame | undefined; // goes out after what is gathered
  #control: Uint8Array<ArrayBuffer>[] | undefined;
  #controlSize = 0;
  #pong: Uint8Array | undefined; // the latest, while blocked
  #close: { payload: Uint8Array; written: () => void } | undefined;
  #unsent = 0;
  /** Bytes that the stream has taken. */
  taken = 0;
  /** Bytes of all frames. */
  framed = 0;
  /** Bytes of the messages' payloads; the caller corrects compressed ones. */
  payload = 0;
  /** Whole messages. */
  messages = 0;
  #room: PromiseWithResolvers<void> | undefined;
  #scheduled = false;
  #controls = 0; // bytes of the control frames in `framed`
  #waits: Wait[] | undefined; // for the stream to take what is before them

  constructor(session: Session, stream: ByteStream, options: SenderOptions) {
    this.#session = session;
    this.#state = session.state;
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
   * Sends a data frame after those before it, without a copy if it is large.
   *
   * @returns `undefined` if there is room for more; or a promise that fulfils
   * when there is, and the payload may change again
   * @throws {CloseError} If nothing can be sent any more
   */
  frame(
    opcode: 0 | 1 | 2,
    data: string | Uint8Array,
    fin: boolean,
    rsv1: boolean,
  ): Promise<void> | undefined {
    if (!this.#state.mayWrite) throw new CloseError(1006);
    const session = this.#session;
    // Text is encoded right into the write buffer, if that surely has the room.
    const inPlace = data.length <= COPY_LIMIT ||
      typeof data === "string" && maxFrameLength(data) <= MAX_BUFFER;
    const payload = inPlace ? data : toBytes(data);
    if (!inPlace && payload.length > GATHER_LIMIT) {
      const bytes = payload as Uint8Array;
      this.#large = session.encodeLarge(opcode, bytes, fin, rsv1);
      this.#unsent += this.#large.rest;
      this.framed += this.#large.rest;
      this.payload += bytes.length;
    } else {
      const buffer = this.#buffer;
      const used = this.#used;
      let end = buffer === undefined
        ? -1
        : session.encodeInto(buffer, used, opcode, payload, fin, rsv1);
      if (end < 0) {
        const buffer = this.#reserve(this.#lengthOf(payload));
        const used = this.#used;
        end = session.encodeInto(buffer, used, opcode, payload, fin, rsv1);
      }
      const length = end - this.#used;
      this.#unsent += length;
      this.#used = end;
      this.framed += length;
      this.payload += typeof payload === "string"
        ? payloadLength(length, session.side === "client")
        : payload.length;
    }
    if (fin) this.messages++;
    this.#soon();
    return this.#hasRoom ? undefined : this.#wait();
  }

  /**
   * Sends a frame, or some, that were encoded once for many connections of a
   * server. The size is that of the payload before it was compressed. Otherwise
   * as {@linkcode Sender.frame}.
   */
  encoded(
    opcode: 1 | 2,
    frame: Uint8Array<ArrayBuffer>,
    size: number,
    count = 1,
  ): Promise<void> | undefined {
    if (!this.#state.mayWrite) throw new CloseError(1006);
    this.#session.check(opcode);
    const { length } = frame;
    this.#unsent += length;
    this.framed += length;
    this.payload += size;
    this.messages += count;
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
    this.#soon();
    return this.#hasRoom ? undefined : this.#wait();
  }

  /**
   * Sends a ping or a pong, ahead of the data. Of the answers to pings that
   * come during a write, only the latest is kept (RFC 6455, section 5.5.3); of
   * other pongs, as many as there is room for, and the latest.
   *
   * @throws {CloseError} If no control frame can be sent any more
   */
  control(
    type: 9 | 10,
    payload: Uint8Array,
    answer = false,
  ): Promise<void> | undefined {
    if (!this.#state.maySendControl) throw new CloseError(1006);
    if (type === 10 && this.#writing !== undefined) {
      const full = this.#controlSize >= CONTROL_LIMIT;
      if (answer || full) {
        // The payload of an answer is ours already; copies of a flood of them
        // would only be garbage.
        this.#pong = answer ? payload : new Uint8Array(payload);
        return full ? this.#wait() : undefined;
      }
    }
    const frame = this.#session.encode(type, payload);
    (this.#control ??= []).push(frame);
    this.#controlSize += frame.length;
    this.#soon();
    return this.#controlSize < CONTROL_LIMIT ? undefined : this.#wait();
  }

  /** Sends the close frame after everything else; nothing may follow it. */
  close(payload: Uint8Array, written: () => void): void {
    if (this.#state.sending !== "open") return;
    this.#state.closeQueued();
    this.#close = { payload, written };
    this.flush();
  }

  /**
   * Starts a write of what there is, if none is pending. A large frame that has
   * begun goes first, then control frames, then all other data, and the close
   * frame last.
   */
  flush(): void {
    this.#scheduled = false;
    if (this.#writing !== undefined || !this.#state.mayWrite) return;
    if (this.#large?.begun) return this.#writeLarge(this.#large);
    if (this.#pong !== undefined || this.#control !== undefined) {
      return this.#writeControl();
    }
    const batch = this.#full === undefined ? this.#take() : this.#shift();
    if (batch !== undefined) {
      if (batch.length > 0) return this.#write(batch);
      this.#pool.put(batch.buffer);
    }
    if (this.#large !== undefined) return this.#writeLarge(this.#large);
    if (this.#close !== undefined) this.#writeClose(this.#close);
  }

  /**
   * Writes what has been gathered.
   *
   * @returns A promise that fulfils when the stream has taken all data so far, and
   * rejects when it will not
   */
  written(): Promise<void> {
    this.flush();
    const at = this.framed - this.#controls;
    // Also behind the close frame, and the end.
    if (this.taken - this.#controls >= at) return Promise.resolve();
    if (!this.#state.mayWrite) return Promise.reject(new CloseError(1006));
    const wait = { at, ...Promise.withResolvers<void>() };
    (this.#waits ??= []).push(wait);
    return wait.promise;
  }

  /** Nothing can be written any more: who waits for it is told. */
  destroy(): void {
    this.#state.cut();
    if (this.#buffer !== undefined) this.#pool.put(this.#buffer);
    for (const { buffer, pooled } of this.#full ?? []) {
      if (pooled) this.#pool.put(buffer);
    }
    // The stream still uses the buffer that is being written.
    this.#buffer = undefined;
    this.#full = undefined;
    this.#control = undefined;
    this.#large = undefined;
    this.#close = undefined;
    this.#pong = undefined;
    this.#unsent = 0;
    this.#controlSize = 0;
    this.#room?.reject(new CloseError(1006));
    this.#room = undefined;
    for (const wait of this.#waits ?? []) wait.reject(new CloseError(1006));
    this.#waits = undefined;
  }

  // The most bytes that the frame of a payload may have.
  #lengthOf(payload: string | Uint8Array): number {
    if (typeof payload === "string") return maxFrameLength(payload);
    const masked = this.#session.side === "client";
    return frameHeaderLength(payload.length, masked) + payload.length;
  }

  // A buffer with room for so many more bytes. It grows with what a connection
  // gathers, so that connections with little to send stay small.
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
    // It grows fourfold, so that it is copied only a few times.
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

  // Queues the filled buffer to be written.
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

  // Takes the first buffer that waits.
  #shift(): Batch | undefined {
    const batch = this.#full?.shift();
    if (this.#full?.length === 0) this.#full = undefined;
    return batch;
  }

  // Writes what has been gathered if it is enough, or else in the next turn.
  #soon(): void {
    if (this.#unsent >= this.#size || this.#large !== undefined) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      flushLater(this);
    }
  }

  // Nothing is accepted after a large frame, whose payload its caller may
  // change only once the stream has taken all of it.
  get #hasRoom(): boolean {
    return this.#large === undefined && this.#writing?.lent === undefined &&
      this.#unsent < this.#highWater;
  }

  #wait(): Promise<void> {
    if (this.#room === undefined) {
      this.#room = Promise.withResolvers<void>();
      // Whoever waits also sees the end of the connection elsewhere, so this
      // need not be handled.
      this.#room.promise.catch(() => {});
    }
    return this.#room.promise;
  }

  #writeLarge(large: LargeFrame): void {
    const chunk = large.next();
    if (large.rest === 0) this.#large = undefined;
    this.#write({ buffer: chunk, length: chunk.length, lent: true });
  }

  #writeControl(): void {
    if (this.#pong !== undefined && this.#state.maySendData) {
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
    if (buffer.length === 0) return this.flush();
    this.#unsent += buffer.length;
    this.framed += buffer.length;
    this.#controls += buffer.length;
    this.#write({ buffer, length: buffer.length });
  }

  #writeClose(close: { payload: Uint8Array; written: () => void }): void {
    this.#close = undefined;
    const buffer = this.#session.encode(8, close.payload);
    this.#unsent += buffer.length;
    this.framed += buffer.length;
    this.#write({ buffer, length: buffer.length }, () => {
      this.#state.closeWritten();
      close.written();
    });
  }

  // No write is under way: the control frames have been taken, too.
  #settle(waits: Wait[]): void {
    const taken = this.taken - this.#controls;
    const rest = waits.findIndex(({ at }) => at > taken);
    for (const wait of waits.splice(0, rest < 0 ? waits.length : rest)) {
      wait.resolve();
    }
    if (rest < 0) this.#waits = undefined;
  }

  #write(batch: Batch, then?: () => void): void {
    this.#writing = batch;
    const chunk = batch.length === batch.buffer.length
      ? batch.buffer
      : batch.buffer.subarray(0, batch.length);
    const done = (error?: unknown) => {
      this.#writing = undefined;
      if (batch.pooled) this.#pool.put(batch.buffer);
      // The stream reports its end by itself.
      if (error !== undefined && error !== null) this.#state.cut();
      if (!this.#state.mayWrite) return;
      this.#unsent -= batch.length;
      this.taken += batch.length;
      then?.();
      if (this.#waits !== undefined) this.#settle(this.#waits);
      this.flush();
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
      // A user's stream that throws must not keep others from being flushed.
      this.#stream.destroy();
    }
  }
}
