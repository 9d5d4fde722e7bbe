/** A sample of the matrix: every shape once, every ending, on each engine. */

import process from "node:process";

import { assertEquals } from "@std/assert";

import { runtime, test } from "../../../support/helper.ts";
import { Servers } from "./cell.ts";
import { PLACES, rowOf, sampleCells } from "./plan.ts";

const ROWS: Readonly<Record<number, string>> = {
  61: "a peer that goes while a handler loops",
  62: "a peer that reads as fast as a handler writes",
  63: "floods of messages, pings, pongs and empty fragments",
  64: "a peer that stalls while a handler loops",
  65: "handlers that swallow every error",
  66: "a shutdown while handlers loop",
};

for (const place of PLACES) {
  if (place.runtime !== runtime) continue;
  const cells = sampleCells(place);
  for (const [row, what] of Object.entries(ROWS)) {
    const { engine } = place;
    const where = engine === "wire" ? "wire" : `native on ${runtime}`;
    test(`security ${row}: ${what}; ${where}`, async () => {
      const red: string[] = [];
      await using servers = new Servers([process.execPath]);
      for (const cell of cells) {
        if (rowOf(cell) !== Number(row)) continue;
        const verdict = await servers.run(place, cell);
        if (verdict === undefined) continue;
        red.push(`${cell.shape.name}: ${cell.ending.name}: ${verdict}`);
      }
      assertEquals(red, []);
    }, { timeout: 300_000 });
  }
}
