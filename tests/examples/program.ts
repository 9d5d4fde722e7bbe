/** The examples as processes, as their users start them. */

import process from "node:process";

import { Program as AnyProgram, START_LIMIT } from "../support/child.ts";
import { runtime } from "../support/helper.ts";
import { nodeLacks } from "../support/outcome.ts";

export { START_LIMIT };

/** What a test that interrupts an example lacks, for its option `lacks`. */
export const lacksInterrupt: string | undefined = process.platform === "win32"
  ? "Ctrl-C for another process"
  : undefined;

/** How an example is started. */
export interface ProgramOptions {
  /** What Deno is allowed: `["--allow-net"]`. */
  readonly allow?: readonly string[];
  /** The command before the file; default: `run` with what Deno is allowed. */
  readonly command?: readonly string[];
  /** Where the file lies and is started; default: `examples` of the checkout. */
  readonly folder?: string;
  /** Environment variables beside those of the test. */
  readonly env?: Readonly<Record<string, string>>;
  /** The runtime's program; default: the one that the test runs on. */
  readonly runtime?: string;
}

/** A runtime that an example is for, and how it is started there. */
export interface Way extends ProgramOptions {
  /** The runtime's name. */
  readonly name: string;
  /** What its test lacks, for its option `lacks`. */
  readonly lacks: string | undefined;
}

/** Where an example that is for Node as well is interrupted: here, and there. */
export function waysWithNode(allow: readonly string[]): readonly Way[] {
  return [
    { name: runtime, allow, lacks: lacksInterrupt },
    {
      name: "node",
      runtime: "node",
      command: [],
      lacks: nodeLacks ?? lacksInterrupt,
    },
  ];
}

/** An example that runs; ended with the test. */
export class Program extends AnyProgram {
  /** Starts a file. */
  constructor(
    file: string,
    args: readonly string[],
    options: ProgramOptions = {},
  ) {
    const { allow = [], folder, env, runtime: program } = options;
    const {
      command = runtime === "deno"
        ? ["run", "--no-check", "--no-prompt", ...allow]
        : ["run"],
    } = options;
    super([
      program ?? process.execPath,
      ...command,
      folder ? file : `examples/${file}`,
      ...args,
    ], { cwd: folder, env });
  }

  /** The port of the first URL that it prints. */
  async port(): Promise<number> {
    const [, port] = await this.untilPrinted(/(?:ws|http):\/\/[^\s]+:(\d+)/);
    return Number(port);
  }
}
