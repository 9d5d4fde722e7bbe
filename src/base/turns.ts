/**
 * Shares the event loop between all connections of the process. Promises that
 * settle at once run on as microtasks, and while there are microtasks nothing
 * else runs: not even the end of the connection is reported. So the work of all
 * connections in one turn of the event loop is counted, and what exceeds the
 * budget settles in the next turn.
 */

// What may be spent in a turn, in inflated bytes: 5 to 10 ms, depending on the
// machine. All other work is converted by the time it takes.
const BUDGET = 1_572_864;
// zlib's jobs that waited may take this much of it, so that in every turn
// something is left for all other work.
const JOBS = BUDGET * 3 / 4;
// What a call of zlib costs in addition to its bytes. Uncounted, thousands of
// tiny messages would take a tenth of a second in each turn.
const CALL = 2048;
// What a message that comes, is read or is written costs in addition to its
// bytes. Two thousand of them fill a turn, which is more than 32 connections
// with 16 messages in flight each need.
const MESSAGE = 768;
// What a frame that comes costs beside that: a chunk has 10,922 fragments
// without a payload.
const FRAME = 64;
/**
 * What a message that is read or written as a stream costs on top: 50 to 100
 * µs.
 */
export const STREAM_COST = 16_384;
// What an upgrade costs: 100 to 200 µs.
const UPGRADE = 32_768;
// The work of user code between two messages is not counted, so a turn is also
// over after this many milliseconds. The clock is read once for every 32
// messages' worth of work.
const MAX_TIME = 4;
const LOOK_AFTER = 32 * MESSAGE;

/** Something to be done in the next turn of the event loop. */
export interface Flushable {
  flush(): void;
}

let spent = 0;
let lookAt = LOOK_AFTER; // read the clock when this much is spent
let armed = false;
let began = 0; // when it was armed
let flushables: Flushable[] = [];
let jobs: (() => void)[] = [];
// Set by who has any first: pages never do, and so do not load them.
let flushAll: (() => void) | undefined;
let runJobs: (() => void) | undefined;
let first = 0;
let turn: PromiseWithResolvers<void> | undefined;

/** Whether zlib has time left in this turn, and no job waits for it. */
export function hasTime(): boolean {
  return spent < BUDGET && first === jobs.length;
}

/** Whether this turn's budget is spent: what can wait must. */
export function isTurnOver(): boolean {
  return spent >= BUDGET;
}

/**
 * Counts a call of zlib.
 *
 * @param cost The bytes inflated, or the number that would have cost as much
 */
export function spend(cost: number): void {
  count(CALL + cost);
}

/**
 * Counts a message that comes, is read or is written.
 *
 * @param size Its bytes, or UTF-16 units of text
 */
export function countMessage(size: number): void {
  count(MESSAGE + size);
}

/** Counts frames that have come. */
export function countFrames(frames: number): void {
  count(FRAME * frames);
}

/** Waits for the next turn; all callers in one turn share the promise. */
export function nextTurn(): Promise<void> {
  if (turn === undefined) {
    turn = Promise.withResolvers();
    arm();
  }
  return turn.promise;
}

/**
 * Runs a job in a later turn, after those that already wait, as many in each
 * turn as there is time for.
 *
 * @param job The job
 * @returns A promise of what it returns or throws
 */
export function runLater<T>(job: () => T): Promise<T> {
  runJobs = runEach;
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

/**
 * Waits for a later turn, after those that already wait. The cost is counted at
 * the release, as the work itself follows in a microtask: by then, others would
 * have been released as well.
 *
 * @param cost What will be done then, as {@linkcode spend} counts it
 */
export function myTurn(cost: number): Promise<void> {
  return runLater(() => spend(cost));
}

/**
 * Counts an upgrade, and waits for a later turn if this one is over. Bun reads
 * from a connection as it accepts it, and goes on as long as there is another: a
 * peer that opens them as fast as they are answered would have all of the time,
 * and nobody else be heard for seconds.
 *
 * @returns Whether it has waited
 */
export async function upgradeTurn(): Promise<boolean> {
  if (hasTime()) {
    spend(UPGRADE);
    return false;
  }
  await myTurn(UPGRADE);
  return true;
}

/** Flushes in the next turn. A target must call it at most once a turn. */
export function flushLater(target: Flushable): void {
  flushAll = flushEach;
  flushables.push(target);
  arm();
}

// Little work does not arm a turn, so it is counted across turns; the counter
// is reset once it adds up.
function count(cost: number): void {
  spent += cost;
  if (spent < lookAt) return;
  lookAt = spent + LOOK_AFTER;
  if (!armed) arm();
  else if (performance.now() - began > MAX_TIME) {
    spent = Math.max(spent, BUDGET);
  }
}

function arm(): void {
  if (armed) return;
  armed = true;
  began = performance.now();
  soon(run);
}

function run(): void {
  armed = false;
  spent = 0;
  lookAt = LOOK_AFTER;
  flushAll?.();
  runJobs?.();
  turn?.resolve();
  turn = undefined;
}

function flushEach(): void {
  const targets = flushables;
  flushables = [];
  for (const target of targets) target.flush();
}

function runEach(): void {
  while (first < jobs.length && spent < JOBS) jobs[first++]!();
  if (first === jobs.length) {
    if (first === 0) return;
    jobs = [];
    first = 0;
    return;
  }
  // Jobs that have run must not stay in memory while others come.
  if (first > 1024) {
    jobs = jobs.slice(first);
    first = 0;
  }
  arm();
}

/** Says that a turn has begun, where somebody knows: what waits for one goes on. */
export function turnBegan(): void {
  if (armed) run();
}

/**
 * Runs a function in the next turn of the event loop.
 *
 * @param run The function
 */
export function soon(run: () => void): void {
  if (typeof setImmediate === "function") setImmediate(run);
  else post(run);
}

// Pages and workers have no setImmediate, and their timers wait for 4 ms when one
// sets the next; a channel's message is a turn as well.
const posted: (() => void)[] = [];
let channel: MessageChannel | undefined;

function post(run: () => void): void {
  if (channel === undefined) {
    channel = new MessageChannel();
    channel.port1.onmessage = () => posted.shift()?.();
  }
  posted.push(run);
  channel.port2.postMessage(0);
}
