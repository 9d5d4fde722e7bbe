/** Runs the cases of a group, many at a time. */

import type { Case, Group } from "./case.ts";
import {
  type Outcome,
  runCase,
  type RunOptions,
  type Target,
} from "./engine.ts";

/** What came of each case, by its number. */
export type Outcomes = ReadonlyMap<string, Outcome>;

const AT_ONCE = 32;
/** Of group 9, with large messages: memory is finite. */
const LARGE_AT_ONCE = 4;

/** Runs all cases of a group against a target. */
export async function runGroup(
  target: Target,
  group: Group,
  options: RunOptions = {},
): Promise<Outcomes> {
  const outcomes = new Map<string, Outcome>();
  const left: Case[] = group.cases.toReversed();
  const work = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      outcomes.set(next.id, await runCase(target, next, options));
    }
  };
  const atOnce = group.number >= 9 ? LARGE_AT_ONCE : AT_ONCE;
  await Promise.all(Array.from({ length: atOnce }, work));
  return outcomes;
}
