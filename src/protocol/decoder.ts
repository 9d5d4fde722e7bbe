// The position in the stream of bytes, and the chunks that wait, are one state,
// hence past 300 lines.

import type { ReadLimitError } from "../errors.ts";
import type { ProtocolError } from "../peer_errors.ts";
import type { ControlType, DataType } from "../message.ts";
import {
  MAX_HEADER_LENGTH,
  readFrameHeaderLength,
  readUint32,
} from "./frame_header.ts";
import type { FrameReceiver } from "./frame_receiver.ts";
import {
  checkFirstBytes,
  type FrameContext,
  readExtendedLength,
} from "./frame_rules.ts";
import { applyMask, copyMasked } from "./mask.ts";
import { compressedLimit, messageTooLong } from "./read_limit.ts";

/** What a {@linkcode FrameDecoder} is made with. */
export interface FrameDecoderOptions {
  /** Whether frames must be masked (RFC 6455, section 5.1), or must not be. */
  readonly masked: boolean;
  /** Whether an extension that uses RSV1 was negotiated. */
  readonly rsv1: boolean;
  /** The most payload bytes of a message; `Infinity` for none. */
  readonly readLimit: number;
}

/** What the next bytes are; END needs no more. */
type Stage = 0 | 1 | 2 | 3 | 4;
const HEADER: Stage = 0;
const DATA: Stage = 1;
const CONTROL: Stage = 2;
const END: Stage = 3;
const OVER: Stage = 4;

const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/**
 * Reads frames from chunks of bytes, cut anywhere. Chunks are accepted at any
 * time, decoded in order, and kept while reading is paused. Every rule is
 * checked at the header, before anything is done for the payload; the payload
 * is unmasked within its chunk and passed on from there. Between chunks, a part
 * of a header or of a control frame may be held, never of a message.
 */
export class FrameDecoder {
  readonly #receiver: FrameReceiver;
  readonly #context: { -readonly [K in keyof FrameContext]: FrameContext[K] };
  #readLimit = 0;

  /** The reasons for a pause, one bit each; the caller defines them. */
  #paused = 0;
  /** Whether a receiver is being called: calls from within must not nest. */
  #telling = false;

  // The current chunk.
  #chunk: Uint8Array<ArrayBuffer> = NOTHING;
  #position = 0;
  #end = 0;
  /** Chunks that wait, from `#first` on; made when the first one does. */
  #queue: Uint8Array<ArrayBuffer>[] | undefined;
  #first = 0;

  #stage: Stage = HEADER;
  /** A header that is cut between chunks. */
  #header: Uint8Array<ArrayBuffer> | undefined;
  #headerLength = 0;
  // The current frame.
  #opcode = 0;
  #fin = false;
  #compressed = false;
  #key = 0;
  #length = 0;
  /** How much of the frame's payload has been taken. */
  #taken = 0;
  #control: Uint8Array<ArrayBuffer> = NOTHING;
  // The current message.
  #messageLength = 0;
  #messageLimit = 0;
  #messageReadLimit = 0;
  #frames = 0; // since they were last asked for

  /** Makes a decoder that calls the receiver. */
  constructor(options: FrameDecoderOptions, receiver: FrameReceiver) {
    this.#receiver = receiver;
    this.#context = {
      masked: options.masked,
      rsv1: options.rsv1,
      inMessage: false,
    };
    this.setReadLimit(options.readLimit);
  }

  /** Why no events are delivered now: the bits of all reasons, or 0. */
  get paused(): number {
    return this.#paused;
  }

  /** Whether this is called from within an event. */
  get telling(): boolean {
    return this.#telling;
  }

  /** Whether input is ignored from now on. */
  get over(): boolean {
    return this.#stage === OVER;
  }

  /** Whether a part of a data frame's payload is missing. */
  get inFrame(): boolean {
    return this.#stage === DATA;
  }

  /** How many frames have begun since this was last called. */
  takeFrames(): number {
    const frames = this.#frames;
    this.#frames = 0;
    return frames;
  }

  /**
   * Sets the limit for messages that begin later.
   *
   * @param bytes The most payload bytes; `Infinity` for none
   */
  setReadLimit(bytes: number): void {
    // Lengths past 2^53 - 1 cannot be counted, so they exceed any limit.
    this.#readLimit = Math.min(bytes, Number.MAX_SAFE_INTEGER);
  }

  /**
   * Delivers nothing more; from within an event, nothing after that event.
   *
   * @param reason The reason's bit; reading is paused while any bit is set
   */
  pause(reason: number): void {
    this.#paused |= reason;
  }

  /**
   * Goes on where `pause` stopped, unless another reason is left.
   *
   * @param reasons The bits of the reasons that no longer hold
   * @throws {InvalidStateError} As `push` does
   */
  resume(reasons: number): void {
    this.#paused &= ~reasons;
    this.#decode();
  }

  /** Drops the chunks that wait, and ignores all input from now on. */
  stop(): void {
    this.#stage = OVER;
    this.#header = undefined;
    this.#control = NOTHING;
    this.#clear();
  }

  /**
   * Takes bytes from the peer, cut anywhere. Events are delivered before this
   * returns, unless reading is paused or this is called from within an event:
   * then the chunk waits for its turn. What a receiver throws passes through,
   * and the next `push` or `resume` goes on after that event.
   *
   * @param chunk The bytes, which are unmasked in place; the caller must not
   * use them any more
   * @throws {InvalidStateError} If a receiver has transferred the buffer of a
   * message elsewhere, and the rest of the chunk with it
   */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#stage === OVER) return;
    if (this.#chunk === NOTHING) this.#begin(chunk);
    else (this.#queue ??= []).push(chunk);
    this.#decode();
  }

  /** Decodes what there is, until an event pauses or stops this. */
  #decode(): void {
    if (this.#paused !== 0 || this.#telling) return;
    this.#telling = true;
    try {
      do {
        this.#decodeChunk(this.#chunk);
      } while (this.#paused === 0 && this.#next());
    } finally {
      this.#telling = false;
    }
  }

  #begin(chunk: Uint8Array<ArrayBuffer>): void {
    this.#chunk = chunk;
    this.#position = 0;
    this.#end = chunk.length;
  }

  /** Begins the next chunk; returns whether there is one. */
  #next(): boolean {
    if (this.#chunk !== NOTHING) this.#receiver.spent(this.#chunk);
    const queue = this.#queue;
    if (queue === undefined || this.#first === queue.length) {
      this.#clear();
      return false;
    }
    this.#begin(queue[this.#first]!);
    // The queue must not keep decoded chunks in memory.
    queue[this.#first++] = NOTHING;
    return true;
  }

  #clear(): void {
    this.#begin(NOTHING);
    this.#queue = undefined;
    this.#first = 0;
  }

  #decodeChunk(chunk: Uint8Array<ArrayBuffer>): void {
    while (this.#paused === 0) {
      if (this.#position >= this.#end) {
        if (this.#stage !== END && this.#stage !== CONTROL) return;
      } else if (chunk.length !== this.#end) {
        this.stop();
        throw transferred();
      }
      if (this.#stage === HEADER) {
        const error = this.#readHeader(chunk);
        if (error !== undefined) {
          this.stop();
          return this.#receiver.fail(error);
        }
        if (this.#headerLength !== 0) return;
        this.#beginFrame(chunk);
      } else if (this.#stage === DATA) {
        this.#readData(chunk);
      } else if (this.#stage === CONTROL) {
        if (!this.#readControl(chunk)) return;
        this.#receiver.control(this.#opcode as ControlType, this.#control);
      } else if (this.#stage === END) {
        this.#stage = HEADER;
        if (this.#fin) {
          this.#context.inMessage = false;
          this.#receiver.end();
        }
      } else {
        return;
      }
    }
  }

  /**
   * Reads a header from the chunk, or from the parts gathered so far;
   * `#headerLength` is not 0 while more bytes are needed.
   */
  #readHeader(
    chunk: Uint8Array<ArrayBuffer>,
  ): ProtocolError | ReadLimitError | undefined {
    const start = this.#position;
    if (this.#headerLength === 0 && this.#end - start >= 2) {
      const next = start + readFrameHeaderLength(chunk[start + 1]!);
      if (next <= this.#end) {
        this.#position = next;
        return checkFirstBytes(
          chunk[start]!,
          chunk[start + 1]!,
          this.#context,
        ) ?? this.#parseHeader(chunk, start);
      }
    }
    const header = this.#header ??= new Uint8Array(MAX_HEADER_LENGTH);
    while (this.#position < this.#end) {
      header[this.#headerLength++] = chunk[this.#position++]!;
      if (this.#headerLength === 2) {
        const error = checkFirstBytes(header[0]!, header[1]!, this.#context);
        if (error !== undefined) return error;
      }
      if (
        this.#headerLength >= 2 &&
        this.#headerLength === readFrameHeaderLength(header[1]!)
      ) {
        this.#headerLength = 0;
        return this.#parseHeader(header, 0);
      }
    }
    return undefined;
  }

  /** Parses a complete header, whose first two bytes have been checked. */
  #parseHeader(
    bytes: Uint8Array<ArrayBuffer>,
    start: number,
  ): ProtocolError | ReadLimitError | undefined {
    const first = bytes[start]!;
    let length = bytes[start + 1]! & 0x7f;
    let next = start + 2;
    if (length >= 126) {
      const bits = length === 126 ? 16 : 64;
      const extended = readExtendedLength(bytes, next, bits);
      if (typeof extended !== "number") return extended;
      length = extended;
      next += bits >>> 3;
    }
    this.#frames++;
    this.#opcode = first & 0x0f;
    this.#length = length;
    this.#taken = 0;
    this.#key = this.#context.masked ? readUint32(bytes, next) : 0;
    if (this.#opcode >= 8) return undefined;
    this.#fin = (first & 0x80) !== 0;
    if (this.#opcode !== 0) {
      // The codec counts the inflated bytes of a compressed message.
      this.#compressed = (first & 0x40) !== 0;
      this.#messageLength = 0;
      this.#messageReadLimit = this.#readLimit;
      this.#messageLimit = this.#compressed
        ? compressedLimit(this.#readLimit)
        : this.#readLimit;
    }
    this.#messageLength += length;
    if (this.#messageLength > this.#messageLimit) {
      return messageTooLong(this.#messageReadLimit, this.#compressed);
    }
    return undefined;
  }

  /** Goes from a header to what follows it. */
  #beginFrame(chunk: Uint8Array<ArrayBuffer>): void {
    const opcode = this.#opcode;
    const length = this.#length;
    if (opcode >= 8) {
      // At most 125 bytes, as the header has been checked.
      this.#control = new Uint8Array(length);
      this.#stage = CONTROL;
      return;
    }
    if (opcode === 0) {
      this.#stage = length === 0 ? END : DATA;
      return;
    }
    const type = opcode as DataType;
    const start = this.#position;
    if (this.#fin && !this.#compressed && length <= this.#end - start) {
      const end = this.#position = start + length;
      this.#receiver.whole(type, chunk, start, end, this.#key);
      return;
    }
    this.#context.inMessage = true;
    this.#stage = length === 0 ? END : DATA;
    this.#receiver.start(type, this.#compressed, this.#fin ? length : 0);
  }

  #readData(chunk: Uint8Array<ArrayBuffer>): void {
    const start = this.#position;
    const phase = this.#taken;
    const end = Math.min(this.#end, start + this.#length - phase);
    this.#position = end;
    this.#taken += end - start;
    if (this.#taken === this.#length) this.#stage = END;
    if (this.#key !== 0) applyMask(chunk, start, end, this.#key, phase);
    this.#receiver.piece(chunk, start, end);
  }

  /** Gathers a control frame's payload; returns whether it is complete. */
  #readControl(chunk: Uint8Array<ArrayBuffer>): boolean {
    const start = this.#position;
    const end = Math.min(this.#end, start + this.#length - this.#taken);
    copyMasked(chunk, start, end, this.#control, this.#taken, 0);
    this.#position = end;
    this.#taken += end - start;
    if (this.#taken < this.#length) return false;
    applyMask(this.#control, 0, this.#length, this.#key, 0);
    this.#stage = HEADER;
    return true;
  }
}

function transferred(): DOMException {
  return new DOMException(
    "Cannot read on: the buffer of a received message was transferred, copy it with slice() before",
    "InvalidStateError",
  );
}
