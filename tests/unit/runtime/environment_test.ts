import process from "node:process";
import { fileURLToPath } from "node:url";

import { assertEquals } from "@std/assert";
import { readVariable } from "../../../src/runtime/environment.ts";
import { test } from "../../support/helper.ts";
import { outcomeOf } from "../../support/outcome.ts";

const PROGRAM = fileURLToPath(
  new URL("../../support/read_variables.ts", import.meta.url),
);

test("readVariable() reads what is set", () => {
  process.env.WS_TEST_VARIABLE = "a";
  try {
    assertEquals(readVariable("WS_TEST_VARIABLE"), "a");
  } finally {
    delete process.env.WS_TEST_VARIABLE;
  }
  assertEquals(readVariable("WS_TEST_VARIABLE"), undefined);
});

/** What a Deno with these permissions reads of the variables A and B. */
async function readInDeno(...flags: string[]): Promise<string> {
  const { code, stdout, stderr } = (await outcomeOf(
    process.execPath,
    ["run", "--no-check", ...flags, PROGRAM, "A", "B"],
    { env: { A: "1", B: "2" } },
  ))!;
  assertEquals(code, 0, stderr);
  return (stdout + stderr).trim();
}

test("readVariable() counts what Deno may not read as not set", async () => {
  assertEquals(await readInDeno("--allow-env"), "1 2");
  assertEquals(await readInDeno("--allow-env=A"), "1 undefined");
  // With no flag at all, Deno's node:child_process hands on its own.
  assertEquals(await readInDeno("--allow-net"), "undefined undefined");
  assertEquals(
    await readInDeno("--allow-env", "--deny-env=B"),
    "1 undefined",
  );
}, { only: "deno" });
