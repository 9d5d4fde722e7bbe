/**
 * Runs each block of the README and of the pages in `.github`, as a module of its
 * own, on both runtimes; and holds the README to the size of a front page.
 */

import { assert, assertEquals } from "@std/assert";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

import { listFiles, readText } from "../architecture/files.ts";
import { test } from "../../support/helper.ts";
import { listUserPages } from "./pages.ts";
import { findSnippets, needsPackages } from "./snippets.ts";

const MAX_LINES = 250;
const MAX_BYTES = 12 * 1024;
/** Languages that would run, whatever they are called, also within a list. */
const CODE = /^\s*(?:```|~~~)\s*(?:[cm]?[jt]sx?|javascript|typescript)\b/gim;

test("README.md is a front page: 250 lines and 12 KB at most", () => {
  const readme = readText("README.md");
  const lines = readme.trimEnd().split("\n").length;
  const bytes = new TextEncoder().encode(readme).length;
  assert(lines <= MAX_LINES, `README.md has ${lines} lines`);
  assert(bytes <= MAX_BYTES, `README.md has ${bytes} bytes`);
});

test("README.md leads to each page for users", () => {
  const readme = readText("README.md");
  const pages = listUserPages().filter((page) => page !== "README.md");
  assert(pages.length > 5);
  assertEquals(pages.filter((page) => !readme.includes(`(${page}`)), []);
});

test("README.md tells of each example", () => {
  const readme = readText("README.md");
  // A program is a file, or a folder with a `main.ts`.
  const programs = listFiles("examples").flatMap((file) =>
    /^examples\/(\w+)(?:\/main)?\.ts$/.exec(file)?.[1] ?? []
  );
  assert(programs.length > 5);
  assertEquals(
    programs.filter((name) => !new RegExp(`\`${name}[./]`).test(readme)),
    [],
  );
});

for (const page of listUserPages()) {
  const text = readText(page);
  const snippets = findSnippets(text);
  test(`${page} has no block of code that is left out`, () => {
    assertEquals(snippets.length, text.match(CODE)?.length ?? 0);
    assertEquals(snippets.filter(({ attributes }) => attributes !== ""), []);
  });
  // With packages, they are programs: `tests/interop/mounting_test.ts`.
  const alone = snippets.filter((snippet) => !needsPackages(snippet));
  for (const { name, code } of alone) {
    const signals = code.includes("SIGTERM") && process.platform === "win32";
    test(`${page}: the block "${name}" runs`, () => run(code), {
      lacks: signals ? "signals" : undefined,
    });
  }
}

async function run(code: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "websocket-page-"));
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
