/** What the command prints: tables in Markdown. */

import type { Verdict } from "./cell.ts";
import { type Cell, nameOf, type Place } from "./plan.ts";

/** What became of a cell in a place. */
export interface Result {
  readonly place: Place;
  readonly cell: Cell;
  verdict: Verdict;
}

/** A row for each shape and a column for each place: the endings that are red. */
export function summaryTable(results: readonly Result[]): string {
  const places = unique(results.map(placeOf));
  const rows = unique(results.map(({ cell }) => cell.shape.name)).map(
    (name) => [
      name,
      ...places.map((place) => {
        const cells = results.filter((result) =>
          result.cell.shape.name === name && placeOf(result) === place
        );
        const red = cells.filter(({ verdict }) => verdict !== undefined);
        const green = cells.filter(({ verdict }) => verdict === undefined);
        if (red.length === 0) return green.length === 0 ? "" : "ok";
        if (green.length === 0) return "all";
        return red.length <= green.length
          ? endingsOf(red)
          : `all but ${endingsOf(green)}`;
      }),
    ],
  );
  return markdown(["shape", ...places], rows);
}

/** A row for each rule that a place has broken, and how often. */
export function violationTable(results: readonly Result[]): string {
  const counts = new Map<string, number>();
  for (const result of results) {
    if (result.verdict === undefined) continue;
    // Without the figures, which are never the same.
    const rule = result.verdict.replace(/ \([^)]*\)$/, "");
    const key = [placeOf(result), rule].join("\n");
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return markdown(
    ["place", "what is wrong", "cells"],
    [...counts].map(([key, count]) => [...key.split("\n"), `${count}`]),
  );
}

function endingsOf(results: readonly Result[]): string {
  return results.map(({ cell }) => cell.ending.name).join("; ");
}

function placeOf({ place }: Result): string {
  return nameOf(place);
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}

function markdown(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)]
    .join("\n");
}
