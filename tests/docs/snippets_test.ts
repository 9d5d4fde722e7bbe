import { assertEquals } from "@std/assert";

import { test } from "../helper.ts";
import { findSnippets } from "./snippets.ts";

test("findSnippets() finds the blocks of TypeScript under their headings", () => {
  const page = [
    "```ts",
    "first();",
    "```",
    "## One",
    "```sh",
    "# no heading",
    "```",
    "```ts ignore",
    "second();",
    "",
    "third();",
    "```",
    "### Two",
    "```ts",
    "```",
    "```",
    "ts",
    "```",
    "",
  ].join("\n");
  assertEquals(findSnippets(page), [
    { name: " 1", attributes: "", code: "first();\n" },
    { name: "One 1", attributes: "ignore", code: "second();\n\nthird();\n" },
    { name: "Two 1", attributes: "", code: "\n" },
  ]);
});
