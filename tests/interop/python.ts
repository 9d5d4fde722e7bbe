/** Python, where it is installed with a certain module. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { Program } from "../support/child.ts";

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

/** A Python process, which is told to end by the end of its input. */
export class PythonProcess extends Program {
  /** Runs a file of the folder `python`. */
  constructor(python: string, file: string, args: readonly string[]) {
    const path = fileURLToPath(new URL(`python/${file}`, import.meta.url));
    super([python, path, ...args], {
      env: { PYTHONDONTWRITEBYTECODE: "1" },
    });
  }
}
