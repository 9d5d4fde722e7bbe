import { assertEquals } from "@std/assert";
import { test } from "../support/helper.ts";
import { growthJobs, growthTable, type Series } from "./growth.ts";
import { echo } from "./plan.ts";

const SERIES: Series = {
  title: "Size",
  unit: "size",
  steps: [{ label: "16 B", load: echo(8, 1, 16, "binary") }],
  bytes: true,
};

function measured(messages: number) {
  return {
    messages,
    bytes: messages * 16,
    seconds: 2,
    p50: 0,
    p99: 0,
    p999: 0,
    ownCpu: 0,
    serverCpu: 1,
  };
}

test("growthTable() has a line for each step, of the medians over the rounds", () => {
  const [deno, bun] = growthJobs([SERIES]);
  assertEquals([deno!.server, bun!.server], ["wire-deno", "wire-bun"]);
  const rounds = [1e6, 4e6, 2e6].map((messages) =>
    new Map([
      [deno!.key, measured(messages)],
      // A gap is a blank.
      [bun!.key, undefined],
    ])
  );
  const lines = growthTable(SERIES, rounds).split("\n");
  assertEquals(lines.length, 3);
  assertEquals(
    lines[2]!.split("|").map((cell) => cell.trim()),
    ["", "16 B", "1,000,000", "16", "0.5", "", "", "", ""],
  );
});
