/**
 * No pipe in what people copy is left alone: of a stream that is not a
 * connection's, a failure that nobody handles ends the process.
 */

import { assert, assertEquals } from "@std/assert";

import { listFiles, readText } from "../architecture/files.ts";
import { test } from "../../support/helper.ts";

/** A pipe that is awaited, returned, kept, or handled at once. */
const HELD = /\b(?:await|return)\b|=>?\s*\S*$|\)\s*\.(?:catch|then)\(/s;

/** The statements that pipe, and hand their promise to nobody. */
function floatingPipes(text: string): string[] {
  return Array.from(
    // From the end of the statement before to that of this one.
    text.matchAll(/(?<=[;{}]|^)([^;{}]*)\.pipeTo\([^;]*;/g),
    ([statement, before = ""]) => ({ statement, before }),
  ).filter(({ statement, before }) =>
    !HELD.test(before) && !HELD.test(statement.slice(before.length))
  ).map(({ statement }) => statement.trim());
}

test("the documentation and the examples leave no pipe alone", () => {
  const files = [
    "README.md",
    "mod.ts",
    ...listFiles("src"),
    ...listFiles("examples").filter((file) => file.endsWith(".ts")),
    ...listFiles(".github").filter((file) => file.endsWith(".md")),
  ];
  let pipes = 0;
  for (const file of files) {
    // Of a documenting comment, what stands behind the stars.
    const text = readText(file).replaceAll(/^ *\*(?: |$)/gm, "");
    pipes += text.split(".pipeTo(").length - 1;
    assertEquals(floatingPipes(text), [], file);
  }
  assert(pipes > 5);
});

test("the check of the pipes sees one that is left alone", () => {
  const left = [
    "a.pipeTo(b);",
    "x();\na.b.pipeTo(c, { d });",
    "{ a.pipeTo(b); }",
  ];
  assertEquals(left.map((text) => floatingPipes(text).length), [1, 1, 1]);
  const held = [
    "await a.pipeTo(b);",
    "return a.pipeTo(b);",
    "const c = a.pipeTo(b);",
    "const d = () => a.pipeTo(b);",
    "a.pipeTo(b).catch(() => {});",
    "a.pipeTo(b)\n  .then(c, d);",
    "await a.pipeTo(b, { c })\n  .catch(() => {});",
  ];
  assertEquals(held.flatMap(floatingPipes), []);
});
