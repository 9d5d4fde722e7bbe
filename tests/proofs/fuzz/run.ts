/**
 * The fuzzer's command; `README.md` beside it says what it does.
 *
 *     deno task fuzz [--seconds N | --inputs N] [--seed S] [--from I]
 *       [--only NAMES] [--hex INPUT] [--json]
 *
 * --seconds  seconds in all, shared among the targets; default 60
 * --inputs   inputs of each target instead, at most
 * --seed     a number below 2^32; default: a random one, which is printed
 * --from     the number of the first input; default 0
 * --only     names of targets, with commas between them
 * --hex      tries this one input, of the one target that `--only` names
 * --json     prints the figures as a line of JSON
 *
 * It ends with exit code 1 at the first finding. `bun run tests/proofs/fuzz/run.ts`
 * takes the same.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";

import { hex } from "../../unit/protocol/recorder.ts";
import { attempt, formatFinding, fuzz } from "./fuzz.ts";
import { Watched } from "./progress.ts";
import { type Figures, formatFigures, runtimeName } from "./figures.ts";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets.ts";

// A target's turn, in milliseconds.
const TURN = 500;
// Resident bytes that no input may bring about: ten times what is usual.
const MOST_MEMORY = 2 ** 30;

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: "string" },
      inputs: { type: "string" },
      seed: { type: "string" },
      from: { type: "string", default: "0" },
      only: { type: "string" },
      hex: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const targets = select(values.only);
  if (values.hex !== undefined) return await once(targets, values.hex);
  const seed = values.seed === undefined
    ? crypto.getRandomValues(new Uint32Array(1))[0]!
    : count("seed", values.seed);
  console.error(
    `Fuzzing on ${runtimeName()}, seed ${seed}: ` +
      targets.map(({ name }) => name).join(", "),
  );
  const inputs = values.inputs === undefined
    ? undefined
    : count("inputs", values.inputs);
  const figures = await run(targets, {
    seed,
    from: count("from", values.from),
    inputs: inputs ?? Infinity,
    time: values.seconds !== undefined || inputs === undefined
      ? 1000 * count("seconds", values.seconds ?? "60")
      : Infinity,
  });
  if (figures === undefined) return 1;
  console.log(values.json ? JSON.stringify(figures) : formatFigures(figures));
  return 0;
}

interface Plan {
  readonly seed: number;
  readonly from: number;
  readonly inputs: number;
  readonly time: number;
}

/** Gives each target its turns; `undefined` if there was a finding. */
async function run(
  targets: readonly Target[],
  { seed, from, inputs, time }: Plan,
): Promise<Figures | undefined> {
  using watched = new Watched(seed, targets.map(({ name }) => name));
  const rows = targets.map((target) => ({ target, inputs: 0, time: 0 }));
  const share = time / targets.length;
  let peak = 0;
  for (let open = rows; open.length > 0;) {
    for (const row of open) {
      const result = await fuzz(row.target, {
        seed,
        from: from + row.inputs,
        inputs: inputs - row.inputs,
        time: Math.min(TURN, share - row.time),
        onInput: (i) => watched.input(targets.indexOf(row.target), i),
      });
      row.inputs += result.inputs;
      row.time += result.time;
      if (result.finding !== undefined) {
        console.error(formatFinding(result.finding));
        return undefined;
      }
      peak = Math.max(peak, process.memoryUsage().rss);
      if (peak > MOST_MEMORY) {
        console.error(
          `Finding in ${row.target.name}, seed ${seed}, before input ` +
            `${from + row.inputs}\n  fault:    memory: ${peak} bytes`,
        );
        return undefined;
      }
    }
    open = rows.filter((row) => row.inputs < inputs && row.time < share);
  }
  return {
    runtime: runtimeName(),
    seed,
    peak,
    targets: rows.map(({ target: { name, about }, inputs, time }) => ({
      name,
      about,
      inputs,
      time,
    })),
  };
}

/** Tries one input; for whoever has a finding in hand. */
async function once(targets: readonly Target[], digits: string) {
  const [target, more] = targets;
  if (target === undefined || more !== undefined) {
    throw new RangeError("Cannot use --hex without --only and one name");
  }
  const input = hex(digits);
  console.log(target.describe(input));
  const fault = await attempt(target, input);
  console.log(fault ?? "nothing is wrong with it");
  return fault === undefined ? 0 : 1;
}

function select(names: string | undefined): readonly Target[] {
  if (names === undefined) return TARGETS;
  return names.split(",").map((name) => {
    const target = TARGETS.find((target) => target.name === name);
    if (target !== undefined) return target;
    throw new RangeError(
      `Cannot fuzz "${name}": use ${
        TARGETS.map(({ name }) => name).join(", ")
      }`,
    );
  });
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (text !== "" && value >= 0 && value < Infinity) return value;
  throw new RangeError(`Cannot use --${name} ${text}: it must be a number`);
}

if (import.meta.main) {
  main(process.argv.slice(2)).then((code) => process.exit(code), (error) => {
    console.error(error instanceof RangeError ? error.message : error);
    process.exit(2);
  });
}
