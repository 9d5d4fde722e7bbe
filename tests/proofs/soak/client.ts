/**
 * The client of a soak, a process of its own: so many connections at a time,
 * each of which lives for a while, leaves, and is followed by another. Prints a
 * line when all are open first; each line on its standard input is answered with
 * the totals, after what it asks for:
 *
 * - `collect`: garbage is collected;
 * - `freeze`: nobody sends, comes or leaves any more, and all has come back;
 * - `end`: all have closed.
 */

import process from "node:process";
import { parseArgs } from "node:util";

import { answerLines } from "../../support/process/control.ts";
import { collectGarbage } from "../../support/process/garbage.ts";
import { type Leave, LEAVES, Life, type Totals } from "./client_conn.ts";
import { Places } from "../../support/places.ts";
import { PayloadSource, seeded } from "./payload.ts";

const { values } = parseArgs({
  options: {
    url: { type: "string", default: "" },
    conns: { type: "string", default: "0" },
    /** Seconds of a connection's life, on average. */
    life: { type: "string", default: "0" },
    seed: { type: "string", default: "0" },
  },
});
const count = Number(values.conns);
const lifetime = Number(values.life) * 1000;

const MAX_FAULTS = 20;
// Bursts of all connections together, a second.
const BURSTS = 600;
// Of them at a time: a server that cannot follow gets no more, and has time to
// accept.
const BURSTS_AT_ONCE = 64;
// A machine that is too busy to dial keeps this part of the connections open.
const MIN_OPEN = 0.9;
const RETRY = Math.min(1000, lifetime / 4);
// Dials at a time.
const DIALS = 64;

const random = seeded(Number(values.seed));
const source = new PayloadSource(random);
const freeze = new AbortController();
const lives = new Map<Life, AbortController>();
const timers = new Set<ReturnType<typeof setTimeout>>();
const totals: Totals = {
  open: 0,
  opened: 0,
  messages: 0,
  size: 0,
  compressed: 0,
  fragmented: 0,
  left: { close: 0, fin: 0, reset: 0, ask: 0 },
  faults: [],
};

/** Notes what must not be, and shows the first of it at once. */
function fault(what: string): void {
  if (totals.faults.length === MAX_FAULTS) return;
  totals.faults.push(`client, ${what}`);
  console.error(totals.faults.at(-1));
}

const bursts = new Places(BURSTS_AT_ONCE);
const dials = new Places(DIALS);
/** Connections that are being dialed, or wait for it. */
let opening = 0;
/** Connections that have not been told to leave, and those that have. */
let staying = 0;
let ways = 0;

/** Tells a connection to leave; later, while too many are missing. */
function leaveLater(life: Life, leave: AbortController, ms: number): void {
  const timer = setTimeout(() => {
    timers.delete(timer);
    if (!lives.has(life)) return; // it has ended by itself
    if (staying < count * MIN_OPEN) return leaveLater(life, leave, RETRY);
    staying--;
    leave.abort(life.leaves(LEAVES[ways++ % LEAVES.length]!));
  }, ms);
  timers.add(timer);
  if (freeze.signal.aborted) clearTimeout(timer);
}

let ids = 0;

/** One connection after the other. */
async function work(opened: () => void): Promise<void> {
  while (!freeze.signal.aborted) {
    const leave = new AbortController();
    const life = new Life({
      url: values.url,
      id: ids++,
      random,
      source,
      totals,
      fault,
      pause: count / BURSTS * 1000,
      bursts,
      leave: leave.signal,
      freeze: freeze.signal,
    });
    try {
      opening++;
      await dials.take();
      await life.open().finally(() => {
        opening--;
        dials.free();
      });
    } catch (error) {
      fault(`cannot dial: ${error}`);
      await new Promise((resolve) => setTimeout(resolve, RETRY));
      continue;
    }
    opened();
    staying++;
    lives.set(life, leave);
    leaveLater(life, leave, 2 * random() * lifetime);
    await life.run();
    lives.delete(life);
    if (!leave.signal.aborted) staying--;
  }
}

let opened = 0;
const allOpen = Promise.withResolvers<void>();
const works = Array.from({ length: count }, () =>
  work(() => {
    if (++opened === count) allOpen.resolve();
  }));
const over = Promise.all(works);
setInterval(() => {
  for (const life of lives.keys()) life.check();
}, 5_000);

async function prepare(question: string): Promise<void> {
  switch (question) {
    case "collect":
      // It may take longer than a server waits for a request: Bun's waits 12 s.
      for (let i = 0; i < DIALS; i++) await dials.take();
      await collectGarbage();
      for (let i = 0; i < DIALS; i++) dials.free();
      return;
    case "freeze":
      freeze.abort();
      for (const timer of timers) clearTimeout(timer);
      while (opening > 0 || [...lives.keys()].some((life) => !life.quiet)) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      return;
    case "end": {
      const way: Leave = "close";
      for (const leave of lives.values()) leave.abort(way);
      await over;
    }
  }
}

answerLines(async (question) => {
  await prepare(question);
  return JSON.stringify(totals);
});
await allOpen.promise;
console.log(JSON.stringify({ pid: process.pid }));
