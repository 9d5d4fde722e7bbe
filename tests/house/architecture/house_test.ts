import { assert, assertEquals, assertMatch } from "@std/assert";
import { test } from "../../support/helper.ts";
import { listFiles, listTop, readText } from "./files.ts";
import { readSource } from "./source.ts";

const TOP: readonly string[] = [
  "README.md",
  "deno.json",
  "examples",
  "mod.ts",
  "src",
  "tests",
];

test("the top level holds what it is meant to hold", () => {
  const ignored = readText(".gitignore").split("\n").map((line) =>
    line.replace(/\/$/, "")
  );
  assertEquals(
    listTop().filter((name) => !TOP.includes(name) && !ignored.includes(name)),
    [],
  );
});

test("mod.ts holds no logic", () => {
  const { bare } = readSource(readText("mod.ts"));
  assertEquals(
    bare.replace(/\bexport\s[\w\s{},*]*?\bfrom\s*" *";/g, "").trim(),
    "",
  );
});

test("file and folder names are in snake case", () => {
  for (const file of ["src", "tests", "examples"].flatMap(listFiles)) {
    if (file.endsWith(".md")) continue;
    assertMatch(file, /^[a-z0-9_/]+(\.d)?\.[a-z]+$/);
  }
});

test("a source file past 300 lines says why in its first comment", () => {
  for (const file of listFiles("src")) {
    const text = readText(file);
    const lines = text.split("\n").length - 1;
    const comment = /^\s*(?:\/\*\*?.*?\*\/|(?:\/\/[^\n]*\n)+)/s.exec(text)?.[0];
    assert(
      lines <= 300 || (comment ?? "").includes("300 lines"),
      `${file} has ${lines} lines: split it, or say why it is past 300 lines`,
    );
  }
});

test("nothing is left for later", () => {
  const files = ["src", "tests", "examples"].flatMap(listFiles);
  const mark = new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME"].join("|")})\\b`);
  assertEquals(files.filter((file) => mark.test(readText(file))), []);
});

test("every file of tests/unit names its source, or helps one that does", () => {
  const sources = listFiles("src").map((file) =>
    file.slice("src/".length, -".ts".length)
  );
  const files = listFiles("tests/unit");
  const tests = files.filter((file) => file.endsWith("_test.ts"));
  assert(tests.length > 90, `${tests.length}`);
  const strays = tests.filter((file) => {
    const name = file.slice("tests/unit/".length, -"_test.ts".length);
    return !sources.some((source) =>
      name === source || name.startsWith(`${source}_`)
    );
  });
  assertEquals(strays, []);
  const texts = tests.map((file) => ({ file, text: readText(file) }));
  const idle = files.filter((helper) => {
    if (tests.includes(helper)) return false;
    const [, folder = "", name = ""] = /^(.*\/)([^/]*)$/.exec(helper) ?? [];
    return !texts.some(({ file, text }) =>
      file.startsWith(folder) && text.includes(`"./${name}"`)
    );
  });
  assertEquals(idle, []);
});
