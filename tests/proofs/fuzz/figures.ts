/** The figures of a run. */
export interface Figures {
  readonly runtime: string;
  readonly seed: number;
  /** The most resident bytes between two turns. */
  readonly peak: number;
  readonly targets: readonly TargetFigures[];
}

/** The figures of a target. */
export interface TargetFigures {
  readonly name: string;
  readonly about: string;
  readonly inputs: number;
  /** Milliseconds. */
  readonly time: number;
}

/** The runtime and its version. */
export function runtimeName(): string {
  const { Bun: bun } = globalThis as { Bun?: { readonly version: string } };
  return bun === undefined ? `Deno ${Deno.version.deno}` : `Bun ${bun.version}`;
}

/** A table in Markdown, with the sum in its last line. */
export function formatFigures(figures: Figures): string {
  const { runtime, seed, peak, targets } = figures;
  const inputs = targets.reduce((sum, target) => sum + target.inputs, 0);
  const time = targets.reduce((sum, target) => sum + target.time, 0);
  const row = (name: string, about: string, inputs: number, time: number) =>
    `| ${name} | ${about} | ${number(inputs)} | ${
      number(inputs / time * 1000)
    } |`;
  return [
    `${runtime}, seed ${seed}, ${number(time / 1000)} s, ` +
    `at most ${number(peak / 2 ** 20)} MiB resident: no finding`,
    "",
    "| target | what is fuzzed | inputs | inputs/s |",
    "|---|---|--:|--:|",
    ...targets.map(({ name, about, inputs, time }) =>
      row(`\`${name}\``, about, inputs, time)
    ),
    row("all", "", inputs, time),
  ].join("\n");
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en");
}
