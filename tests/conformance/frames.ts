/**
 * Frames as RFC 6455, section 5.2, draws them. Written for the suite alone: it
 * shares nothing with what it tests.
 */

/** A frame to send, right or wrong. */
export interface Frame {
  readonly opcode: number;
  /** A string goes out as UTF-8. Default: empty. */
  readonly payload?: string | Uint8Array;
  /** Default: true. */
  readonly fin?: boolean;
  /** RSV1, RSV2 and RSV3 as a number of three bits: RSV1 alone is 4. */
  readonly rsv?: number;
}

/** A frame that has come. */
export interface ReadFrame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  /** Whether the length stands in the shortest form. */
  readonly minimal: boolean;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** More than any case asks for; what is longer is not waited for. */
const LONGEST = 64 * 1024 * 1024;
const encoder = new TextEncoder();

/** The bytes of a text, or the bytes. */
export function toBytes(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? encoder.encode(data) : data;
}

/** Encodes a frame without any check, masked where there is a key. */
export function encodeFrame(
  frame: Frame,
  key: Uint8Array | undefined,
): Uint8Array<ArrayBuffer> {
  const { opcode, fin = true, rsv = 0 } = frame;
  const payload = toBytes(frame.payload ?? "");
  const size = payload.length;
  const extended = size < 126 ? 0 : size < 65_536 ? 2 : 8;
  const start = 2 + extended + (key === undefined ? 0 : 4);
  const bytes = new Uint8Array(start + size);
  const view = new DataView(bytes.buffer);
  bytes[0] = (fin ? 0x80 : 0) | rsv << 4 | opcode;
  bytes[1] = (key === undefined ? 0 : 0x80) |
    (extended === 0 ? size : extended === 2 ? 126 : 127);
  if (extended === 2) view.setUint16(2, size);
  if (extended === 8) view.setBigUint64(2, BigInt(size));
  bytes.set(payload, start);
  if (key !== undefined) {
    bytes.set(key, start - 4);
    mask(bytes, start, key);
  }
  return bytes;
}

/** Cuts bytes into frames as they come. */
export class FrameReader {
  readonly #onFrame: (frame: ReadFrame) => void;
  readonly #head = new Uint8Array(14);
  #headSize = 0;
  #payload: Uint8Array<ArrayBuffer> | undefined;
  #filled = 0;

  constructor(onFrame: (frame: ReadFrame) => void) {
    this.#onFrame = onFrame;
  }

  /** Whether a frame has begun and is not whole. */
  get inside(): boolean {
    return this.#headSize > 0;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length || this.#isWhole()) {
      if (this.#payload === undefined) {
        this.#head[this.#headSize++] = chunk[at++]!;
        if (this.#headSize === this.#headNeeds()) this.#beginPayload();
      } else {
        const part = chunk.subarray(
          at,
          at + this.#payload.length - this.#filled,
        );
        this.#payload.set(part, this.#filled);
        this.#filled += part.length;
        at += part.length;
      }
      if (this.#isWhole()) this.#emit();
    }
  }

  #isWhole(): boolean {
    return this.#payload?.length === this.#filled;
  }

  #headNeeds(): number {
    if (this.#headSize < 2) return 2;
    const second = this.#head[1]!;
    const length = second & 0x7f;
    return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) +
      (second & 0x80 ? 4 : 0);
  }

  #length(): { size: number; minimal: boolean } {
    const view = new DataView(this.#head.buffer);
    const length = this.#head[1]! & 0x7f;
    if (length < 126) return { size: length, minimal: true };
    const size = length === 126
      ? view.getUint16(2)
      : Number(view.getBigUint64(2));
    return { size, minimal: size > (length === 126 ? 125 : 65_535) };
  }

  #beginPayload(): void {
    const { size } = this.#length();
    if (size > LONGEST) throw new Error(`A frame claims ${size} bytes`);
    this.#payload = new Uint8Array(size);
    this.#filled = 0;
  }

  #emit(): void {
    const [first = 0, second = 0] = this.#head;
    const payload = this.#payload!;
    const masked = (second & 0x80) !== 0;
    if (masked) {
      mask(payload, 0, this.#head.slice(this.#headSize - 4, this.#headSize));
    }
    const { minimal } = this.#length();
    this.#headSize = 0;
    this.#payload = undefined;
    this.#onFrame({
      fin: (first & 0x80) !== 0,
      rsv: first >> 4 & 7,
      opcode: first & 15,
      masked,
      minimal,
      payload,
    });
  }
}

// RFC 6455, section 5.3.
function mask(bytes: Uint8Array, start: number, key: Uint8Array): void {
  for (let i = start; i < bytes.length; i++) {
    bytes[i]! ^= key[(i - start) & 3]!;
  }
}
