/** Registers micro-benchmarks: with `Deno.bench`, and for `run.ts`. */

/** One of them. */
export interface Micro {
  /** Those of a group are compared with each other. */
  readonly group: string;
  readonly name: string;
  readonly fn: () => unknown;
}

/** All that have been registered. */
export const MICROS: Micro[] = [];

/** Registers one; what it returns is not optimized away. */
export function bench(group: string, name: string, fn: () => unknown): void {
  MICROS.push({ group, name, fn });
  if ("Deno" in globalThis) {
    // The filter of the command looks at the name alone.
    Deno.bench({
      group,
      name: `${group}, ${name}`,
      fn: () => void (result = fn()),
    });
  }
}

/** The result of the last run: engines cannot know that nobody looks. */
export let result: unknown;
