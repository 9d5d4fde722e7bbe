/** How the cost of a message grows: with its size, its company, its queue. */

import type { Job } from "./bench.ts";
import type { Measurement } from "./measure.ts";
import { echo, type Load, sizeLabel } from "./plan.ts";
import {
  cpuPerMessage,
  median,
  rate,
  round,
  type Rounds,
  table,
} from "./report.ts";

/** One table: a load whose one figure grows. */
export interface Series {
  readonly title: string;
  /** What stands above the steps. */
  readonly unit: string;
  readonly steps: readonly Step[];
  /** Whether bytes a second are told as well. */
  readonly bytes?: boolean;
}

/** One line of it. */
export interface Step {
  readonly label: string;
  readonly load: Load;
}

const SERVERS = ["wire-deno", "wire-bun"] as const;

/** The tables. */
export const GROWTH: readonly Series[] = [
  {
    title: "Message size: 8 connections × 1 in flight, binary",
    unit: "size",
    // 16 B to 16 MiB
    steps: powersOf(4, 2, 12).map((size) => ({
      label: sizeLabel(size),
      load: echo(8, 1, size, "binary"),
    })),
    bytes: true,
  },
  {
    title: "Connections: each with 1 × 64 B in flight, binary",
    unit: "connections",
    steps: powersOf(10, 0, 4).map((conns) => ({
      label: conns.toLocaleString("en-US"),
      load: echo(conns, 1, 64, "binary"),
    })),
  },
  {
    title: "Depth: 32 connections, 64 B, binary",
    unit: "in flight on each",
    steps: powersOf(4, 0, 4).map((depth) => ({
      label: String(depth),
      load: echo(32, depth, 64, "binary"),
    })),
  },
];

function powersOf(base: number, first: number, last: number): number[] {
  return Array.from(
    { length: last - first + 1 },
    (_, index) => base ** (first + index),
  );
}

/** What has to be measured. */
export function growthJobs(all: readonly Series[]): Job[] {
  return all.flatMap(({ steps }) =>
    steps.flatMap(({ load }) =>
      SERVERS.map((server) => ({ key: keyOf(load, server), load, server }))
    )
  );
}

/** The table of a series, in Markdown: medians over the rounds. */
export function growthTable(series: Series, rounds: Rounds): string {
  const columns: [string, (one: Measurement) => number | undefined][] = [
    ["messages/s", rate],
    ["CPU s/million", (one) => {
      const cpu = cpuPerMessage(one);
      return cpu === undefined ? undefined : cpu * 1e6;
    }],
  ];
  if (series.bytes) {
    columns.splice(1, 0, ["MB/s", (one) => one.bytes / one.seconds / 1e6]);
  }
  const lines = series.steps.map(({ label, load }) => [
    label,
    ...SERVERS.flatMap((server) => {
      const all = rounds.map((found) => found.get(keyOf(load, server)))
        .filter((one) => one !== undefined);
      return columns.map(([, pick]) =>
        round(median(all.map(pick).filter((value) => value !== undefined)))
      );
    }),
  ]);
  const head = ["Deno", "Bun"].flatMap((runtime) =>
    columns.map(([name]) => `${runtime}: ${name}`)
  );
  return table([series.unit, ...head], lines);
}

function keyOf(load: Load, server: string): string {
  return `${load.label} ${server}`;
}
