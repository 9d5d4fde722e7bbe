/** Runs the rounds. */

import { findBun } from "../runner/find_bun.ts";
import { measure, type Measurement, type Settings } from "./measure.ts";
import { cellsOf, type Comparison, keyOf, type Load, LOADS } from "./plan.ts";
import type { Rounds } from "./report.ts";

/** What {@linkcode runRounds} takes beside what is to be compared. */
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

/**
 * Measures every cell once a round, in turn there and back, so that what drifts
 * on the machine falls on all alike.
 */
export async function runRounds(
  comparisons: readonly Comparison[],
  options: BenchOptions,
): Promise<Rounds> {
  const { log = () => {} } = options;
  const bun = await findBun();
  if (bun === undefined) {
    throw new Error("Cannot find Bun: install it, or npx to fetch it");
  }
  const settings: Settings = { ...options, bun };
  const cells = cellsOf(comparisons);
  const rounds: Map<string, Measurement | undefined>[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const found = new Map<string, Measurement | undefined>(
      cells.map((cell) => [keyOf(cell), undefined]),
    );
    for (const cell of round % 2 === 0 ? cells : cells.toReversed()) {
      log(`round ${round + 1} of ${options.rounds}: ${keyOf(cell)}`);
      try {
        const load = LOADS[cell.load];
        found.set(
          keyOf(cell),
          await measure(
            options.tiny ? tinyLoad(load) : load,
            cell.server,
            settings,
          ),
        );
      } catch (error) {
        // One that fails must not cost the others: the table has a gap.
        log(`${keyOf(cell)} cannot be measured: ${error}`);
      }
    }
    rounds.push(found);
  }
  return rounds;
}

function tinyLoad(load: Load): Load {
  return {
    ...load,
    conns: Math.min(load.conns, 4),
    ...load.size === undefined ? {} : { size: Math.min(load.size, 2 ** 20) },
  };
}
