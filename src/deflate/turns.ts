/**
 * Shares the event loop: zlib gets some milliseconds of each turn, for all
 * connections together, and what is over waits in a line.
 */

// What may be spent in a turn, in bytes inflated. They are 5 to 10 ms, by the
// machine. Deflating is counted by its level.
const BUDGET = 1_572_864;
// What a call costs beside its bytes: without it, thousands of tiny messages
// would take a tenth of a second of each turn.
const CALL = 2048;

let spent = 0;
let armed = false;
let jobs: (() => void)[] = [];
let first = 0;

/** Whether there is time left in this turn, and nobody waits for it. */
export function hasTime(): boolean {
  return spent < BUDGET && first === jobs.length;
}

/**
 * Counts what has been done in this turn.
 *
 * @param cost The bytes inflated, or as many as would have cost as much
 */
export function spend(cost: number): void {
  spent += CALL + cost;
  arm();
}

/**
 * What compressing costs, by measurement on both runtimes.
 *
 * @param size Bytes of data
 * @param level zlib's level
 * @returns As many bytes inflated
 */
export function deflateCost(size: number, level: number): number {
  if (level >= 7) return 8 * size;
  return level === -1 || level >= 4 ? 4 * size : size;
}

/**
 * Runs a job in a later turn, behind those that wait already.
 *
 * @param job The job
 * @returns A promise of what it returns or throws
 */
export function runLater<T>(job: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    jobs.push(() => {
      try {
        resolve(job());
      } catch (error) {
        reject(error);
      }
    });
    arm();
  });
}

/** Waits for a later turn, behind those that wait already. */
export function nextTurn(): Promise<void> {
  return runLater(() => {});
}

function arm(): void {
  if (armed) return;
  armed = true;
  setImmediate(run);
}

function run(): void {
  armed = false;
  spent = 0;
  while (first < jobs.length && spent < BUDGET) jobs[first++]!();
  if (first === jobs.length) {
    jobs = [];
    first = 0;
    return;
  }
  // What has run must not be kept while others come.
  if (first > 1024) {
    jobs = jobs.slice(first);
    first = 0;
  }
  arm();
}
