/** The fuzzer: makes inputs, tries them, and reports the first that fails. */

import { show } from "../protocol/recorder.ts";
import { Random } from "./random.ts";
import { type Attempt, type Failure, shrink } from "./shrink.ts";
import type { Fault, Target } from "./target.ts";

/** How long a target is fuzzed; by both measures if both are given. */
export interface FuzzOptions {
  readonly seed: number;
  /** The number of the first input. Default 0. */
  readonly from?: number;
  /** How many inputs. Default: no limit. */
  readonly inputs?: number;
  /** Milliseconds. Default: no limit. */
  readonly time?: number;
  /** Milliseconds that an input may wait for something. Default 20,000. */
  readonly patience?: number;
  /** Is told the number of each input before it is tried. */
  readonly onInput?: (iteration: number) => void;
}

/** What came of it. */
export interface FuzzResult {
  /** How many inputs were tried. */
  readonly inputs: number;
  /** Milliseconds. */
  readonly time: number;
  readonly finding: Finding | undefined;
}

/** An input that fails. */
export interface Finding {
  readonly target: string;
  readonly seed: number;
  /** The input's number. */
  readonly iteration: number;
  /** What is wrong, with the smaller input. */
  readonly fault: string;
  /** The input in hex. */
  readonly input: string;
  /** A smaller one. */
  readonly smaller: string;
  /** What the smaller one means. */
  readonly meaning: string;
}

const PATIENCE = 20_000;

/** Fuzzes a target, to the end or to the first finding. */
export async function fuzz(
  target: Target,
  options: FuzzOptions,
): Promise<FuzzResult> {
  const { seed, from = 0, inputs = Infinity, time = Infinity } = options;
  const { patience = PATIENCE } = options;
  const stream = streamOf(target.name);
  const begin = performance.now();
  let count = 0;
  let finding: Finding | undefined;
  // Half of the inputs make an error, of which the stack is the most work.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  while (count < inputs) {
    // The clock costs more than some inputs do.
    if (
      (count & 15) === 0 && count > 0 && performance.now() - begin >= time
    ) break;
    const iteration = from + count++;
    options.onInput?.(iteration);
    const input = target.generate(new Random(seed, stream, iteration));
    let fault = attempt(target, input, patience);
    if (fault instanceof Promise) fault = await fault;
    if (fault === undefined) continue;
    Error.stackTraceLimit = stackTraceLimit;
    finding = await report(target, options, iteration, { input, fault });
    break;
  }
  Error.stackTraceLimit = stackTraceLimit;
  return { inputs: count, time: performance.now() - begin, finding };
}

/** Tries one input. */
export function attempt(
  target: Target,
  input: Uint8Array<ArrayBuffer>,
  patience: number = PATIENCE,
): Fault | Promise<Fault> {
  try {
    const fault = target.check(input);
    if (!(fault instanceof Promise)) return fault;
    return within(fault, patience).catch(thrown);
  } catch (error) {
    return thrown(error);
  }
}

/** A finding as people want to read it, with the command that shows it again. */
export function formatFinding(finding: Finding): string {
  const { target, seed, iteration, fault, input, smaller, meaning } = finding;
  return [
    `Finding in ${target}, seed ${seed}, input ${iteration}`,
    `  fault:    ${fault}`,
    `  smallest: ${smaller}`,
    `  meaning:  ${meaning}`,
    `  as found: ${input}`,
    `  again:    deno task fuzz --only ${target} --hex ${smaller}`,
    `            deno task fuzz --only ${target} --seed ${seed} --from ` +
    `${iteration} --inputs 1`,
  ].join("\n");
}

async function report(
  target: Target,
  { seed, patience }: FuzzOptions,
  iteration: number,
  failure: Failure,
): Promise<Finding> {
  const tries: Attempt = (smaller) => attempt(target, smaller, patience);
  const smallest = await shrink(failure, target, tries);
  return {
    target: target.name,
    seed,
    iteration,
    fault: smallest.fault,
    input: digits(failure.input),
    smaller: digits(smallest.input),
    meaning: target.describe(smallest.input),
  };
}

/** All of them, where `show` would shorten. */
function digits(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 200) {
    text += show(bytes.subarray(i, i + 200));
  }
  return text;
}

function thrown(error: unknown): string {
  if (!(error instanceof Error)) return `threw: ${String(error)}`;
  // Where in the library; who called it is known.
  const lines = error.stack?.split("\n")
    .filter((line) => line.includes("/src/")) ?? [];
  return [`threw ${error.name}: ${error.message}`, ...lines].join("\n");
}

async function within(
  fault: Promise<Fault>,
  patience: number,
): Promise<Fault> {
  const late = Promise.withResolvers<Fault>();
  const timer = setTimeout(
    () => late.resolve(`hangs: no answer in ${patience} ms`),
    patience,
  );
  try {
    return await Promise.race([fault, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A number for a name, so that no two targets get the same inputs. */
function streamOf(name: string): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) + i | 0;
  }
  return hash;
}
