/**
 * The micro-benchmarks where there is no `deno bench`: the best of a few
 * batches, in nanoseconds.
 *
 *     bun tests/bench/micro/run.ts [TEXT]
 *
 * TEXT is a part of the group or the name.
 *
 * @module
 */

import process from "node:process";

import "./all.ts";
import { table } from "../report.ts";
import { MICROS } from "./bench.ts";

const BATCHES = 20;
const BATCH_MS = 20;

const filter = process.argv[2] ?? "";
const chosen = MICROS.filter(({ group, name }) =>
  `${group} ${name}`.includes(filter)
);
console.log(table(
  ["group", "name", "ns"],
  chosen.map(({ group, name, fn }) => [
    group,
    name,
    nanoseconds(fn).toFixed(1),
  ]),
));

/** The time of a call: the best batch is the least disturbed. */
function nanoseconds(fn: () => unknown): number {
  let count = 1;
  // The first batches are the compiler's as well.
  while (timeOf(fn, count) < BATCH_MS) count *= 2;
  const times = Array.from({ length: BATCHES }, () => timeOf(fn, count));
  return Math.min(...times) / count * 1e6;
}

function timeOf(fn: () => unknown, count: number): number {
  const start = performance.now();
  for (let i = 0; i < count; i++) fn();
  return performance.now() - start;
}
