/**
 * The command `deno task liveness`: the whole matrix, as tables.
 *
 *     deno task liveness [--runtime deno|bun] [--engine wire|native]
 *       [--shape TEXT] [--ending TEXT] [--sample] [--jobs N]
 *
 * --runtime  servers on this runtime only
 * --engine   this engine only
 * --shape    shapes with this text in their names
 * --ending   endings with this text in their names
 * --sample   the cells of the test command only
 * --jobs     cells at a time, default: half as many as the machine has cores
 *
 * Exits with 1 if a cell is red.
 *
 * @module
 */

import { parseArgs } from "node:util";

import { findBun } from "../../../support/runner/find_bun.ts";
import { Servers } from "./cell.ts";
import { allCells, type Cell, nameOf, PLACES, sampleCells } from "./plan.ts";
import { type Result, summaryTable, violationTable } from "./report.ts";

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      runtime: { type: "string" },
      engine: { type: "string" },
      shape: { type: "string", default: "" },
      ending: { type: "string", default: "" },
      sample: { type: "boolean", default: false },
      jobs: { type: "string" },
    },
  });
  const jobs = values.jobs === undefined
    ? Math.max(1, Math.floor(navigator.hardwareConcurrency / 2))
    : Number(values.jobs);
  if (!Number.isSafeInteger(jobs) || jobs < 1) {
    throw new RangeError(`Cannot use --jobs ${values.jobs}: use 1 or more`);
  }
  const places = PLACES.filter(({ runtime, engine }) =>
    (values.runtime ?? runtime) === runtime &&
    (values.engine ?? engine) === engine
  );
  const results: Result[] = places.flatMap((place) =>
    (values.sample ? sampleCells : allCells)(place)
      .filter(({ shape, ending }) =>
        shape.name.includes(values.shape) && ending.name.includes(values.ending)
      )
      .map((cell) => ({ place, cell, verdict: undefined }))
  );
  if (results.length === 0) {
    console.error("No cell fits");
    return 2;
  }
  const bun = await findBun();
  if (bun === undefined) {
    console.error("Cannot find Bun: install it, or npx to fetch it");
    return 1;
  }
  const start = performance.now();
  const left = results.toReversed();
  await Promise.all(Array.from({ length: jobs }, async () => {
    await using servers = new Servers(bun);
    let before: Cell["shape"] | undefined;
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      // Shapes do not share a process.
      if (next.cell.shape !== before) await servers[Symbol.asyncDispose]();
      before = next.cell.shape;
      next.verdict = await servers.run(next.place, next.cell);
      if (next.verdict !== undefined) console.error(describe(next));
    }
  }));
  const red = results.filter(({ verdict }) => verdict !== undefined);
  const seconds = (performance.now() - start) / 1000;
  console.log(summaryTable(results));
  if (red.length > 0) console.log(`\n${violationTable(results)}`);
  console.log(
    `\n${results.length} cells, ${red.length} red, ${seconds.toFixed(0)} s`,
  );
  return red.length > 0 ? 1 : 0;
}

function describe({ place, cell, verdict }: Result): string {
  return `${
    nameOf(place)
  }: ${cell.shape.name}: ${cell.ending.name}: ${verdict}`;
}

Deno.exitCode = await main(Deno.args);
