/** Runs each block of the README, as a module of its own, on both runtimes. */

import { assert, assertEquals } from "@std/assert";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

import { listFiles } from "../architecture/files.ts";
import { test } from "../helper.ts";
import { findSnippets, type Snippet } from "./snippets.ts";

const ROOT = new URL("../../", import.meta.url);
const README: string = readFileSync(new URL("README.md", ROOT), "utf8");
const SNIPPETS: readonly Snippet[] = findSnippets(README);

test("README.md has blocks to run, and none that is left out", () => {
  assert(SNIPPETS.length > 0);
  assertEquals(SNIPPETS.filter(({ attributes }) => attributes !== ""), []);
});

test("README.md links to what is there", () => {
  // As GitHub and JSR name the headings.
  const anchors = Array.from(
    README.matchAll(/^#+ (.+)$/gm),
    ([, heading = ""]) =>
      "#" +
      heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
  );
  const links = Array.from(
    README.matchAll(/\]\(([^)\s]+)\)/g),
    ([, link = ""]) => link,
  ).filter((link) => !/^https?:/.test(link));
  assert(links.length > 0);
  const broken = links.filter((link) =>
    link.startsWith("#")
      ? !anchors.includes(link)
      : !existsSync(new URL(link, ROOT))
  );
  assertEquals(broken, []);
});

test("README.md tells of each example", () => {
  const programs = listFiles("examples").filter((file) =>
    /^examples\/(?:\w+|\w+\/main)\.ts$/.test(file)
  );
  assert(programs.length > 0);
  assertEquals(programs.filter((file) => !README.includes(`(${file})`)), []);
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
