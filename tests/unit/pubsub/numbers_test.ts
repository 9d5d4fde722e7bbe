/** What is known of a hub's first message on a topic. */

import { assertEquals } from "@std/assert";

import { Heard, Stand } from "../../../src/pubsub/numbers.ts";
import { test } from "../../support/helper.ts";

/** Beats at the times 1, 2, …, with the epochs that they name. */
function stands(...epochs: number[]): Stand {
  const stand = new Stand();
  for (const [i, epoch] of epochs.entries()) stand.beat(epoch, i + 1);
  return stand;
}

function missed(stand: Stand, since: number, epoch: number): number {
  const heard = new Heard();
  heard.since = since;
  return heard.came("hub", { epoch, number: 3, voided: 0 }, stand);
}

test("Stand.start() is the first beat whose predecessor came later", () => {
  const stand = stands(1, 2, 2, 2, 5);
  const starts = [0, 0.5, 1, 1.5, 2.5, 3, 3.5, 4, 4.5, Infinity].map((since) =>
    stand.start(since)
  );
  const never = Infinity;
  assertEquals(starts, [2, 2, 2, 2, 2, 5, 5, never, never, never]);
});

test("Stand.names() takes a heartbeat more", () => {
  const stand = stands(1, 1, 1, 1);
  assertEquals([1, 1.5, 2, 3].map((since) => stand.names(since)), [
    true,
    true,
    false,
    false,
  ]);
});

test("Stand keeps 64 steps, and tells what is later than the oldest", () => {
  // Without new epochs there is no step.
  const stand = stands(0, ...Array(1_000).fill(0));
  assertEquals(missed(stand, 0.5, 1), 2);
  for (let epoch = 1; epoch <= 64; epoch++) stand.beat(epoch, 1_001 + epoch);
  assertEquals(stand.start(0.5), 1);
  assertEquals(missed(stand, 0.5, 1), 0);
  assertEquals(missed(stand, 0.5, 2), 2);
  // Who listens since a later step has its own.
  assertEquals(stand.start(1_060.5), 61);
});
