/** All behaviours of `Conn`, over one transport. */

import { backpressure } from "./backpressure.ts";
import type { Fixture } from "./fixture.ts";
import { readers } from "./readers.ts";
import { reading } from "./reading.ts";

/** Registers all behaviours over a transport. */
export function suite(fixture: Fixture): void {
  reading(fixture);
  readers(fixture);
  backpressure(fixture);
}
