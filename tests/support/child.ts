/** The one way in which tests, and what measures, run programs beside them. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

import { runtime, withTimeout } from "./helper.ts";

/** A runtime. */
export type Runtime = typeof runtime;

/** The runtime that the test does not run on. */
export const otherRuntime: Runtime = runtime === "deno" ? "bun" : "deno";

/** How long starting a runtime may take on a busy machine, in milliseconds. */
export const START_LIMIT = 60_000;
/** How long one may take that is asked to end. */
const END_LIMIT = 5_000;

/** The root of the checkout. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** The program of a runtime, or `undefined` where it is not on PATH. */
export function programOf(which: Runtime): string | undefined {
  if (which === runtime) return process.execPath;
  return spawnSync(which, ["--version"]).status === 0 ? which : undefined;
}

/**
 * The command that runs a file of this repository on either runtime; `bun` is
 * the command of Bun, where it is known.
 */
export function commandOf(
  file: string | URL,
  args: readonly string[],
  which: Runtime = runtime,
  bun?: readonly string[],
): [program: string, ...args: string[]] {
  const flags = which === "bun"
    ? []
    : ["run", "-A", "--no-check", "--quiet", "--v8-flags=--expose-gc"];
  const path = typeof file === "string" ? file : fileURLToPath(file);
  const [program = which, ...rest] = which === "bun" && bun !== undefined
    ? bun
    : [programOf(which) ?? which];
  return [program, ...rest, ...flags, path, ...args];
}

/** How a program is run. */
export interface ProgramOptions {
  /** Default: the root of the checkout. */
  readonly cwd?: string | undefined;
  /** Environment variables beside those of the test. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Default: it can be written to. */
  readonly stdin?: "ignore";
  /** Default: kept. */
  readonly stdout?: Output;
  /** Default: kept. */
  readonly stderr?: Output;
  /** Whether it leads a process group of its own. */
  readonly detached?: boolean;
}

/** What becomes of what it prints; a number is a file. */
export type Output = "pipe" | "inherit" | "ignore" | number;

/** A program that runs; ended with the test. */
export class Program implements AsyncDisposable {
  /** What it has printed. */
  stdout = "";
  /** What it has complained of. */
  stderr = "";
  /** Its exit code or its signal, once it has ended. */
  exit: number | string | undefined;
  /** Why it could not be started, if that is so. */
  failure: Error | undefined;
  /** Its exit code, once it has ended and all is read that it has printed. */
  readonly exited: Promise<number | null>;
  readonly #name: string;
  readonly #process: ChildProcess;
  #read = 0;
  #over = false;
  #wake: () => void = () => {};

  /** Starts it. */
  constructor(command: readonly string[], options: ProgramOptions = {}) {
    const [program = "", ...args] = command;
    const { stdin = "pipe", stdout = "pipe", stderr = "pipe" } = options;
    const colours = stdout === "inherit" && process.stdout.isTTY;
    const exited = Promise.withResolvers<number | null>();
    this.exited = exited.promise;
    this.#name = command.join(" ");
    this.#process = spawn(program, args, {
      cwd: options.cwd ?? ROOT,
      stdio: [stdin, stdout, stderr],
      detached: options.detached ?? false,
      env: {
        ...process.env,
        ...colours ? {} : { NO_COLOR: "1" },
        // Bun keeps what it has transpiled; without a home it would do so here.
        BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
        ...options.env,
      },
    });
    // It may be gone when it is written to.
    this.#process.stdin?.on("error", () => {});
    this.#process.stdout?.on("data", (data) => {
      this.stdout += data;
      this.#wake();
    });
    this.#process.stderr?.on("data", (data) => {
      this.stderr += data;
      this.#wake();
    });
    this.#process.on("exit", (code, signal) => {
      this.exit = code ?? signal ?? "unknown";
    });
    const over = (code: number | null) => {
      this.#over = true;
      exited.resolve(code);
      this.#wake();
    };
    this.#process.on("error", (error) => {
      // Or it could not be signalled.
      if (this.#process.pid !== undefined) return;
      this.failure = error;
      this.exit = error.message;
      this.stderr += error.message;
      over(null);
    });
    this.#process.on("close", over);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The next line that it prints; it is killed if it prints none in so many milliseconds. */
  async readLine(limit?: number): Promise<string> {
    const timer = limit && setTimeout(() => this.kill(), limit);
    try {
      for (;;) {
        const end = this.stdout.indexOf("\n", this.#read);
        if (end >= 0) {
          const line = this.stdout.slice(this.#read, end);
          this.#read = end + 1;
          return line;
        }
        await this.#more();
      }
    } finally {
      if (timer) clearTimeout(timer);
    }
  }

  /** The next line that it prints, as JSON. */
  // deno-lint-ignore no-explicit-any -- whatever the program prints
  async read<T = any>(limit?: number): Promise<T> {
    return JSON.parse(await this.readLine(limit));
  }

  /** Asks for something by a line, and waits for the line that answers. */
  async ask(limit: number, question = ""): Promise<string> {
    this.#process.stdin!.write(`${question}\n`);
    return await this.readLine(limit);
  }

  /** Waits until it has printed what fits. */
  untilPrinted(text: string | RegExp): Promise<RegExpMatchArray> {
    return this.#until(() => this.stdout, text);
  }

  /** Waits until it has complained of what fits. */
  untilComplained(text: string | RegExp): Promise<RegExpMatchArray> {
    return this.#until(() => this.stderr, text);
  }

  /** Types text, and ends the input. */
  type(text: string): void {
    this.#process.stdin!.end(text);
  }

  /** Ctrl-C, or what a supervisor sends. */
  interrupt(signal: "SIGINT" | "SIGTERM" = "SIGINT"): void {
    // After `ChildProcess.kill`, Deno tells of no exit code.
    process.kill(this.pid, signal);
  }

  kill(): void {
    if (this.exit === undefined) this.#process.kill("SIGKILL");
  }

  /** Ends its input, and with it the program; one that goes on is killed. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.kill(), END_LIMIT);
    this.#process.stdin?.end();
    await this.exited;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin?.end();
    this.kill();
    await this.exited;
  }

  async #until(
    read: () => string,
    text: string | RegExp,
  ): Promise<RegExpMatchArray> {
    const pattern = typeof text === "string" ? RegExp.escape(text) : text;
    const found = async (): Promise<RegExpMatchArray> => {
      for (;;) {
        const match = read().match(pattern);
        if (match !== null) return match;
        await this.#more();
      }
    };
    return await withTimeout(found(), START_LIMIT, `"${text}" in the output`);
  }

  /** Resolves when it has printed more; rejects when it has ended. */
  async #more(): Promise<void> {
    if (this.#over) {
      throw new Error(
        `Cannot go on: ${this.#name} has ended with ${this.exit}: ${this.stderr}`,
      );
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }
}

/** A file of this repository, run by either runtime. */
export class Child extends Program {
  constructor(file: URL, args: readonly string[], which: Runtime = runtime) {
    super(commandOf(file, args, which));
  }
}
