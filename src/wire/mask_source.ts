// One call of the CSPRNG serves many frames: a call costs as much as several
// hundred bytes.
const POOL_SIZE = 2048;

const pool: Uint32Array<ArrayBuffer> = new Uint32Array(POOL_SIZE);
let next = POOL_SIZE;

/** A fresh masking key that nobody can predict (RFC 6455, section 10.3). */
export function randomMask(): number {
  if (next === POOL_SIZE) {
    crypto.getRandomValues(pool);
    next = 0;
  }
  const key = pool[next]!;
  // A key is never to be used again, and never to be found in memory.
  pool[next++] = 0;
  return key;
}
