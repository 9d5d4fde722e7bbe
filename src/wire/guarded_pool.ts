import type { BufferPool } from "../transport/byte_stream.ts";

/**
 * A pool of the user's that throws nothing: it is asked in the midst of a write,
 * and told in the callbacks of sockets.
 *
 * @param pool The user's
 * @param fail Is told what it has thrown
 * @returns The pool; it has no buffer where the user's fails
 */
export function guardedPool(
  pool: BufferPool,
  fail: (error: Error) => void,
): BufferPool {
  return {
    get(size) {
      try {
        const buffer: unknown = pool.get(size);
        if (buffer === undefined || buffer instanceof Uint8Array) {
          return buffer as Uint8Array<ArrayBuffer> | undefined;
        }
        throw new TypeError(
          "Cannot use what writeBufferPool.get returned: it must be a Uint8Array or undefined",
        );
      } catch (error) {
        fail(toError(error));
        return undefined;
      }
    },
    put(buffer) {
      try {
        pool.put(buffer);
      } catch (error) {
        fail(toError(error));
      }
    },
  };
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new Error("Cannot use writeBufferPool: it threw", { cause: thrown });
}
