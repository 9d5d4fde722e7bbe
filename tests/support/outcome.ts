/** Programs that run to their end beside a test, and whether Node can. */

import { Program, type ProgramOptions } from "./child.ts";
import { withTimeout } from "./helper.ts";

/** How long a program may take on a busy machine, in milliseconds. */
export const RUN_LIMIT = 120_000;

/** How a program ended, and what it has printed. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a program is run with. */
export interface OutcomeOptions extends ProgramOptions {
  /** Milliseconds. Default {@linkcode RUN_LIMIT}. */
  readonly limit?: number;
}

/** Runs a program until it ends; `undefined` if there is none. */
export async function outcomeOf(
  program: string,
  args: readonly string[],
  { limit = RUN_LIMIT, ...options }: OutcomeOptions = {},
): Promise<Outcome | undefined> {
  await using child = new Program([program, ...args], {
    stdin: "ignore",
    ...options,
  });
  const code = await withTimeout(child.exited, limit, program);
  if (child.failure !== undefined) return undefined;
  const { stdout, stderr } = child;
  return { code, stdout, stderr };
}

const version = (await outcomeOf("node", ["--version"]))?.stdout.trim();

/** What a test of Node lacks on this machine, for its option `lacks`. */
export const nodeLacks: string | undefined = runsTypeScript(version)
  ? undefined
  : `Node 22.18 or later on PATH, which has ${version ?? "none"}`;

function runsTypeScript(version: string | undefined): boolean {
  const [major = 0, minor = 0] = /^v(\d+)\.(\d+)/.exec(version ?? "")
    ?.slice(1).map(Number) ?? [];
  return major > 22 || major === 22 && minor >= 18;
}
