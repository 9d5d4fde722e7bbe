import { assert, assertEquals } from "@std/assert";

import { ReadFlow } from "../../../src/conn/read_flow.ts";
import type { Transport } from "../../../src/transport/transport.ts";
import { test } from "../../support/helper.ts";

function makeFlow(): { flow: ReadFlow; calls: string[] } {
  const calls: string[] = [];
  const transport = {
    pause: () => void calls.push("pause"),
    resume: () => void calls.push("resume"),
  } as unknown as Transport;
  return { flow: new ReadFlow(transport), calls };
}

test("readFlow.balance() pauses and resumes once", () => {
  const { flow, calls } = makeFlow();
  for (const full of [false, true, true, false, false]) {
    assert(!flow.balance(full));
    assertEquals(flow.paused, full);
  }
  assertEquals(calls, ["pause", "resume"]);
});

test("readFlow.balance() drops while closing when nobody reads", () => {
  const { flow, calls } = makeFlow();
  flow.read(); // before the end is no reading on
  flow.balance(true);
  flow.close();
  assert(flow.balance(true));
  assertEquals(calls, ["pause", "resume"]);
  assert(!flow.balance(false));
});

test("readFlow.balance() pauses while closing when somebody reads on", () => {
  const { flow, calls } = makeFlow();
  flow.close();
  flow.read();
  assert(!flow.balance(true));
  assertEquals(calls, ["pause"]);
});

test("readFlow.hold() pauses whether or not there is room, but not while closing", () => {
  const { flow, calls } = makeFlow();
  flow.hold(true);
  assert(!flow.balance(false));
  assertEquals([flow.paused, calls], [true, ["pause"]]);
  flow.balance(true);
  flow.hold(false);
  assertEquals([flow.paused, calls], [true, ["pause"]]);
  flow.balance(false);
  flow.hold(true);
  flow.close();
  assert(!flow.balance(false));
  assertEquals([flow.paused, calls], [false, [
    "pause",
    "resume",
    "pause",
    "resume",
  ]]);
});
