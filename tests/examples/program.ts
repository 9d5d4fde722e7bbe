/** The examples as processes, as their users start them. */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

import { deferred, runtime, withTimeout } from "../helper.ts";

/** How long starting a runtime may take on a busy machine, in milliseconds. */
export const START_LIMIT = 60_000;

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
  /** The runtime's program; default: the one that the test runs on. */
  readonly runtime?: string;
}

/** An example that runs; ended with the test. */
export class Program implements AsyncDisposable {
  /** What it has printed. */
  stdout = "";
  /** What it has complained of. */
  stderr = "";
  readonly #process: ChildProcess;
  readonly #ended = deferred<number | null>();
  #over = false;
  #wake: (() => void) | undefined;

  /** Starts a file. */
  constructor(
    file: string,
    args: readonly string[],
    options: ProgramOptions = {},
  ) {
    const { allow = [], folder } = options;
    const {
      command = runtime === "deno"
        ? ["run", "--no-check", "--no-prompt", ...allow]
        : ["run"],
    } = options;
    this.#process = spawn(
      options.runtime ?? process.execPath,
      [...command, folder ? file : `examples/${file}`, ...args],
      {
        cwd: folder ?? fileURLToPath(new URL("../../", import.meta.url)),
        stdio: ["pipe", "pipe", "pipe"],
        env: {
          ...process.env,
          NO_COLOR: "1",
          BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
        },
      },
    );
    this.#process.stdout!.on("data", (data) => {
      this.stdout += data;
      this.#wake?.();
    });
    this.#process.stderr!.on("data", (data) => {
      this.stderr += data;
      this.#wake?.();
    });
    this.#process.on("close", (code) => {
      this.#over = true;
      this.#ended.resolve(code);
      this.#wake?.();
    });
  }

  /** The exit code. */
  get exited(): Promise<number | null> {
    return this.#ended.promise;
  }

  /** Types text, and ends the input. */
  type(text: string): void {
    this.#process.stdin!.end(text);
  }

  /** Waits until it has printed what fits. */
  untilPrinted(text: string | RegExp): Promise<RegExpMatchArray> {
    return this.#until(() => this.stdout, text);
  }

  /** Waits until it has complained of what fits. */
  untilComplained(text: string | RegExp): Promise<RegExpMatchArray> {
    return this.#until(() => this.stderr, text);
  }

  /** The port of the first URL that it prints. */
  async port(): Promise<number> {
    const [, port] = await this.untilPrinted(/(?:ws|http):\/\/[^\s]+:(\d+)/);
    return Number(port);
  }

  /** Ctrl-C, or what a supervisor sends. */
  interrupt(signal: "SIGINT" | "SIGTERM" = "SIGINT"): void {
    // After `ChildProcess.kill`, Deno tells of no exit code.
    process.kill(this.#process.pid!, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.exited;
  }

  async #until(
    read: () => string,
    text: string | RegExp,
  ): Promise<RegExpMatchArray> {
    const pattern = typeof text === "string" ? RegExp.escape(text) : text;
    const printed = async (): Promise<RegExpMatchArray> => {
      for (;;) {
        const match = read().match(pattern);
        if (match !== null) return match;
        if (this.#over) throw new Error(`It has ended: ${this.stderr}`);
        const { promise, resolve } = deferred();
        this.#wake = resolve;
        await promise;
      }
    };
    return await withTimeout(printed(), START_LIMIT, `"${text}" in the output`);
  }
}
