/** The fuzzer: makes inputs, tries them, and reports the first that fails. */

import { show } from "../../unit/protocol/recorder.ts";
import { Random } from "./random.ts";
import { type Attempt, type Failure, shrink } from "./shrink.ts";
import type { Fault, Target } from "./target.ts";
import { threadClock, TurnMeter } from "./turn_meter.ts";

/** How long an input may take. */
export interface Limits {
  /** Milliseconds that it may wait for something. Default 20,000. */
  readonly patience?: number;
  /** Milliseconds that it may compute in a turn. Default 500. */
  readonly turn?: number;
  /** Milliseconds in which a finding is made smaller. Default 30,000. */
  readonly shrinking?: number;
  /** Is called before each try. */
  readonly onTry?: () => void;
}

/** How long a target is fuzzed; by both measures if both are given. */
export interface FuzzOptions extends Limits {
  readonly seed: number;
  /** The number of the first input. Default 0. */
  readonly from?: number;
  /** How many inputs. Default: no limit. */
  readonly inputs?: number;
  /** Milliseconds. Default: no limit. */
  readonly time?: number;
  /** Is told the number of each input before it is tried, each time. */
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
// The library leaves the event loop to others after about 10 ms. What is made of
// some kilobytes in memory takes 60 at the most, where each byte comes by itself;
// a slow machine takes several times that.
const TURN = 500;
// What happens once, such as a garbage collection, does not happen each time.
const REPETITIONS = 3;

/** Fuzzes a target, to the end or to the first finding. */
export async function fuzz(
  target: Target,
  options: FuzzOptions,
): Promise<FuzzResult> {
  const { seed, from = 0, inputs = Infinity, time = Infinity } = options;
  const stream = streamOf(target.name);
  const begin = performance.now();
  let count = 0;
  let finding: Finding | undefined;
  // Half of the inputs make an error, of which the stack is the most work.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  let iteration = from;
  const limits: Limits = {
    ...options,
    onTry: () => options.onInput?.(iteration),
  };
  while (count < inputs) {
    // The clock costs more than some inputs do.
    if (
      (count & 15) === 0 && count > 0 && performance.now() - begin >= time
    ) break;
    iteration = from + count++;
    const input = target.generate(new Random(seed, stream, iteration));
    let fault = attempt(target, input, limits);
    if (fault instanceof Promise) fault = await fault;
    if (fault === undefined) continue;
    Error.stackTraceLimit = stackTraceLimit;
    finding = await report(target, seed, iteration, { input, fault }, limits);
    break;
  }
  Error.stackTraceLimit = stackTraceLimit;
  return { inputs: count, time: performance.now() - begin, finding };
}

const meter = new TurnMeter();

/** Tries one input. */
export function attempt(
  target: Target,
  input: Uint8Array<ArrayBuffer>,
  limits: Limits = {},
): Fault | Promise<Fault> {
  const { turn = TURN } = limits;
  // By the wall's clock first, which costs little.
  const tried = measured(target, input, limits, meter);
  const judged = ([fault, longest]: Measured) =>
    fault !== undefined || longest <= turn
      ? fault
      : computesFor(turn, target, input, limits);
  return tried instanceof Promise ? tried.then(judged) : judged(tried);
}

/** Whether it is the input, each time, that keeps a turn for so long. */
async function computesFor(
  turn: number,
  target: Target,
  input: Uint8Array<ArrayBuffer>,
  limits: Limits,
): Promise<Fault> {
  for (let i = 0; i < REPETITIONS; i++) {
    const meter = new TurnMeter(threadClock);
    const [fault, longest] = await measured(target, input, limits, meter);
    if (fault !== undefined) return fault;
    if (longest <= turn) return undefined;
  }
  return `turn: it computes for more than ${turn} ms in one turn`;
}

type Measured = readonly [fault: Fault, longest: number];

function measured(
  target: Target,
  input: Uint8Array<ArrayBuffer>,
  { patience = PATIENCE, onTry }: Limits,
  meter: TurnMeter,
): Measured | Promise<Measured> {
  onTry?.();
  meter.start();
  const fault = checked(target, input, patience);
  if (!(fault instanceof Promise)) return [fault, meter.stop()];
  meter.follow();
  return fault.then((fault) => [fault, meter.stop()]);
}

function checked(
  target: Target,
  input: Uint8Array<ArrayBuffer>,
  patience: number,
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
  seed: number,
  iteration: number,
  failure: Failure,
  limits: Limits,
): Promise<Finding> {
  const tries: Attempt = (smaller) => attempt(target, smaller, limits);
  const smallest = await shrink(failure, target, tries, limits.shrinking);
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
