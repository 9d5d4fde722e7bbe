/**
 * Shares the event loop: zlib gets a few milliseconds of each turn, for all
 * connections together, and what is over waits in a line.
 */

// Milliseconds. One job at the end of it may take three more.
const BUDGET = 4;

let spent = 0;
let armed = false;
let jobs: (() => void)[] = [];
let first = 0;

/** Whether there is time left in this turn, and nobody waits for it. */
export function hasTime(): boolean {
  return spent < BUDGET && first === jobs.length;
}

/**
 * Runs a job at once.
 *
 * @param job The job
 * @returns What it returns
 */
export function runNow<T>(job: () => T): T {
  arm();
  const start = performance.now();
  try {
    return job();
  } finally {
    spent += performance.now() - start;
  }
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
        resolve(runNow(job));
      } catch (error) {
        reject(error);
      }
    });
    arm();
  });
}

function arm(): void {
  if (armed) return;
  armed = true;
  setImmediate(nextTurn);
}

function nextTurn(): void {
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
