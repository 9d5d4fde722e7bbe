import type { BufferPool } from "../transport/byte_stream.ts";

/** The smallest write buffer; each class is four times the one before. */
export const MIN_BUFFER = 1024;
const CLASSES = 4; // 1, 4, 16 and 64 KiB
// What each class keeps at the most.
const KEPT_BYTES = 2 ** 20;

/** The size of the smallest class that has room for so many bytes. */
function classOf(size: number): number {
  let index = 0;
  while (MIN_BUFFER * 4 ** index < size) index++;
  return index;
}

/** The pool of connections that were given none: a few buffers of each class. */
class SharedBuffers implements BufferPool {
  readonly #classes: Uint8Array<ArrayBuffer>[][] = Array.from(
    { length: CLASSES },
    () => [],
  );

  get(size: number): Uint8Array<ArrayBuffer> | undefined {
    const index = classOf(size);
    if (index >= CLASSES) return undefined;
    return this.#classes[index]!.pop() ??
      new Uint8Array(MIN_BUFFER * 4 ** index);
  }

  put(buffer: Uint8Array<ArrayBuffer>): void {
    const index = classOf(buffer.length);
    const kept = this.#classes[index];
    if (kept === undefined || buffer.length !== MIN_BUFFER * 4 ** index) return;
    if ((kept.length + 1) * buffer.length <= KEPT_BYTES) kept.push(buffer);
  }
}

/** The pool of connections that were given none. */
export const sharedBuffers: BufferPool = new SharedBuffers();
