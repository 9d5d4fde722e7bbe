import {
  MAX_HEADER_LENGTH,
  type Opcode,
  writeFrameHeader,
} from "./frame_header.ts";
import { applyMask, type MaskSource } from "./mask.ts";

// Bytes that are handed to the stream at a time.
const SLICE = 262_144;

/**
 * A frame that is too large to be copied whole: it is sent in slices, on
 * servers without a copy.
 */
export class LargeFrame {
  readonly #payload: Uint8Array;
  readonly #key: number | undefined;
  #header: Uint8Array<ArrayBuffer> | undefined;
  #offset = 0;
  /** Whether a part of it has gone out. */
  begun = false;
  /** Bytes that have not gone out. */
  rest: number;

  private constructor(
    payload: Uint8Array,
    header: Uint8Array<ArrayBuffer> | undefined,
    key: number | undefined,
  ) {
    this.#payload = payload;
    this.#header = header;
    this.#key = key;
    this.rest = payload.length + (header?.length ?? 0);
  }

  /**
   * The frame of a payload; a client's is masked slice by slice.
   *
   * @param opcode The opcode
   * @param payload The payload, which must not change until all has gone out
   * @param fin Whether this is the last frame of its message
   * @param rsv1 Whether this is the first frame of a compressed message
   * @param mask Where the masking key comes from; `undefined` on servers
   */
  static of(
    opcode: Opcode,
    payload: Uint8Array,
    fin: boolean,
    rsv1: boolean,
    mask: MaskSource | undefined,
  ): LargeFrame {
    const key = mask?.();
    const header = new Uint8Array(MAX_HEADER_LENGTH);
    const { length } = payload;
    const end = writeFrameHeader(header, 0, opcode, length, fin, rsv1, key);
    return new LargeFrame(payload, header.subarray(0, end), key);
  }

  /** A frame that has been encoded before. */
  static encoded(frame: Uint8Array<ArrayBuffer>): LargeFrame {
    return new LargeFrame(frame, undefined, undefined);
  }

  /** The next slice; the payload is unchanged. */
  next(): Uint8Array<ArrayBuffer> {
    this.begun = true;
    const start = this.#offset;
    const end = this.#offset = Math.min(start + SLICE, this.#payload.length);
    const part = this.#payload.subarray(start, end);
    const chunk = this.#chunk(part, start);
    this.rest -= chunk.length;
    return chunk;
  }

  #chunk(part: Uint8Array, start: number): Uint8Array<ArrayBuffer> {
    const header = this.#header;
    this.#header = undefined;
    if (header === undefined && this.#key === undefined) {
      return part as Uint8Array<ArrayBuffer>;
    }
    const offset = header?.length ?? 0;
    const chunk = new Uint8Array(offset + part.length);
    if (header !== undefined) chunk.set(header);
    chunk.set(part, offset);
    if (this.#key !== undefined) {
      applyMask(chunk, offset, chunk.length, this.#key, start);
    }
    return chunk;
  }
}
