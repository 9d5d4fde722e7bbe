/**
 * What does not pass, and how: all else must pass. The tests fail on any
 * difference, so that this list is neither too short nor too long.
 *
 * The native engines are the runtimes'. What they do otherwise is here as it is
 * seen, and is theirs to change.
 */

import { expandIds } from "./case_list.ts";
import type { Grade, Outcome } from "./engine.ts";
import type { TargetName } from "./targets.ts";

type Runtime = "deno" | "bun";

interface Entry {
  readonly grade: Exclude<Grade, "passed">;
  /** The engine's words. */
  readonly says: string;
  /** {@linkcode expandIds} */
  readonly cases: readonly string[];
}

const WIRE: readonly Entry[] = [];

const EXPECTED: Readonly<
  Record<TargetName, Readonly<Record<Runtime, readonly Entry[]>>>
> = {
  server: { deno: WIRE, bun: WIRE },
  client: { deno: WIRE, bun: WIRE },
  native: { deno: [], bun: [] },
};

/** What must come of the cases that do not pass, by their numbers. */
export function expectedOutcomes(
  target: TargetName,
  runtime: Runtime,
): Map<string, Outcome> {
  return new Map(
    EXPECTED[target][runtime].flatMap(({ grade, says, cases }) =>
      expandIds(cases).map((id) => [id, { grade, says }])
    ),
  );
}
