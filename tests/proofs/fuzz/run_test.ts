/** A short run of every target; the long ones are `deno task fuzz`. */

import { assert, assertEquals } from "@std/assert";

import { Child } from "../../support/child.ts";
import { test, withTimeout } from "../../support/helper.ts";
import type { Figures } from "./figures.ts";
import { TARGETS } from "./targets.ts";

const PROGRAM = new URL("run.ts", import.meta.url);
const LIMIT = 120_000;

/** Runs the fuzzer; a finding, seed and all, is what the error says. */
async function run(...args: string[]): Promise<Figures> {
  await using child = new Child(PROGRAM, [...args, "--json"]);
  return await withTimeout(child.read(), LIMIT, "the fuzzer");
}

function assertAll({ targets }: Figures): void {
  assertEquals(
    targets.map(({ name }) => name),
    TARGETS.map(({ name }) => name),
  );
  for (const { name, inputs } of targets) assert(inputs > 0, name);
}

// A seed of its own for each run is for the long ones, which stop nobody's work.
test("the fuzzer finds nothing", async () => {
  assertAll(await run("--seed", "6455", "--seconds", "10"));
}, { timeout: LIMIT });
