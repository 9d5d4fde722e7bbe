/** A process that talks in lines: a server or a load generator. */

import { fileURLToPath } from "node:url";

import { TextLineReader } from "./line_reader.ts";

// How long one may take to end by itself.
const END_LIMIT = 5_000;

/** The command that runs a file on a runtime; `bun` is the command of Bun. */
export function commandOf(
  runtime: "deno" | "bun",
  bun: readonly string[],
  file: URL,
  args: readonly string[],
): string[] {
  const path = fileURLToPath(file);
  return runtime === "bun" ? [...bun, path, ...args] : [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-check",
    "--allow-all",
    "--v8-flags=--expose-gc",
    path,
    ...args,
  ];
}

/** A program that runs until it is told to end. */
export class Child {
  readonly #name: string;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: TextLineReader;

  /** Starts a program; what it says on standard error is shown. */
  constructor(command: readonly string[]) {
    const [program = "", ...args] = command;
    this.#name = command.join(" ");
    this.#process = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "piped",
      env: { BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#lines = new TextLineReader(this.#process.stdout);
  }

  /** The next line that it prints, as JSON; it is killed if it prints none. */
  async readJson<T>(timeout: number): Promise<T> {
    return JSON.parse(await this.readLine(timeout));
  }

  /** The next line that it prints; it is killed if it prints none. */
  async readLine(timeout: number): Promise<string> {
    const timer = setTimeout(() => this.#kill(), timeout);
    try {
      const line = await this.#lines.next();
      if (line !== undefined) return line;
    } finally {
      clearTimeout(timer);
    }
    const { code, signal } = await this.#process.status;
    throw new Error(
      `Cannot go on: ${this.#name} has ended with ${signal ?? code}`,
    );
  }

  /** Asks for something by a line, and waits for the line that answers. */
  async ask(timeout: number, question = ""): Promise<string> {
    await this.#input.write(new TextEncoder().encode(`${question}\n`));
    return await this.readLine(timeout);
  }

  /** Ends its standard input, and with it the program. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.#kill(), END_LIMIT);
    // It may be gone already.
    await this.#input.close().catch(() => {});
    await this.#process.status;
    clearTimeout(timer);
    await this.#lines.cancel();
  }

  #kill(): void {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It is gone already.
    }
  }
}
