import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";

import { Child } from "../../support/child.ts";
import { hex, test } from "../../support/helper.ts";
import { fuzz } from "./fuzz.ts";
import type { Target } from "./target.ts";
import { aside, threadClock } from "./turn_meter.ts";
import { decoderTarget } from "./targets/decoder.ts";

/** A target that does one thing with all inputs. */
function toy(check: Target["check"]): Target {
  return {
    name: "toy",
    about: "",
    settings: 1,
    generate: () => hex("01 05 06 07 08 09"),
    check,
    describe: () => "",
  };
}

/** Computes for so many milliseconds. */
function computeFor(milliseconds: number): void {
  for (const end = threadClock() + milliseconds; threadClock() < end;);
}

test("fuzz() finds what never settles", async () => {
  const target = toy((input) =>
    input.length > 5 ? new Promise(() => {}) : undefined
  );
  const { finding } = await fuzz(target, { seed: 1, inputs: 1, patience: 5 });
  assertEquals(finding?.fault, "hangs: no answer in 5 ms");
});

test("fuzz() takes no turn for too long that is so once, or because the thread waits", async () => {
  let calls = 0;
  const slow = () => {
    // The garbage collector, say.
    if (calls++ % 2 === 0) computeFor(60);
    return undefined;
  };
  const stalled = () => {
    for (const end = performance.now() + 60; performance.now() < end;) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
    return undefined;
  };
  for (const check of [slow, stalled]) {
    const limits = { seed: 1, inputs: 4, turn: 30 };
    const { finding, inputs } = await fuzz(toy(check), limits);
    assertEquals([finding, inputs], [undefined, 4]);
  }
});

test("fuzz() does not count what a target does aside", async () => {
  const check = async () => {
    aside(() => computeFor(60));
    await new Promise((resolve) => setImmediate(resolve));
    aside(() => computeFor(60));
    return undefined;
  };
  const { finding } = await fuzz(toy(check), { seed: 1, inputs: 1, turn: 30 });
  assertEquals(finding, undefined);
});

test("the watchdog ends what loops for ever, and says where", async () => {
  await using child = new Child(new URL("loop_child.ts", import.meta.url), []);
  const { message } = await assertRejects(() => child.read(), Error);
  assertStringIncludes(message, "Finding in toy, seed 6455, input 77");
  assertStringIncludes(message, "hangs: no end in 300 ms");
  assertStringIncludes(message, "--seed 6455 --from 77 --inputs 1");
});

test("fuzz() takes the same inputs for the same seed, others for another", async () => {
  const inputs = async (seed: number): Promise<string[]> => {
    const seen: string[] = [];
    const target: Target = {
      ...decoderTarget(),
      check: (input) => void seen.push(input.join()),
    };
    await fuzz(target, { seed, inputs: 100 });
    return seen;
  };
  assertEquals(await inputs(1), await inputs(1));
  const others = new Set(await inputs(2));
  assert((await inputs(1)).filter((input) => others.has(input)).length < 10);
});

test("fuzz() goes on past a fault of another kind when it looks for less", async () => {
  // What is found needs a 7; whatever is too short throws.
  const target = toy((input) => {
    if (input.length < 3) throw new RangeError("too short");
    return input.includes(7) ? `seven: ${input.length} bytes` : undefined;
  });
  const { finding } = await fuzz(target, { seed: 1, inputs: 1 });
  assertEquals(finding?.fault, "seven: 3 bytes");
  assertEquals(finding?.smaller, "000700");
});
