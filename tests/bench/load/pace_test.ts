import { assertEquals } from "@std/assert";
import { test } from "../../support/helper.ts";
import { Pace } from "./pace.ts";

/** Takes all that is due. */
function takeAll(pace: Pace, now: number): number[] {
  const conns: number[] = [];
  for (;;) {
    const conn = pace.take(now);
    if (conn === undefined) return conns;
    conns.push(conn);
  }
}

/** In milliseconds, of which the histogram tells as good as two digits. */
function near(us: number): number {
  return Math.round(us / 5000) * 5;
}

test("Pace.take() keeps the rate, round robin, and catches up", () => {
  const pace = new Pace({ conns: 3, rate: 500, warmup: 0, count: 6 });
  assertEquals(takeAll(pace, 0), [0]);
  assertEquals(takeAll(pace, 1.999), []);
  assertEquals(takeAll(pace, 2), [1]);
  // Due at 4, 6 and 8.
  assertEquals(takeAll(pace, 8), [2, 0, 1]);
  assertEquals(pace.over, false);
  assertEquals(takeAll(pace, 1e6), [2]);
  assertEquals(pace.over, true);
});

test("Pace does not drift over a million messages", () => {
  const rate = 29_999.7;
  const pace = new Pace({ conns: 1, rate, warmup: 999_999, count: 2 });
  const taken = takeAll(pace, 999_999 * 1000 / rate - 1e-6).length;
  assertEquals([taken, pace.warm], [999_999, true]);
});

test("Pace counts times from when a message was due, not from when it was sent", () => {
  const pace = new Pace({ conns: 2, rate: 1000, warmup: 0, count: 100 });
  // The generator, or who it waits for, has slept for all of it.
  assertEquals(takeAll(pace, 99).length, 100);
  pace.answer(0, 50, 100);
  assertEquals(pace.answered, false);
  pace.answer(1, 50, 100);
  assertEquals(pace.answered, true);
  // From 1 to 100 ms, each once.
  assertEquals([0.5, 0.9, 1].map((q) => near(pace.times.quantile(q))), [
    50,
    90,
    100,
  ]);
  assertEquals(near(pace.late.quantile(0.5)), 50);
});

test("Pace leaves the warm-up out, however late it is answered", () => {
  const pace = new Pace({ conns: 1, rate: 1000, warmup: 2, count: 2 });
  assertEquals(takeAll(pace, 1).length, 2);
  assertEquals(pace.warm, true);
  assertEquals(takeAll(pace, 3).length, 2);
  // Sent at 3, and in steps of 3 percent.
  assertEquals(Math.floor(pace.late.quantile(1)), 1007);
  // Due at 2 and at 3.
  pace.answer(0, 3, 500);
  assertEquals([near(pace.times.quantile(1)), pace.answered], [500, false]);
  pace.answer(0, 1, 3);
  assertEquals([pace.times.quantile(0), pace.answered], [0, true]);
});
