/**
 * The command `deno task conformance`: runs all cases against all targets on
 * Deno and on Bun, and prints the tables of `.github/guides/PROOF.md`.
 *
 *     deno task conformance [--full] [GROUP ...]
 *
 * `--full` takes the sizes and counts of the original; it takes long. GROUP is a
 * group's number. Exits with 1 if something is not as `expected.ts` says.
 *
 * @module
 */

import { commandOf, Program } from "../../support/child.ts";
import { findBun } from "../../support/runner/find_bun.ts";
import { GROUPS } from "./cases/all.ts";
import type { ChildOutput } from "./child.ts";
import type { Grade } from "./engine.ts";
import { expectedOutcomes } from "./expected.ts";
import { deviationTable, type Result, summaryTable } from "./report.ts";
import { TARGET_NAMES, type TargetName } from "./targets.ts";

const CHILD = new URL("child.ts", import.meta.url);
const TITLES: Readonly<Record<TargetName, string>> = {
  server: "server",
  client: "client",
  native: "native server",
};
const RUNTIMES = { deno: "Deno", bun: "Bun" } as const;

async function main(args: readonly string[]): Promise<number> {
  const numbers = args.filter((arg) => arg !== "--full").map(Number);
  const groups = numbers.length === 0
    ? GROUPS
    : GROUPS.filter(({ number }) => numbers.includes(number));
  if (groups.length === 0 || groups.length < numbers.length) {
    console.error("Usage: deno task conformance [--full] [GROUP ...]");
    return 2;
  }
  const bun = await findBun();
  if (bun === undefined) {
    console.error("Cannot find Bun: install it, or npx to fetch it");
    return 1;
  }
  const outputs = {
    deno: await runOn("deno", bun),
    bun: await runOn("bun", bun),
  };
  const results: Result[] = [];
  const differences: string[] = [];
  for (const target of TARGET_NAMES) {
    for (const runtime of ["deno", "bun"] as const) {
      const name = `${TITLES[target]}, ${RUNTIMES[runtime]}`;
      const rows = outputs[runtime][target];
      const outcomes = new Map(
        rows.map(([id, grade, says]) => [id, { grade: grade as Grade, says }]),
      );
      results.push({ name, outcomes });
      const expected = expectedOutcomes(target, runtime);
      for (const [id, { grade, says }] of outcomes) {
        const due = expected.get(id) ?? { grade: "passed", says: "" };
        if (due.grade === grade && due.says === says) continue;
        differences.push(`${name}, ${id}: ${grade} ${says}`.trimEnd());
      }
    }
  }
  console.log(`Passed / informational / failed:\n`);
  console.log(summaryTable(groups, results));
  console.log(`\nWhat does not pass:\n`);
  console.log(deviationTable(results));
  for (const difference of differences) {
    console.log(`Not as expected: ${difference}`);
  }
  return differences.length === 0 ? 0 : 1;
}

async function runOn(
  runtime: keyof typeof RUNTIMES,
  bun: readonly string[],
): Promise<ChildOutput> {
  console.error(`On ${RUNTIMES[runtime]}:`);
  await using child = new Program(
    commandOf(CHILD, Deno.args, runtime, bun),
    { stdin: "ignore", stderr: "inherit" },
  );
  const code = await child.exited;
  if (code !== 0) throw new Error(`The suite has crashed on ${runtime}`);
  return JSON.parse(child.stdout);
}

Deno.exitCode = await main(Deno.args);
