const FIRST = 500;
const LONGEST = 30_000;

/**
 * Milliseconds to wait before the next attempt: twice as long after each that
 * has failed, and at random in the upper half, so that the pages of a server
 * that restarts do not all come back at once.
 *
 * @param {number} failed how many attempts have failed in a row
 * @param {number} random from 0 to 1
 * @returns {number}
 */
export function backoff(failed, random = Math.random()) {
  const most = Math.min(LONGEST, FIRST * 2 ** failed);
  return most / 2 + random * most / 2;
}
