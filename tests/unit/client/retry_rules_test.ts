import { assert, assertEquals } from "@std/assert";
import { backoffDelay } from "../../../src/client/retry_rules.ts";
import { test } from "../../support/helper.ts";

test("backoffDelay() spreads 1,000 clients as the documentation says", () => {
  // A seeded generator: the figures are those of one run.
  let seed = 1;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  const OUTAGE = 60;
  const perSecond: number[] = Array(120).fill(0);
  let dials = 0;
  for (let client = 0; client < 1_000; client++) {
    let time = 0;
    for (let nth = 1; time < OUTAGE; nth++) {
      time += backoffDelay(nth, 1_000, 30_000, random()) / 1_000;
      perSecond[Math.floor(time)]!++;
      dials++;
    }
  }
  const near = (figure: number, told: number) =>
    assert(Math.abs(figure - told) < 0.15 * told, `${figure}, not ${told}`);
  near(perSecond[0]!, 1_270);
  near(perSecond[3]!, 300);
  near(dials / 1_000, 8.5);
  const after = perSecond.slice(OUTAGE);
  assert(Math.max(...after) <= 100, `${Math.max(...after)}`);
  assertEquals(after.slice(30).every((count) => count === 0), true);
});
