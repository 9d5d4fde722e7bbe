import type { BufferPool } from "../transport/byte_stream.ts";
import { settled, toError } from "../base/user_values.ts";

const FAULT = "Cannot use writeBufferPool: it threw";

/**
 * Guards against what a user's pool throws: it is called in the middle of a
 * write, and in the callbacks of sockets.
 *
 * @param pool The user's pool
 * @param fail Called with what it throws
 * @returns A pool that never throws; it has no buffer where the user's fails
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
        settled(buffer).catch(() => {});
        throw new TypeError(
          "Cannot use what writeBufferPool.get returned: it must be a Uint8Array or undefined",
        );
      } catch (error) {
        fail(toError(error, FAULT));
        return undefined;
      }
    },
    put(buffer) {
      try {
        const result: unknown = pool.put(buffer);
        // Its type allows an async function.
        if (result !== undefined) {
          settled(result).catch((error) => fail(toError(error, FAULT)));
        }
      } catch (error) {
        fail(toError(error, FAULT));
      }
    },
  };
}
