import { assertEquals } from "@std/assert";

import { test } from "../../support/helper.ts";
import { findSnippets, needsPackages } from "./snippets.ts";

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

test("needsPackages() is true for what a runtime alone cannot import", () => {
  const needs = (code: string) =>
    needsPackages({ name: "", attributes: "", code });
  const own = [
    'import process from "node:process";',
    'import { dial } from "@silverback/websocket";',
    'import type { Conn } from "@silverback/websocket/testing";',
    'import {\n  assert,\n} from "@std/assert";',
    'console.log("from", "hono");',
  ];
  assertEquals(own.map(needs), [false, false, false, false, false]);
  const others = [
    'import { Hono } from "hono";',
    'import {\n  Hono,\n} from "hono";',
    'import { echo } from "./socket.ts";',
    'import "koa";',
  ];
  assertEquals(others.map(needs), [true, true, true, true]);
});
