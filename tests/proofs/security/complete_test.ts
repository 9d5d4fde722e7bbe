/** No attack of the tables goes without a test, and no test without a row. */

import { assert, assertEquals } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";

import { test } from "../../support/helper.ts";

const FOLDER = new URL("./", import.meta.url);
const KNOWN = 37;

function read(file: string): string {
  return readFileSync(new URL(file, FOLDER), "utf8");
}

/** The last column of each row, by the row's number. */
function rows(): Map<number, string> {
  const rows = new Map<number, string>();
  const line = /^\| (\d+) .*\| ([^|]+) \|$/gm;
  for (const [, row, tests] of read("README.md").matchAll(line)) {
    assert(!rows.has(Number(row)), `${row} stands twice`);
    rows.set(Number(row), tests!.trim());
  }
  return rows;
}

/** The files that have attacks of each row. */
function attacks(): Map<number, string[]> {
  const found = new Map<number, Set<string>>();
  for (const file of readdirSync(FOLDER)) {
    if (!file.endsWith("_test.ts")) continue;
    // The fixture makes the test's name of the number.
    for (const [, row] of read(file).matchAll(/^ *attack\(\s*(\d+),/gm)) {
      const files = found.get(Number(row)) ?? new Set();
      found.set(Number(row), files.add(file));
    }
  }
  return new Map([...found].map(([row, files]) => [row, [...files].sort()]));
}

test("every attack that is known has its tests", () => {
  const table = rows();
  const found = attacks();
  for (let row = 1; row <= KNOWN; row++) {
    const files = [...table.get(row)?.matchAll(/`(\w+\.ts)`/g) ?? []];
    assertEquals(
      found.get(row),
      files.map(([, file]) => file!).sort(),
      `${row}`,
    );
  }
  for (const row of found.keys()) assert(table.has(row), `${row}`);
});

test("every attack that was found has its test", () => {
  const found = [...rows()].filter(([row]) => row > KNOWN);
  assert(found.length > 0);
  let last = KNOWN;
  for (const [row, test] of found) {
    assert(row > last, `${row} stands behind ${last}`);
    last = row;
    const [, file = "", name = ""] = /^`(.+)`: (.+)$/.exec(test) ?? [];
    assert(name !== "" && read(`../../${file}`).includes(name), test);
  }
});
