/** All behaviours of `Conn`, over one transport. */

import { backpressure } from "./backpressure.ts";
import { closing } from "./closing.ts";
import { control } from "./control.ts";
import { ending } from "./ending.ts";
import type { Fixture } from "./fixture.ts";
import { json } from "./json.ts";
import { limits } from "./limits.ts";
import { liveness } from "./liveness.ts";
import { readers } from "./readers.ts";
import { reading } from "./reading.ts";
import { stats } from "./stats.ts";
import { streams } from "./streams.ts";
import { waiting } from "./waiting.ts";
import { writers } from "./writers.ts";
import { writing } from "./writing.ts";

/** Registers all behaviours over a transport. */
export function suite(fixture: Fixture): void {
  reading(fixture);
  readers(fixture);
  backpressure(fixture);
  writing(fixture);
  writers(fixture);
  control(fixture);
  closing(fixture);
  ending(fixture);
  waiting(fixture);
  liveness(fixture);
  limits(fixture);
  stats(fixture);
  streams(fixture);
  json(fixture);
}
