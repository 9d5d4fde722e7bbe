import { assertEquals } from "@std/assert";

import { Queue } from "../../../src/conn/queue.ts";
import { test } from "../../support/helper.ts";

test("queue is first in, first out", () => {
  const queue = new Queue<number>();
  assertEquals(queue.shift(), undefined);
  assertEquals(queue.peek(), undefined);
  assertEquals(queue.pop(), undefined);
  let next = 0;
  let expected = 0;
  // Filled faster than emptied, past the size at which the head is cut off.
  for (let round = 0; round < 5000; round++) {
    queue.push(next++);
    queue.push(next++);
    assertEquals(queue.peek(), expected);
    assertEquals(queue.shift(), expected++);
    assertEquals(queue.length, next - expected);
  }
  while (queue.length > 0) assertEquals(queue.shift(), expected++);
  assertEquals(expected, next);
});

test("queue.pop() takes the last", () => {
  const queue = new Queue<number>();
  for (const item of [1, 2, 3]) queue.push(item);
  queue.shift();
  assertEquals(queue.pop(), 3);
  assertEquals(queue.pop(), 2);
  assertEquals(queue.length, 0);
  queue.push(4);
  assertEquals(queue.shift(), 4);
});
