/** Which cells the matrix has: every shape with every ending, in every place. */

import type { Capabilities, Engine } from "../../../../mod.ts";
import { BUN_CAPABILITIES } from "../../../../src/runtime/bun/transport.ts";
import { DENO_CAPABILITIES } from "../../../../src/runtime/deno/transport.ts";
import { WIRE_CAPABILITIES } from "../../../../src/wire/wire_transport.ts";
import { type Ending, ENDINGS } from "./endings.ts";
import { type Shape, SHAPES } from "./shapes.ts";

/** A runtime that a server runs on. */
export type Runtime = "deno" | "bun";

/** An engine on a runtime. */
export interface Place {
  readonly engine: Engine;
  readonly runtime: Runtime;
}

/** A handler, and what the other end does to it. */
export interface Cell {
  readonly shape: Shape;
  readonly ending: Ending;
}

/** Every engine on every runtime. */
export const PLACES: readonly Place[] = (["wire", "native"] as const).flatMap(
  (engine) =>
    (["deno", "bun"] as const).map((runtime) => ({ engine, runtime })),
);

/** What an engine can do on a runtime. */
export function capabilitiesOf(
  engine: Engine,
  runtime: Runtime,
): Capabilities {
  if (engine === "wire") return WIRE_CAPABILITIES;
  return runtime === "deno" ? DENO_CAPABILITIES : BUN_CAPABILITIES;
}

/** The shapes that a place can do. */
export function shapesAt({ engine, runtime }: Place): Shape[] {
  const capabilities = capabilitiesOf(engine, runtime);
  return SHAPES.filter(({ needs = [] }) =>
    needs.every((name) => capabilities[name])
  );
}

/** What a place is called. */
export function nameOf({ engine, runtime }: Place): string {
  return `${engine} on ${runtime}`;
}

/** The endings that a place can stand. */
export function endingsAt(place: Place): Ending[] {
  return ENDINGS.filter(({ hopeless = [] }) =>
    !hopeless.includes(nameOf(place))
  );
}

/** All cells of a place, shape by shape. */
export function allCells(place: Place): Cell[] {
  const endings = endingsAt(place);
  return shapesAt(place).flatMap((shape) =>
    endings.map((ending) => ({ shape, ending }))
  );
}

/** Some cells of a place: every shape once, and every ending several times. */
export function sampleCells(place: Place): Cell[] {
  const endings = endingsAt(place);
  // Each place has other pairs.
  const shift = 5 *
    PLACES.findIndex((other) => nameOf(other) === nameOf(place));
  return shapesAt(place).map((shape, i) => {
    const round = Math.floor(i / endings.length);
    return { shape, ending: endings[(i + round + shift) % endings.length]! };
  });
}

/** The row of the attack list that a cell belongs to. */
export function rowOf({ shape, ending }: Cell): number {
  return shape.stubborn ? 65 : ending.row;
}
