import { applyMask, copyMasked } from "./mask.ts";

// Payloads of up to this many bytes are copied: a message of 64 bytes that
// somebody keeps would hold a chunk of 64 KiB, a thousand times as much. Larger
// ones use enough of a chunk to keep it. With the copy, an echo of 64 bytes
// takes 1.0 of the CPU time on Deno, 0.9 on Bun.
const COPY_UP_TO = 256;

/** Provides the memory for received payloads that leave their chunk. */
export class PayloadStore {
  readonly #slabSize: number;
  #slab: Uint8Array<ArrayBuffer> | undefined;
  /** How much of the slab has been given away. */
  #used = 0;
  /** Whether a view of the chunk has been handed out since this was reset. */
  shared = false;

  /**
   * Makes a store.
   *
   * @param slabSize Size in bytes of the slabs that small payloads share; with
   * 0 each gets a buffer of its own
   */
  constructor(slabSize: number) {
    this.#slabSize = slabSize;
  }

  /**
   * Unmasks a payload and takes it from its chunk: as a copy if it is small,
   * otherwise as a view of the chunk, unmasked in place.
   *
   * @param chunk The chunk
   * @param start Index of the payload's first byte
   * @param end Index after its last byte
   * @param key The masking key; 0 if it is not masked
   * @returns The payload
   */
  own(
    chunk: Uint8Array<ArrayBuffer>,
    start: number,
    end: number,
    key: number,
  ): Uint8Array<ArrayBuffer> {
    const length = end - start;
    if (length <= COPY_UP_TO && this.#slabSize === 0) {
      const copy = new Uint8Array(length);
      copyMasked(chunk, start, end, copy, 0, key);
      return copy;
    }
    if (length > COPY_UP_TO || chunk.buffer.byteLength <= this.#slabSize) {
      // A chunk whose buffer is as small as a slab may serve as one.
      if (key !== 0) applyMask(chunk, start, end, key, 0);
      this.shared = true;
      return new Uint8Array(chunk.buffer, chunk.byteOffset + start, length);
    }
    const payload = this.#allocate(length, chunk.length - start);
    copyMasked(chunk, start, end, payload, 0, key);
    // No memory is held between chunks.
    if (end === chunk.length) this.#slab = undefined;
    return payload;
  }

  /**
   * Cuts `length` bytes off a slab; at most `most` bytes will be needed in all.
   */
  #allocate(length: number, most: number): Uint8Array<ArrayBuffer> {
    let slab = this.#slab;
    if (slab === undefined || this.#used + length > slab.length) {
      // A payload that comes alone gets a buffer of its own.
      if (length === most) return new Uint8Array(length);
      slab = this.#slab = new Uint8Array(Math.min(this.#slabSize, most));
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    return new Uint8Array(slab.buffer, start, length);
  }
}
