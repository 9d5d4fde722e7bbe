/**
 * A machine that stalls: between two looks at the clock more time passes than a
 * turn of the event loop may take, so that what could go on at once waits.
 */

// The library gives others their turn after 4 ms (`src/base/turns.ts`).
const STALL = 6;

/**
 * Lets the clock stall until it is disposed: before each look at it whose bit is
 * set, eight after the other again and again.
 */
export function stallBefore(looks: number): Disposable {
  const { now } = performance;
  let look = 0;
  let late = 0;
  performance.now = () => {
    if ((looks >> (look++ & 7) & 1) !== 0) late += STALL;
    return now.call(performance) + late;
  };
  return {
    [Symbol.dispose]() {
      performance.now = now;
    },
  };
}
