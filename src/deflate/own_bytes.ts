// The runtimes' shared buffer pool never hands out more than this at a time.
const POOLED = 4096;

/**
 * Makes zlib's output safe to keep: copies it if its buffer is shared, or much
 * larger than the part that is used.
 *
 * @param bytes zlib's output
 * @returns The same bytes, in a plain `Uint8Array`
 */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = bytes;
  return length <= POOLED || buffer.byteLength > 2 * length
    ? new Uint8Array(bytes)
    : new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
}
