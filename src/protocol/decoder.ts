import { type ProtocolError, ReadLimitError } from "../errors.ts";
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

/** What a {@linkcode FrameDecoder} is made with. */
export interface FrameDecoderOptions {
  /** Whether frames must be masked (RFC 6455, section 5.1), or must not be. */
  readonly masked: boolean;
  /** Whether an extension that uses RSV1 was negotiated. */
  readonly rsv1: boolean;
  /** The most payload bytes of a message; `Infinity` for none. */
  readonly readLimit: number;
}

/** What the next bytes are; `End` needs none. */
type Stage = 0 | 1 | 2 | 3 | 4;
const HEADER: Stage = 0;
const DATA: Stage = 1;
const CONTROL: Stage = 2;
const END: Stage = 3;
const OVER: Stage = 4;

const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/**
 * Reads frames from chunks of bytes, cut anywhere. Every rule is checked at
 * the header, before anything is done for the payload; payload is unmasked in
 * the chunk and passed on from there. Between chunks it holds a part of a
 * header or of a control frame, never of a message.
 */
export class FrameDecoder {
  readonly #receiver: FrameReceiver;
  readonly #context: { -readonly [K in keyof FrameContext]: FrameContext[K] };
  #readLimit = 0;

  // The chunk under way.
  #position = 0;
  #end = 0;
  #paused = false;

  #stage: Stage = HEADER;
  /** A header that is cut between chunks. */
  #header: Uint8Array<ArrayBuffer> | undefined;
  #headerLength = 0;
  // The frame under way.
  #opcode = 0;
  #fin = false;
  #compressed = false;
  #key = 0;
  #length = 0;
  /** How much of the frame's payload has been taken. */
  #taken = 0;
  #control: Uint8Array<ArrayBuffer> = NOTHING;
  // The message under way.
  #messageLength = 0;
  #messageLimit = 0;

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

  /** How much of the last chunk has been used. */
  get position(): number {
    return this.#position;
  }

  /** Whether the last call of `decode` was cut short by `pause`. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Whether input is ignored from now on. */
  get over(): boolean {
    return this.#stage === OVER;
  }

  /** Whether a part of a data frame's payload is missing. */
  get inFrame(): boolean {
    return this.#stage === DATA;
  }

  /**
   * Sets the limit for messages that begin later.
   *
   * @param bytes The most payload bytes; `Infinity` for none
   */
  setReadLimit(bytes: number): void {
    // Lengths past 2^53 - 1 cannot be counted: they exceed any limit.
    this.#readLimit = Math.min(bytes, Number.MAX_SAFE_INTEGER);
  }

  /** Makes `decode` return behind the current event. */
  pause(): void {
    this.#paused = true;
  }

  /** Ignores all input from now on. */
  stop(): void {
    this.#stage = OVER;
    this.#position = this.#end = 0;
    this.#header = undefined;
    this.#control = NOTHING;
  }

  /**
   * Decodes a chunk until it is used up, or to the event that calls `pause` or
   * `stop`. Not to be called from inside an event.
   *
   * @param chunk The bytes, which are unmasked in place
   * @param start Index of the first byte that has not been used
   * @throws {InvalidStateError} If the chunk's buffer was transferred away
   */
  decode(chunk: Uint8Array<ArrayBuffer>, start: number): void {
    this.#paused = false;
    if (this.#stage === OVER) return;
    this.#position = start;
    this.#end = chunk.length;
    while (!this.#paused) {
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
        this.#begin(chunk);
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
   * Reads a header from the chunk, or from the parts gathered of it;
   * `#headerLength` is not 0 as long as more bytes are needed.
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

  /** Takes in a header that is complete and whose first two bytes are right. */
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
    this.#opcode = first & 0x0f;
    this.#length = length;
    this.#taken = 0;
    this.#key = this.#context.masked ? readUint32(bytes, next) : 0;
    if (this.#opcode >= 8) return undefined;
    this.#fin = (first & 0x80) !== 0;
    if (this.#opcode !== 0) {
      // What a compressed message inflates to is counted by its codec.
      this.#compressed = (first & 0x40) !== 0;
      this.#messageLength = 0;
      this.#messageLimit = this.#compressed
        ? Number.MAX_SAFE_INTEGER
        : this.#readLimit;
    }
    this.#messageLength += length;
    if (this.#messageLength > this.#messageLimit) {
      return new ReadLimitError(this.#messageLimit);
    }
    return undefined;
  }

  /** Goes from a header to what follows it. */
  #begin(chunk: Uint8Array<ArrayBuffer>): void {
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
    this.#receiver.start(type, this.#compressed);
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

  /** Gathers a control frame's payload; whether it is complete. */
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
