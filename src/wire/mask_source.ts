// One call of the CSPRNG serves many frames: 0.2 of the time of a call for each
// key on Deno, 0.5 on Bun.
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
  // A key must not be used again, nor be found in memory later.
  pool[next++] = 0;
  return key;
}
