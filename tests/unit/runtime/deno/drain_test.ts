import { assertEquals, assertRejects } from "@std/assert";

import { Drain } from "../../../../src/runtime/deno/drain.ts";
import { test } from "../../../support/helper.ts";

test("Drain.wait() waits for nothing up to the mark", () => {
  let buffered = 0;
  const drain = new Drain(() => buffered, 10);
  assertEquals(drain.wait(20), undefined);
  buffered = 10;
  assertEquals(drain.wait(10), undefined);
});

test("Drain.wait() asks only when the buffer may be over the mark", () => {
  let asked = 0;
  const drain = new Drain(() => {
    asked++;
    return 4;
  }, 10);
  const sizes = [5, 5, 1, 6, 1];
  const after = sizes.map((size) => {
    assertEquals(drain.wait(size), undefined);
    return asked;
  });
  assertEquals(after, [0, 0, 1, 1, 2]);
});

test("Drain.wait() asks until the buffer is down to the mark", async () => {
  const levels = [30, 30, 30, 30, 30, 30, 30, 11, 10];
  let asked = 0;
  const drain = new Drain(() => levels[asked++] ?? 0, 10);
  const wait = drain.wait(30);
  // The second wait is the first one's.
  assertEquals(drain.wait(1), wait);
  await wait;
  assertEquals(asked, levels.length);
});

test("Drain.end() rejects who waits, and asks no more", async () => {
  let asked = 0;
  const drain = new Drain(() => {
    asked++;
    return 11;
  }, 10);
  const wait = drain.wait(11)!;
  drain.end(new RangeError("over"));
  await assertRejects(() => wait, RangeError);
  await new Promise<void>((resolve) => setImmediate(resolve));
  assertEquals(asked, 1);
});

test("Drain.end() without a wait does nothing", () => {
  new Drain(() => 0, 10).end(new Error("over"));
});
