import { assertEquals } from "@std/assert";

import { test } from "../../support/helper.ts";
import { compactIds, compareIds, expandIds } from "./case_list.ts";
import { echoes, type Group } from "./case.ts";
import type { Outcome } from "./engine.ts";
import { deviationTable, summaryTable } from "./report.ts";

const GROUP: Group = {
  number: 2,
  name: "Two",
  cases: ["2.1", "2.2", "2.3"].map((id) => echoes(id, "", [], [])),
};
const OUTCOMES: ReadonlyMap<string, Outcome> = new Map([
  ["2.1", { grade: "passed", says: "" }],
  ["2.2", { grade: "failed", says: "no pong" }],
  ["2.3", { grade: "failed", says: "no pong" }],
]);

test("compactIds() joins neighbours, and expandIds() parts them", () => {
  const ids = ["1.1.1", "1.1.2", "1.1.3", "1.2.4", "2.1", "2.3", "2.4"];
  const short = ["1.1.1-3", "1.2.4", "2.1", "2.3-4"];
  assertEquals(compactIds(ids), short);
  assertEquals(expandIds(short), ids);
});

test("compareIds() compares part by part", () => {
  const ids = ["1.2.1", "1.10.1", "2.9", "2.10", "10.1.1"];
  assertEquals(ids.toReversed().sort(compareIds), ids);
});

test("summaryTable() counts the grades of each group", () => {
  assertEquals(
    summaryTable([GROUP], [{ name: "it", outcomes: OUTCOMES }]),
    [
      "| group | it        |",
      "| ----- | --------- |",
      "| 2 Two | 1 / 0 / 2 |",
      "| all   | 1 / 0 / 2 |",
    ].join("\n"),
  );
});

test("deviationTable() names the cases", () => {
  assertEquals(
    deviationTable([{ name: "it", outcomes: OUTCOMES }]),
    [
      "| target | grade  | what is otherwise | cases |",
      "| ------ | ------ | ----------------- | ----- |",
      "| it     | failed | no pong           | 2.2-3 |",
    ].join("\n"),
  );
});
