/**
 * The soak: many connections that echo, come and go, for minutes. `README.md`
 * beside it says what it proves.
 *
 *     deno task soak [--seconds S] [--conns N] [--server deno|bun]
 *       [--client deno|bun] [--seed N]
 *
 * --seconds  seconds of load, default 600
 * --conns    connections at a time, default 8000
 * --server   the server's runtime, default deno
 * --client   the client's runtime, default deno
 * --seed     what sizes, bodies, ways and times follow from; default: random
 *
 * @module
 */

import { parseArgs } from "node:util";

import { sampleLine, soakReport } from "./report.ts";
import { runSoak, type Runtime } from "./soak.ts";

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string", default: "600" },
      conns: { type: "string", default: "8000" },
      server: { type: "string", default: "deno" },
      client: { type: "string", default: "deno" },
      seed: { type: "string" },
    },
  });
  const seed = values.seed === undefined
    ? Math.floor(Math.random() * 2 ** 32)
    : Number(values.seed);
  console.log(`--seed ${seed}`);
  const report = await runSoak({
    seconds: positive("seconds", values.seconds),
    conns: positive("conns", values.conns),
    server: runtimeOf("server", values.server),
    client: runtimeOf("client", values.client),
    seed,
    onSample: (sample) => console.error(sampleLine(sample)),
  });
  console.log(`\n${soakReport(report)}`);
  Deno.exitCode = report.faults.length > 0 ? 1 : 0;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && value < Infinity) return value;
  throw new RangeError(`Cannot use --${name} ${text}: it must be positive`);
}

function runtimeOf(name: string, text: string): Runtime {
  if (text === "deno" || text === "bun") return text;
  throw new RangeError(`Cannot use --${name} ${text}: use deno or bun`);
}

await main(Deno.args);
