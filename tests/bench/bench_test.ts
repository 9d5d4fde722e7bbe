import { assert, assertEquals } from "@std/assert";
import { test } from "../support/helper.ts";
import type { Comparison } from "./plan.ts";

/** Every kind of load once, and every server that needs no package. */
const CELLS: readonly Comparison[] = [
  ["binary", "wire-deno", "bare-deno"],
  ["text", "wire-bun", "bare-bun"],
  ["large", "native-deno", "native-bun"],
  ["deflate", "wire-deno", "wire-bun"],
  ["tls", "wire-deno", "bare-deno"],
  ["tls-large", "wire-bun", "bare-bun"],
  ["connect", "wire-deno", "wire-bun"],
].map(([load, subject, against]) => ({
  subject: { load, server: subject },
  against: { load, server: against },
} as Comparison)).concat(
  {
    subject: { load: "prepared", server: "wire-bun" },
    against: { load: "loop", server: "wire-bun" },
  },
  {
    subject: { load: "single", server: "wire-bun" },
    against: { load: "single", server: "bare-bun" },
    figure: "p99",
  },
  {
    subject: { load: "paced", server: "wire-bun" },
    against: { load: "paced", server: "native-deno" },
    figure: "p999",
  },
  {
    subject: { load: "http2-large", server: "http2-bun" },
    against: { load: "tls-large", server: "http2-bun" },
  },
  { subject: { load: "idle", server: "wire-deno" } },
  { subject: { load: "stream", server: "wire-bun" } },
);

test("runRounds() measures every cell of a tiny round", async () => {
  // The bench itself is a program for Deno.
  const { jobsOf, runRounds } = await import("./bench.ts");
  const { comparisonTable, compare, measurementTable } = await import(
    "./report.ts"
  );
  const log: string[] = [];
  const rounds = await runRounds(jobsOf(CELLS), {
    rounds: 1,
    seconds: 0.1,
    warmup: 0.05,
    tiny: true,
    log: (line) => log.push(line),
  });
  assertEquals(rounds.length, 1);
  assertEquals(rounds[0]!.size, 25);
  for (const [cell, one] of rounds[0]!) {
    assert(one !== undefined && one.messages > 0, `${cell}: ${log.join("\n")}`);
  }
  const outcomes = CELLS.map((one) => compare(one, rounds));
  assert(comparisonTable(outcomes).includes("| wire on Deno "));
  assert(measurementTable(rounds).includes("| bare callback on Bun "));
}, { only: "deno", timeout: 180_000 });
