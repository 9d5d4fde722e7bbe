/** Python, where it is installed with a certain module. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";

/**
 * A Python that has the module, or `undefined`. Debian's packages are known to
 * Debian's own Python alone.
 */
export function findPython(module: string): string | undefined {
  return ["/usr/bin/python3", "python3"].find((python) => {
    const { status } = spawnSync(python, ["-c", `import ${module}`]);
    return status === 0;
  });
}

/** A Python process; what it writes to its error output is shown on failure. */
export class PythonProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #output = "";
  #errors = "";
  #over = false;
  #wake: () => void = () => {};

  private constructor(child: ChildProcess) {
    this.#child = child;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closed = promise;
    child.stdout!.on("data", (data) => {
      this.#output += data;
      this.#wake();
    });
    child.stderr!.on("data", (data) => this.#errors += data);
    child.on("close", () => {
      this.#over = true;
      resolve();
      this.#wake();
    });
  }

  /** Runs a script, which is told to end by the end of its input. */
  static start(
    python: string,
    script: string,
    args: readonly string[],
  ): PythonProcess {
    return new PythonProcess(spawn(python, ["-c", script, ...args]));
  }

  /** The next line that it prints. */
  async readLine(): Promise<string> {
    for (;;) {
      const end = this.#output.indexOf("\n");
      if (end >= 0) {
        const line = this.#output.slice(0, end);
        this.#output = this.#output.slice(end + 1);
        return line;
      }
      if (this.#over) throw new Error(`Python has ended: ${this.#errors}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin!.end();
    this.#child.kill();
    await this.#closed;
  }
}
