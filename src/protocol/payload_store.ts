import { applyMask, copyMasked } from "./mask.ts";

// Payloads up to this length are copied: a message that somebody keeps must
// not keep a chunk of 64 KiB alive. Larger ones are worth a part of it.
const COPY_UP_TO = 256;

/** Gives received payloads memory to live in, once they leave their chunk. */
export class PayloadStore {
  readonly #slabSize: number;
  #slab: Uint8Array<ArrayBuffer> | undefined;
  /** How much of the slab has been given away. */
  #used = 0;
  /** Whether a view of the chunk has been given away since this was reset. */
  shared = false;

  /**
   * Makes a store.
   *
   * @param slabSize Size in bytes of the slabs that small payloads share; 0
   * gives each a buffer of its own
   */
  constructor(slabSize: number) {
    this.#slabSize = slabSize;
  }

  /**
   * Unmasks a payload and takes it from its chunk: a copy if it is small, else
   * a view of the chunk, unmasked in place.
   *
   * @param chunk The chunk
   * @param start Index of the payload's first byte
   * @param end Index behind its last byte
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
      // A chunk in a buffer as small as a slab is a slab already.
      if (key !== 0) applyMask(chunk, start, end, key, 0);
      this.shared = true;
      return new Uint8Array(chunk.buffer, chunk.byteOffset + start, length);
    }
    const payload = this.#allocate(length, chunk.length - start);
    copyMasked(chunk, start, end, payload, 0, key);
    // Between chunks there is nothing to hold memory for.
    if (end === chunk.length) this.#slab = undefined;
    return payload;
  }

  /** Cuts `length` bytes off a slab, of which no more than `most` are used. */
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
