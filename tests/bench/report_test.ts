import { assertEquals, assertThrows } from "@std/assert";
import { test } from "../support/helper.ts";
import type { Measurement } from "./measure.ts";
import { cellsOf, type Comparison } from "./plan.ts";
import {
  compare,
  comparisonTable,
  measurementTable,
  median,
  paceOf,
  type Rounds,
  verdict,
} from "./report.ts";

const RATIO: Comparison = {
  subject: { load: "binary", server: "wire-deno" },
  against: { load: "binary", server: "bare-deno" },
  floor: 2,
  goal: 3,
};
const MEMORY: Comparison = {
  subject: { load: "idle", server: "wire-deno" },
  floor: 12,
  goal: 9,
};

const TAIL: Comparison = { ...RATIO, figure: "p99", floor: 2, goal: 2 };
const CPU: Comparison = { ...RATIO, figure: "cpu" };
const PACED: Comparison = {
  subject: { load: "paced", server: "wire-bun" },
  against: { load: "paced", server: "ws-bun" },
  figure: "p999",
};

function measured(messages: number, more = {}): Measurement {
  const base = { bytes: 0, seconds: 2, p50: 0, p99: 0, p999: 0, ownCpu: 0 };
  return { ...base, messages, serverCpu: 1, ...more };
}

function roundsOf(...pairs: [subject: number, against: number][]): Rounds {
  return pairs.map(([subject, against]) =>
    new Map([
      ["binary wire-deno", measured(subject)],
      ["binary bare-deno", measured(against)],
    ])
  );
}

test("median() takes the middle, or the mean of the two there", () => {
  assertEquals(median([3, 10, 1]), 3);
  assertEquals(median([4, 10, 2, 1]), 3);
  assertEquals(median([]), undefined);
});

test("compare() takes the median of the ratios, not the ratio of medians", () => {
  const outcome = compare(RATIO, roundsOf([10, 5], [100, 25], [40, 40]));
  assertEquals(outcome.value, 2);
  assertEquals([outcome.least, outcome.most], [1, 4]);
  // Alike in CPU time: what a message costs differs as the rates do.
  assertEquals(outcome.cpu, 2);
});

test("compare() leaves out rounds that lack an end", () => {
  const [first, second] = roundsOf([10, 5], [9, 1]);
  const gap = new Map([...second!].slice(0, 1));
  assertEquals(compare(RATIO, [first!, gap]).value, 2);
  assertEquals(compare(RATIO, [gap]).value, undefined);
});

test("compare() tells memory in the load's unit", () => {
  const rounds = [
    new Map([["idle wire-deno", measured(1, { memory: 10240 })]]),
  ];
  assertEquals(compare(MEMORY, rounds).value, 10);
});

test("compare() divides the tails of the times where that is asked for", () => {
  const rounds = [
    new Map([
      ["binary wire-deno", measured(9, { p99: 30 })],
      ["binary bare-deno", measured(1, { p99: 20 })],
    ]),
  ];
  const outcome = compare(TAIL, rounds);
  assertEquals([outcome.value, outcome.cpu], [1.5, undefined]);
});

test("verdict() knows which way is better", () => {
  const verdicts = (comparison: Comparison, ...values: number[]) =>
    values.map((value) =>
      verdict({ comparison, value, least: value, most: value, cpu: undefined })
    );
  assertEquals(verdicts(RATIO, 1.9, 2, 3), ["BELOW", "floor", "goal"]);
  assertEquals(verdicts(MEMORY, 12.1, 12, 9), ["BELOW", "floor", "goal"]);
  assertEquals(verdicts(TAIL, 2.1, 2, 0.5), ["BELOW", "goal", "goal"]);
});

test("verdict() goes by the CPU time where that is asked for", () => {
  const verdicts = [1.9, 2, 3].map((cpu) =>
    verdict({ comparison: CPU, value: 0.1, least: 0.1, most: 0.1, cpu })
  );
  assertEquals(verdicts, ["BELOW", "floor", "goal"]);
});

test("cellsOf() has the closed loop of each server that is paced", () => {
  assertEquals(cellsOf([PACED]), [
    { load: "single", server: "ws-bun" },
    { load: "single", server: "wire-bun" },
    { load: "paced", server: "ws-bun" },
    { load: "paced", server: "wire-bun" },
  ]);
});

test("paceOf() is 60 percent of the slowest of the runtime", () => {
  const round = new Map([
    ["single wire-bun", measured(3000)],
    ["single ws-bun", measured(1000)],
    // Could not be measured.
    ["single bare-bun", undefined],
    ["single bare-deno", measured(10)],
    ["binary wire-bun", measured(10)],
  ]);
  assertEquals(paceOf("wire-bun", round), 300);
  assertEquals(paceOf("ws-bun", round), 300);
  assertEquals(paceOf("wire-deno", round), 3);
  assertThrows(() => paceOf("wire-deno", new Map()), Error, "rate");
});

test("the tables tell p99.9, and how late a paced load was sent", () => {
  const rounds = [
    new Map([
      ["paced ws-bun", measured(9, { p999: 20, late: 7 })],
      ["paced wire-bun", measured(9, { p999: 30 })],
    ]),
  ];
  const outcome = compare(PACED, rounds);
  assertEquals([outcome.value, outcome.cpu], [1.5, undefined]);
  const cells = (table: string) =>
    table.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  const [, , compared] = cells(comparisonTable([outcome]));
  assertEquals(compared!.slice(1, 5), [
    "32 × 64 B binary, paced, p99.9",
    "wire on Bun",
    "ws on Bun",
    "1.5",
  ]);
  const [head, , ws] = cells(measurementTable(rounds));
  assertEquals(ws![head!.indexOf("p99.9 µs")], "20");
  assertEquals(ws![head!.indexOf("sent late µs")], "7");
});
