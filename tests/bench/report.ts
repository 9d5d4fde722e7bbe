/** What the rounds say, as tables. */

import type { Measurement } from "./measure.ts";
import {
  type Comparison,
  keyOf,
  LOADS,
  type Percentile,
  type ServerName,
  SERVERS,
} from "./plan.ts";

/** The measurements of a round; `undefined` = it could not be measured. */
export type Round = ReadonlyMap<string, Measurement | undefined>;

/** The measurements of all rounds. */
export type Rounds = readonly Round[];

/** A line of the table of comparisons, of the median over the rounds. */
export interface Outcome {
  readonly comparison: Comparison;
  /** The paired ratio, or KiB or MiB; `undefined` for none. */
  readonly value: number | undefined;
  readonly least: number | undefined;
  readonly most: number | undefined;
  /** How many times the CPU time of the subject its counterpart used. */
  readonly cpu: number | undefined;
}

/** What share of the rate that the slowest can do is asked of all. */
const PACE = 0.6;

const PERCENTILES: Readonly<Record<Percentile, string>> = {
  p50: "p50",
  p99: "p99",
  p999: "p99.9",
};

/** The middle of the values; `undefined` if there are none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? sorted[Math.floor(middle)]
    : sorted.length === 0
    ? undefined
    : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Compares round by round: both ends of a ratio are of the same round. */
export function compare(
  comparison: Comparison,
  rounds: Rounds,
): Outcome {
  const { subject, against, figure = "rate" } = comparison;
  const values: number[] = [];
  const costs: number[] = [];
  for (const round of rounds) {
    const mine = round.get(keyOf(subject));
    const other = against && round.get(keyOf(against));
    if (mine === undefined) continue;
    if (against === undefined) {
      const unit = LOADS[subject.load].kind === "idle" ? 2 ** 10 : 2 ** 20;
      if (mine.memory !== undefined) values.push(mine.memory / unit);
    } else if (other !== undefined && isPercentile(figure)) {
      values.push(mine[figure] / other[figure]);
    } else if (other !== undefined) {
      values.push(rate(mine) / rate(other));
      const cost = cpuPerMessage(mine);
      const otherCost = cpuPerMessage(other);
      if (cost && otherCost) costs.push(otherCost / cost);
    }
  }
  return {
    comparison,
    value: median(values),
    least: values.length > 0 ? Math.min(...values) : undefined,
    most: values.length > 0 ? Math.max(...values) : undefined,
    cpu: median(costs),
  };
}

/** Where a line stands with its floor and its goal. */
export function verdict(outcome: Outcome): string {
  const { comparison: { floor, goal, against, figure } } = outcome;
  const value = figure === "cpu" ? outcome.cpu : outcome.value;
  if (value === undefined || floor === undefined || goal === undefined) {
    return "";
  }
  const sign = against === undefined || isPercentile(figure) ? -1 : 1;
  if (value * sign >= goal * sign) return "goal";
  return value * sign >= floor * sign ? "floor" : "BELOW";
}

/** The table of comparisons, in Markdown. */
export function comparisonTable(outcomes: readonly Outcome[]): string {
  const lines = outcomes.map((outcome) => {
    const { comparison, value, least, most, cpu } = outcome;
    const { subject, against, figure, floor, goal } = comparison;
    const { label } = LOADS[subject.load];
    const counterpart = against === undefined
      ? ""
      : against.load === subject.load
      ? serverLabel(against.server)
      : `its own ${LOADS[against.load].label}`;
    return [
      isPercentile(figure)
        ? `${label}, ${PERCENTILES[figure]}`
        : figure === "cpu"
        ? `${label}, by CPU`
        : label,
      serverLabel(subject.server),
      counterpart,
      round(value),
      value === undefined ? "" : `${round(least)}–${round(most)}`,
      round(cpu),
      round(floor),
      round(goal),
      verdict(outcome),
    ];
  });
  return table([
    "load",
    "subject",
    "against",
    "ratio",
    "range",
    "CPU ratio",
    "floor",
    "goal",
    "",
  ], lines);
}

/** The table of what was measured, in Markdown; medians of each by itself. */
export function measurementTable(rounds: Rounds): string {
  const lines: string[][] = [];
  for (const key of rounds[0]?.keys() ?? []) {
    const all = rounds.map((round) => round.get(key))
      .filter((one) => one !== undefined);
    const [load = "", ...server] = key.split(" ");
    const of = (pick: (one: Measurement) => number | undefined) =>
      median(all.map(pick).filter((value) => value !== undefined));
    const { label, kind } = LOADS[load as keyof typeof LOADS];
    // Of these, the time says nothing.
    const timed = kind !== "idle" && kind !== "stream";
    const cpu = of(cpuPerMessage);
    lines.push([
      label,
      serverLabel(server.join(" ")),
      timed ? round(of(rate)) : "",
      round(of((one) => one.bytes / one.seconds / 1e6)),
      round(of((one) => one.bytes / one.messages)),
      timed ? round(of((one) => one.p50)) : "",
      timed ? round(of((one) => one.p99)) : "",
      timed ? round(of((one) => one.p999)) : "",
      round(of((one) => one.late)),
      timed && cpu !== undefined ? round(cpu * 1e6) : "",
      round(of((one) => one.serverRss && one.serverRss / 2 ** 20)),
      timed
        ? share(of((one) => one.serverCpu && one.serverCpu / one.seconds))
        : "",
      timed ? share(of((one) => one.ownCpu / one.seconds)) : "",
    ]);
  }
  return table([
    "load",
    "server",
    "messages/s",
    "MB/s",
    "bytes each",
    "p50 µs",
    "p99 µs",
    "p99.9 µs",
    "sent late µs",
    "CPU s/million",
    "RSS MiB",
    "server busy",
    "generator busy",
  ], lines);
}

/** The rate at which all paced servers of this one's runtime are asked. */
export function paceOf(server: ServerName, round: Round): number {
  const runtime = SERVERS.get(server)?.runtime;
  const rates = [...SERVERS.entries()]
    .filter(([, other]) => other.runtime === runtime)
    .map(([server]) => round.get(keyOf({ load: "single", server })))
    .filter((one) => one !== undefined)
    .map(rate);
  if (rates.length === 0) throw new Error("No server's rate is known");
  return PACE * Math.min(...rates);
}

/** Messages a second. */
export function rate({ messages, seconds }: Measurement): number {
  return messages / seconds;
}

/** CPU seconds of the server. */
export function cpuPerMessage(
  { serverCpu, messages }: Measurement,
): number | undefined {
  return serverCpu === undefined || messages === 0
    ? undefined
    : serverCpu / messages;
}

function isPercentile(figure: string | undefined): figure is Percentile {
  return figure !== undefined && figure in PERCENTILES;
}

function serverLabel(server: string): string {
  return SERVERS.get(server)?.label ?? server;
}

function share(value: number | undefined): string {
  return value === undefined ? "" : `${Math.round(value * 100)} %`;
}

/** Three digits that count, as far as there are so many. */
export function round(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return Number(value.toFixed(Math.min(digits, 2))).toLocaleString("en-US");
}

/** A table in Markdown. */
export function table(
  head: readonly string[],
  lines: readonly string[][],
): string {
  const all = [head, ...lines];
  const widths = head.map((_, index) =>
    Math.max(3, ...all.map((line) => line[index]!.length))
  );
  const row = (line: readonly string[]) =>
    `| ${line.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = row(widths.map((width) => "-".repeat(width)));
  return [row(head), rule, ...lines.map(row)].join("\n");
}
