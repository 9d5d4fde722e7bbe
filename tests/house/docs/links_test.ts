/** Links lead to what is there, in all pages and in the comments of sources. */

import { assert, assertEquals } from "@std/assert";
import { existsSync } from "node:fs";

import { listFiles, readText } from "../architecture/files.ts";
import { test } from "../../support/helper.ts";
import { findAnchors, findLinks, findPaths, listPages } from "./pages.ts";

const ROOT = new URL("../../../", import.meta.url);

/** The links of a file, at `path`, that lead to nothing. */
function brokenLinks(path: string, links: readonly string[]): string[] {
  const here = new URL(path, ROOT);
  return links.filter((link) => {
    const to = new URL(link, here);
    const anchor = decodeURIComponent(to.hash.slice(1));
    to.hash = "";
    // Beyond the checkout nothing is there for a reader.
    if (!to.href.startsWith(ROOT.href) || !existsSync(to)) return true;
    if (anchor === "") return false;
    const page = to.href.slice(ROOT.href.length);
    return !page.endsWith(".md") || !findAnchors(readText(page)).has(anchor);
  });
}

test("the pages link to what is there", () => {
  let count = 0;
  for (const page of listPages()) {
    const links = findLinks(readText(page));
    count += links.length;
    assertEquals(brokenLinks(page, links), [], page);
  }
  assert(count > 50);
});

test("the pages name files that are there", () => {
  let count = 0;
  for (const page of listPages()) {
    const paths = findPaths(readText(page));
    count += paths.length;
    const missing = paths.filter((path) => !existsSync(new URL(path, ROOT)));
    assertEquals(missing, [], page);
  }
  assert(count > 10);
});

test("the comments of sources link to what is there", () => {
  const files = ["mod.ts", ...["src", "examples", "tests"].flatMap(listFiles)];
  for (const file of files.filter((file) => file.endsWith(".ts"))) {
    // Of a documenting comment, what stands behind the stars.
    const comments = readText(file).match(/\/\*\*.*?\*\//gs) ?? [];
    const text = comments.join("\n").replaceAll(/^ *\*(?: |$)/gm, "");
    assertEquals(brokenLinks(file, findLinks(text)), [], file);
    const pages = comments.join("\n").match(/\.github\/[\w/]+\.md/g) ?? [];
    assertEquals(brokenLinks("", pages), [], file);
  }
});

test("the check of the links sees one that leads to nothing", () => {
  const page = [
    "[a](README.md#install), [b](#nowhere), [`c`](src/nowhere.ts)",
    "[d](https://example.com/nowhere) and `[e](nowhere)`",
    "[f]: .github/nowhere.md",
    "[^1]: nowhere",
    "```md",
    "[g](nowhere)",
    "```",
  ].join("\n");
  const broken = ["#nowhere", "src/nowhere.ts", ".github/nowhere.md"];
  assertEquals(findLinks(page), ["README.md#install", ...broken]);
  assertEquals(brokenLinks("README.md", findLinks(page)), broken);
  assertEquals(brokenLinks("README.md", ["mod.ts#a", "../"]), [
    "mod.ts#a",
    "../",
  ]);
  assertEquals(findPaths("`src/a.ts`, `tests/b/` and `srcs/c`"), [
    "src/a.ts",
    "tests/b/",
  ]);
});

test("findAnchors() names headings as GitHub does", () => {
  const page = "# From `ws`, to [us](a.md)\n```sh\n# no\n```\n## A B\n## A B\n";
  assertEquals([...findAnchors(page)], ["from-ws-to-us", "a-b", "a-b-1"]);
});
