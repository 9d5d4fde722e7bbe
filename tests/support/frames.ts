/**
 * Frames as RFC 6455, section 5.2, draws them. Written for the tests alone: it
 * shares nothing with what they test, so that a fault of ours in both directions
 * does not hide itself.
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

/** A frame that has come, unmasked. */
export interface ReadFrame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  /** Whether the length stands in the shortest form. */
  readonly minimal: boolean;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** More than any test asks for; what is longer is not waited for. */
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

/** The payload of a close frame, whatever the code. */
export function closePayload(
  code: number,
  reason = "",
): Uint8Array<ArrayBuffer> {
  return new Uint8Array([code >> 8, code & 0xff, ...encoder.encode(reason)]);
}

/** Bytes as they come, to be read frame by frame, or as bytes. */
export class FrameReader {
  // What has not been read lies between the two indexes.
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1024);
  #start = 0;
  #end = 0;

  /** How many bytes have come and have not been read. */
  get size(): number {
    return this.#end - this.#start;
  }

  push(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#bytes.length) {
      const kept = this.#bytes.subarray(this.#start, this.#end);
      this.#bytes = new Uint8Array(2 * (kept.length + chunk.length));
      this.#bytes.set(kept);
      this.#start = 0;
      this.#end = kept.length;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Reads so many bytes, which have come. */
  take(count: number): Uint8Array<ArrayBuffer> {
    this.#start += count;
    return this.#bytes.slice(this.#start - count, this.#start);
  }

  /** Reads up to a blank line; `undefined` before it has come. */
  takeHead(): string | undefined {
    const bytes = this.#bytes;
    for (let at = this.#start + 3; at < this.#end; at++) {
      if (
        bytes[at] === 10 && bytes[at - 1] === 13 && bytes[at - 2] === 10 &&
        bytes[at - 3] === 13
      ) {
        const head = this.take(at + 1 - this.#start);
        return new TextDecoder("latin1").decode(head);
      }
    }
    return undefined;
  }

  /** Reads all frames that are whole. */
  *frames(): Generator<ReadFrame, void> {
    for (;;) {
      const frame = this.takeFrame();
      if (frame === undefined) return;
      yield frame;
    }
  }

  /**
   * Reads a frame; `undefined` before it is whole.
   *
   * @throws {Error} If it claims to be longer than any test asks for
   */
  takeFrame(): ReadFrame | undefined {
    const bytes = this.#bytes.subarray(this.#start, this.#end);
    if (bytes.length < 2) return undefined;
    const [first = 0, second = 0] = bytes;
    const masked = (second & 0x80) !== 0;
    const short = second & 0x7f;
    const extended = short < 126 ? 0 : short === 126 ? 2 : 8;
    const start = 2 + extended + (masked ? 4 : 0);
    if (bytes.length < start) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const size = extended === 0
      ? short
      : extended === 2
      ? view.getUint16(2)
      : Number(view.getBigUint64(2));
    if (size > LONGEST) throw new Error(`A frame claims ${size} bytes`);
    if (bytes.length < start + size) return undefined;
    const payload = bytes.slice(start, start + size);
    if (masked) mask(payload, 0, bytes.subarray(start - 4, start));
    this.#start += start + size;
    return {
      fin: (first & 0x80) !== 0,
      rsv: first >> 4 & 7,
      opcode: first & 15,
      masked,
      minimal: extended === 0 || size > (extended === 2 ? 125 : 65_535),
      payload,
    };
  }
}

/** The frames of bytes, which end with the last of them. */
export function readFrames(bytes: Uint8Array): ReadFrame[] {
  const reader = new FrameReader();
  reader.push(bytes);
  const frames = [...reader.frames()];
  if (reader.size > 0) throw new Error(`${reader.size} bytes are no frame`);
  return frames;
}

/** The first byte of a frame: FIN, the RSV bits and the opcode. */
export function firstByte({ fin, rsv, opcode }: ReadFrame): number {
  return (fin ? 0x80 : 0) | rsv << 4 | opcode;
}

// RFC 6455, section 5.3.
function mask(bytes: Uint8Array, start: number, key: Uint8Array): void {
  for (let i = start; i < bytes.length; i++) {
    bytes[i]! ^= key[(i - start) & 3]!;
  }
}
