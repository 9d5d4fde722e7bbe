/**
 * The bench: what each load costs on our engines, side by side with what the
 * runtimes have of their own. `README.md` beside it says how it measures.
 *
 *     deno task bench [--rounds N] [--seconds S] [--warmup S] [--only TEXT]
 *       [--peer URL] [--growth] [--relay]
 *
 * --rounds   rounds, default 5
 * --seconds  seconds of each measurement, default 2
 * --warmup   seconds of load before that, default 2: on a busy machine a server
 *            whose code is not all compiled costs twice as much
 * --only     the lines of the table whose load, subject or counterpart has this
 *            text in its name, such as `deflate`, `wire-bun` or `idle`; or one
 *            of several, with commas between
 * --peer     `ws://127.0.0.1:PORT/` or `wss:`: an echo server that runs on this
 *            machine, compared with ours on every echo load
 * --relay    from `publish()` to a subscriber in another process's hub, through
 *            each broker, instead; `--only` is a part of the broker's name
 * --growth   how cost grows with messages, connections and depth, instead
 *
 * @module
 */

import { parseArgs } from "node:util";

import { type BenchOptions, jobsOf, runRounds } from "./bench.ts";
import { GROWTH, growthJobs, growthTable } from "./growth.ts";
import { comparePeer, COMPARISONS, keyOf } from "./plan.ts";
import { relayTable } from "./relay.ts";
import { compare, comparisonTable, measurementTable } from "./report.ts";

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "2" },
      warmup: { type: "string", default: "2" },
      only: { type: "string", default: "" },
      peer: { type: "string" },
      growth: { type: "boolean", default: false },
      relay: { type: "boolean", default: false },
    },
  });
  const options: BenchOptions = {
    rounds: positive("rounds", values.rounds),
    seconds: positive("seconds", values.seconds),
    warmup: positive("warmup", values.warmup),
    log: (line) => console.error(line),
  };
  if (values.growth) return await showGrowth(options);
  if (values.relay) {
    const log = (line: string) => console.error(line);
    return console.log(await relayTable(values.only, options.seconds, log));
  }
  if (values.peer !== undefined && !URL.canParse(values.peer)) {
    throw new TypeError(
      `Cannot use --peer ${values.peer}: it must be a ws: or wss: URL`,
    );
  }
  const peer = values.peer === undefined ? [] : comparePeer(values.peer);
  const parts = values.only.split(",");
  const comparisons = [...COMPARISONS, ...peer].filter((one) => {
    const cells = `${keyOf(one.subject)} ${one.against && keyOf(one.against)}`;
    return parts.some((part) => cells.includes(part));
  });
  if (comparisons.length === 0) {
    throw new RangeError(`No line of the table has ${values.only} in it`);
  }
  const results = await runRounds(jobsOf(comparisons), options);
  const outcomes = comparisons.map((one) => compare(one, results));
  console.log(`\n${comparisonTable(outcomes)}\n\n${measurementTable(results)}`);
}

async function showGrowth(options: BenchOptions): Promise<void> {
  const rounds = await runRounds(growthJobs(GROWTH), options);
  for (const series of GROWTH) {
    console.log(`\n### ${series.title}\n\n${growthTable(series, rounds)}`);
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && value < Infinity) return value;
  throw new RangeError(`Cannot use --${name} ${text}: it must be positive`);
}

await main(Deno.args);
