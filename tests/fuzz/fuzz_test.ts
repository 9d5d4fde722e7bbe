/** A short run of every target; the long ones are `deno task fuzz`. */

import { assert, assertEquals } from "@std/assert";

import { Child } from "../fixtures/child.ts";
import { test, withTimeout } from "../helper.ts";
import type { Figures } from "./figures.ts";
import { TARGETS } from "./targets.ts";

const PROGRAM = new URL("run.ts", import.meta.url);
const LIMIT = 60_000;

/** Runs the fuzzer; a finding, seed and all, is what the error says. */
async function run(...args: string[]): Promise<Figures> {
  await using child = new Child(PROGRAM, [...args, "--json"]);
  return await withTimeout(child.read(), LIMIT, "the fuzzer");
}

test("the fuzzer finds nothing from a fixed seed", async () => {
  const figures = await run("--seed", "6455", "--inputs", "200");
  assertEquals(
    figures.targets.map(({ name, inputs }) => [name, inputs]),
    TARGETS.map(({ name }) => [name, 200]),
  );
}, { timeout: LIMIT });

test("the fuzzer finds nothing from a fresh seed", async () => {
  const { targets } = await run("--seconds", "5");
  for (const { name, inputs } of targets) assert(inputs > 0, name);
}, { timeout: LIMIT });
