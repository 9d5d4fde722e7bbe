/** Runs another program as a part of the test run. */

import { closeSync, openSync } from "node:fs";

import { Program } from "../child.ts";

/** What {@linkcode runChild} takes beside the command. */
export interface ChildOptions {
  /** Milliseconds after which the child is killed. */
  timeout: number;
  /** Whether its output is thrown away instead of shown. Default false. */
  quiet?: boolean;
  /** A file for its output, to be shown later. */
  log?: string | undefined;
}

/** How a child has ended: `undefined` when it had to be killed. */
export type ExitCode = number | undefined;

/** Runs `command` in the root of the checkout until it ends. */
export async function runChild(
  command: readonly string[],
  { timeout, quiet = false, log }: ChildOptions,
): Promise<ExitCode> {
  const file = log === undefined ? undefined : openSync(log, "w");
  const output = file ?? (quiet ? "ignore" : "inherit");
  const child = new Program(command, {
    stdin: "ignore",
    stdout: output,
    stderr: output,
  });
  let killed = false;
  const timer = setTimeout(() => {
    killed = true;
    child.kill();
  }, timeout);
  const code = await child.exited;
  clearTimeout(timer);
  if (file !== undefined) closeSync(file);
  if (child.failure !== undefined) throw child.failure;
  return killed ? undefined : code ?? 1;
}

/** Whether `command` can be started at all, and succeeds. */
export async function canRun(command: readonly string[]): Promise<boolean> {
  try {
    return await runChild(command, { timeout: 60_000, quiet: true }) === 0;
  } catch {
    return false;
  }
}
