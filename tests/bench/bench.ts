/** Runs the rounds. */

import { findBun } from "../support/runner/find_bun.ts";
import { measure, type Measurement, type Settings } from "./measure.ts";
import {
  cellsOf,
  type Comparison,
  keyOf,
  type Load,
  LOADS,
  type ServerName,
} from "./plan.ts";
import { paceOf, type Rounds } from "./report.ts";

/** A load on a server, by the key that its measurements get. */
export interface Job {
  readonly key: string;
  readonly load: Load;
  readonly server: ServerName;
}

/** What {@linkcode runRounds} takes beside what is to be measured. */
export interface BenchOptions {
  readonly rounds: number;
  /** Seconds of each measurement, warm-up not included. */
  readonly seconds: number;
  /** Seconds of load before that. */
  readonly warmup: number;
  /** Whether loads are cut down to a few connections and bytes. */
  readonly tiny?: boolean;
  /** Told how far it is. */
  readonly log?: (line: string) => void;
}

/** The jobs that the comparisons need. */
export function jobsOf(comparisons: readonly Comparison[]): Job[] {
  return cellsOf(comparisons).map((cell) => ({
    key: keyOf(cell),
    load: LOADS[cell.load],
    server: cell.server,
  }));
}

/**
 * Measures every job once a round, in turn there and back, so that what drifts
 * on the machine falls on all alike; what is paced comes last, since it needs
 * the rates of its round.
 */
export async function runRounds(
  jobs: readonly Job[],
  options: BenchOptions,
): Promise<Rounds> {
  const { log = () => {} } = options;
  const bun = await findBun();
  if (bun === undefined) {
    throw new Error("Cannot find Bun: install it, or npx to fetch it");
  }
  const settings: Settings = { ...options, bun };
  const rounds: Map<string, Measurement | undefined>[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const found = new Map<string, Measurement | undefined>(
      jobs.map(({ key }) => [key, undefined]),
    );
    const ordered = (round % 2 === 0 ? [...jobs] : jobs.toReversed())
      .sort((a, b) => Number(isPaced(a)) - Number(isPaced(b)));
    for (const job of ordered) {
      const { key, server } = job;
      let load = options.tiny ? tinyLoad(job.load) : job.load;
      log(`round ${round + 1} of ${options.rounds}: ${key}`);
      try {
        if (isPaced(job)) load = { ...load, rate: paceOf(server, found) };
        found.set(key, await measure(load, server, settings));
      } catch (error) {
        // One that fails must not cost the others: the table has a gap.
        log(`${key} cannot be measured: ${error}`);
      }
    }
    rounds.push(found);
  }
  return rounds;
}

function isPaced({ load }: Job): boolean {
  return load.kind === "paced";
}

function tinyLoad(load: Load): Load {
  return {
    ...load,
    conns: Math.min(load.conns, 4),
    ...load.size === undefined ? {} : { size: Math.min(load.size, 2 ** 20) },
  };
}
