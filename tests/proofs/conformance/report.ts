/** What the suite prints: tables in Markdown. */

import { compactIds } from "./case_list.ts";
import type { Group } from "./case.ts";
import type { Grade } from "./engine.ts";
import type { Outcomes } from "./run_group.ts";

/** What came of all cases against one target. */
export interface Result {
  /** The heading of its column. */
  readonly name: string;
  readonly outcomes: Outcomes;
}

const GRADES: readonly Grade[] = ["passed", "informational", "failed"];

/** A row for each group: how many cases have passed, are informational, failed. */
export function summaryTable(
  groups: readonly Group[],
  results: readonly Result[],
): string {
  const rows = groups.map(({ number, name, cases }) => [
    `${number} ${name}`,
    ...results.map(({ outcomes }) =>
      countsOf(outcomes, cases.map(({ id }) => id))
    ),
  ]);
  const all = groups.flatMap(({ cases }) => cases.map(({ id }) => id));
  return markdown(["group", ...results.map(({ name }) => name)], [
    ...rows,
    ["all", ...results.map(({ outcomes }) => countsOf(outcomes, all))],
  ]);
}

/** A row for each way in which a target does not pass, with the cases' numbers. */
export function deviationTable(results: readonly Result[]): string {
  const rows = results.flatMap(({ name, outcomes }) => {
    const byWords = new Map<string, string[]>();
    for (const [id, { grade, says }] of outcomes) {
      if (grade === "passed") continue;
      const key = `${grade}\n${says}`;
      byWords.set(key, [...byWords.get(key) ?? [], id]);
    }
    return Array.from(byWords, ([key, ids]) => {
      const [grade = "", says = ""] = key.split("\n");
      return [name, grade, says, compactIds(ids).join(", ")];
    });
  });
  return markdown(["target", "grade", "what is otherwise", "cases"], rows);
}

function countsOf(outcomes: Outcomes, ids: readonly string[]): string {
  return GRADES.map((grade) =>
    ids.filter((id) => outcomes.get(id)?.grade === grade).length
  ).join(" / ");
}

function markdown(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((cell, i) =>
    Math.max(cell.length, ...rows.map((row) => row[i]!.length))
  );
  const line = (cells: readonly string[], pad = " ") =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!, pad)).join(" | ")} |`;
  return [
    line(head),
    line(head.map(() => ""), "-"),
    ...rows.map((row) => line(row)),
  ]
    .join("\n");
}
