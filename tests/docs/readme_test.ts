/** Runs each block of the README, as a module of its own, on both runtimes. */

import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

import { test } from "../helper.ts";
import { findSnippets, type Snippet } from "./snippets.ts";

const SNIPPETS: readonly Snippet[] = findSnippets(
  readFileSync(new URL("../../README.md", import.meta.url), "utf8"),
);

test("README.md has blocks to run, and none that is left out", () => {
  assert(SNIPPETS.length > 0);
  assertEquals(SNIPPETS.filter(({ attributes }) => attributes !== ""), []);
});

for (const { name, code } of SNIPPETS) {
  const signals = code.includes("SIGTERM") && process.platform === "win32";
  test(`README.md: the block "${name}" runs`, () => run(code), {
    lacks: signals ? "signals" : undefined,
  });
}

async function run(code: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "websocket-readme-"));
  const { log } = console;
  try {
    const file = join(folder, "block.ts");
    await writeFile(file, code);
    console.log = () => {}; // What it prints is for its readers.
    await import(pathToFileURL(file).href);
  } finally {
    console.log = log;
    await rm(folder, { recursive: true });
  }
}
