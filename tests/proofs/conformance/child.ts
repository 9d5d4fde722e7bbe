/**
 * Runs the suite on one runtime, and prints what came of it as JSON: a list for
 * each target, of the cases' numbers, grades and words.
 *
 *     deno run --allow-all tests/proofs/conformance/child.ts [--full] [GROUP ...]
 *
 * @module
 */

import process from "node:process";

import { GROUPS } from "./cases/all.ts";
import { runGroup } from "./run_group.ts";
import { startTarget, TARGET_NAMES, type TargetName } from "./targets.ts";

/** What is printed. */
export type ChildOutput = Readonly<
  Record<TargetName, readonly [id: string, grade: string, says: string][]>
>;

async function main(args: readonly string[]): Promise<ChildOutput> {
  const full = args.includes("--full");
  const numbers = args.filter((arg) => arg !== "--full").map(Number);
  const output: Record<TargetName, [string, string, string][]> = {
    server: [],
    client: [],
    native: [],
  };
  for (const name of TARGET_NAMES) {
    for (const group of GROUPS) {
      if (numbers.length > 0 && !numbers.includes(group.number)) continue;
      await using target = await startTarget(name);
      const start = performance.now();
      const outcomes = await runGroup(target, group, { full });
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      console.error(`${name}, ${group.number} ${group.name}: ${seconds} s`);
      for (const { id } of group.cases) {
        const { grade, says } = outcomes.get(id)!;
        output[name].push([id, grade, says]);
      }
    }
  }
  return output;
}

console.log(JSON.stringify(await main(process.argv.slice(2))));
// The peers of native engines may still have sockets that nobody needs.
process.exit(0);
