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

const OPEN: Entry = {
  grade: "informational",
  says: "the RFC does not say",
  cases: ["7.1.6", "7.13.1-2"],
};

/** Our own engine: nothing but what is open. */
const WIRE: readonly Entry[] = [OPEN];

const BUN: readonly Entry[] = [
  OPEN,
  {
    grade: "informational",
    says: "the connection is not failed as soon as it must be",
    cases: ["6.4.1-4"],
  },
  // An offer of server_max_window_bits below 15 without another beside it.
  {
    grade: "informational",
    says: "compression is declined",
    cases: ["13.3.1-18", "13.5.1-18"],
  },
];

const DENO: readonly Entry[] = [
  OPEN,
  // A close frame with 126 bytes is sent back as it came.
  {
    grade: "failed",
    says: "a control frame over 125 bytes",
    cases: ["7.3.6"],
  },
  {
    grade: "informational",
    says: "the connection is failed without a close frame",
    cases: [
      ...["2.5", "3.1-7", "4.1.1-5", "4.2.1-5", "5.1-2", "5.9-18"],
      ...["6.3.1-2", "6.4.1-2", "6.6.1", "6.6.3-4", "6.6.6", "6.6.8"],
      ...["6.6.10", "6.8.1-2", "6.10.1-3", "6.11.5", "6.12.1-8", "6.13.1-5"],
      ...["6.14.1-10", "6.15.1", "6.16.1-3", "6.17.1-5", "6.18.1-5"],
      ...["6.19.1-5", "6.20.1-7", "6.21.1-8", "7.3.2", "7.5.1"],
    ],
  },
  {
    grade: "informational",
    says: "the connection is not failed as soon as it must be",
    cases: ["6.4.3-4"],
  },
  {
    grade: "informational",
    says: "compression is declined",
    cases: [
      ...[1, 2, 3, 4, 5].map((chapter) => `12.${chapter}.1-18`),
      ...[1, 2, 3, 4, 5, 6, 7].map((chapter) => `13.${chapter}.1-18`),
    ],
  },
];

const EXPECTED: Readonly<
  Record<TargetName, Readonly<Record<Runtime, readonly Entry[]>>>
> = {
  server: { deno: WIRE, bun: WIRE },
  client: { deno: WIRE, bun: WIRE },
  native: { deno: DENO, bun: BUN },
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
