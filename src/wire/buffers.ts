import type { BufferPool } from "../transport/byte_stream.ts";

/** The smallest write buffer; each class is four times the one before. */
export const MIN_BUFFER = 1024;
const CLASSES = 5; // 1, 4, 16, 64 and 256 KiB
/** The largest. */
export const MAX_BUFFER: number = MIN_BUFFER * 4 ** (CLASSES - 1);
// The most bytes that are kept, of all classes together.
const KEPT_BYTES = 2 ** 22;

/** The size of the smallest class that has room for so many bytes. */
function classOf(size: number): number {
  let index = 0;
  while (MIN_BUFFER * 4 ** index < size) index++;
  return index;
}

/**
 * The pool of connections without a pool of their own: a few buffers of each
 * class. With it, an echo of 64 bytes takes 0.8 of the CPU time, one of 64 KiB
 * 0.55.
 */
class SharedBuffers implements BufferPool {
  readonly #classes: Uint8Array<ArrayBuffer>[][] = Array.from(
    { length: CLASSES },
    () => [],
  );
  #kept = 0;

  get(size: number): Uint8Array<ArrayBuffer> | undefined {
    const index = classOf(size);
    if (index >= CLASSES) return undefined;
    const buffer = this.#classes[index]!.pop();
    if (buffer === undefined) return new Uint8Array(MIN_BUFFER * 4 ** index);
    this.#kept -= buffer.length;
    return buffer;
  }

  put(buffer: Uint8Array<ArrayBuffer>): void {
    const index = classOf(buffer.length);
    const { length } = buffer;
    if (index >= CLASSES || length !== MIN_BUFFER * 4 ** index) return;
    if (this.#kept + length > KEPT_BYTES) return;
    this.#kept += length;
    this.#classes[index]!.push(buffer);
  }
}

/** The pool of connections without a pool of their own. */
export const sharedBuffers: BufferPool = new SharedBuffers();
