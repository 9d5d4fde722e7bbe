import { assert, assertEquals, assertThrows } from "@std/assert";

import { Deadline } from "../../src/conn/deadline.ts";
import { deferred, test } from "../helper.ts";

test("deadline expires only while something waits", async () => {
  const expired = deferred<DOMException>();
  const deadline = new Deadline("read", expired.resolve);
  deadline.set(new Date(Date.now() - 1));
  assert(deadline.expired);
  deadline.wait(true);
  const error = await expired.promise;
  assertEquals([error.name, error.message], [
    "TimeoutError",
    "Cannot read message: the deadline has passed",
  ]);
  deadline.wait(false);
  deadline.set(null);
  assert(!deadline.expired && !deadline.isSet);
});

// The leak gauge sees a timer that is left.
test("deadline has no timer when nothing waits", () => {
  const deadline = new Deadline("read", () => {});
  deadline.set(new Date(Date.now() + 60_000));
  deadline.wait(true);
  deadline.wait(true);
  deadline.wait(false);
  deadline.wait(true);
  deadline.set(null);
  deadline.set(new Date(Date.now() + 2 ** 40));
  deadline.wait(false);
});

test("deadline farther than a timer can reach does not expire", async () => {
  let expired = false;
  const deadline = new Deadline("write", () => expired = true);
  deadline.set(new Date(Date.now() + 2 ** 33));
  deadline.wait(true);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert(!expired);
  deadline.wait(false);
});

test("deadline.set() refuses an invalid date, and keeps the old one", () => {
  const deadline = new Deadline("write", () => {});
  deadline.set(new Date(1));
  assertThrows(() => deadline.set(new Date(NaN)), RangeError);
  assert(deadline.expired);
});
