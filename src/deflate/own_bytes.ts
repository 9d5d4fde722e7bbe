// The runtimes' shared pool of buffers gives no more than this at a time.
const POOLED = 4096;

/**
 * Makes what zlib has put out the receiver's own. A copy, where the buffer is
 * shared with others or much larger than what is used of it.
 *
 * @param bytes What zlib has put out
 * @returns The same bytes, in a plain `Uint8Array`
 */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = bytes;
  return length <= POOLED || buffer.byteLength > 2 * length
    ? new Uint8Array(bytes)
    : new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
}
