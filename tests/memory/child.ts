/** Programs beside the test, on the runtime that the test runs on. */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

import { runtime } from "../helper.ts";

/** A program that prints lines; ended with the test. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #closed: PromiseWithResolvers<void> = Promise.withResolvers();
  #output = "";
  #errors = "";
  #over = false;
  #wake: () => void = () => {};

  /** Starts a file of this folder. */
  constructor(file: string, ...args: string[]) {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const flags = runtime === "bun"
      ? []
      : ["run", "-A", "--no-check", "--quiet", "--v8-flags=--expose-gc"];
    this.#process = spawn(process.execPath, [...flags, path, ...args], {
      env: { ...process.env, BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
    });
    this.#process.stdout!.on("data", (data) => {
      this.#output += data;
      this.#wake();
    });
    this.#process.stderr!.on("data", (data) => this.#errors += data);
    this.#process.on("close", () => {
      this.#over = true;
      this.#closed.resolve();
      this.#wake();
    });
  }

  /** The next line that it prints, as JSON. */
  // deno-lint-ignore no-explicit-any -- whatever the program prints
  async read(): Promise<any> {
    for (;;) {
      const end = this.#output.indexOf("\n");
      if (end >= 0) {
        const line = this.#output.slice(0, end);
        this.#output = this.#output.slice(end + 1);
        return JSON.parse(line);
      }
      if (this.#over) throw new Error(`The program has ended: ${this.#errors}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin!.end();
    this.#process.kill();
    await this.#closed.promise;
  }
}
