import { assert, assertEquals } from "@std/assert";

import {
  type Entry,
  type Turn,
  WriteQueue,
} from "../../../src/conn/write_queue.ts";
import { test } from "../../support/helper.ts";

function entry(size: number, events: string[] = []): Entry {
  return {
    size,
    start: () => undefined,
    resolve() {},
    reject: () => void events.push(`reject ${size}`),
  };
}

function writer(events: string[] = []): Turn {
  return {
    begin() {},
    drop: () => void events.push("drop"),
    abort() {},
    begun: false,
    waiting: false,
    lastWrite: 0,
  };
}

test("writeQueue counts the bytes of whole messages", () => {
  const queue = new WriteQueue();
  const first = entry(10);
  const second = entry(20);
  const turn = writer();
  for (const item of [first, turn, second]) queue.push(item);
  assertEquals([queue.length, queue.bytes], [3, 30]);
  assert(queue.remove(second));
  assert(!queue.remove(second));
  assert(queue.remove(turn));
  assertEquals([queue.length, queue.bytes], [1, 10]);
  assert(queue.shift() === first);
  assertEquals([queue.shift(), queue.length, queue.bytes], [undefined, 0, 0]);
});

test("writeQueue.clear() may leave messages in their order", () => {
  const events: string[] = [];
  const queue = new WriteQueue();
  for (const item of [entry(1), writer(events), entry(2), writer(events)]) {
    queue.push(item);
  }
  queue.clear({ error: new Error("over") }, true);
  assertEquals(events, ["drop", "drop"]);
  assertEquals([queue.length, queue.bytes], [2, 3]);
  assertEquals((queue.shift() as Entry).size, 1);
  assertEquals((queue.shift() as Entry).size, 2);
});

test("writeQueue.clear() rejects and drops all", () => {
  const events: string[] = [];
  const queue = new WriteQueue();
  for (const item of [entry(1, events), writer(events), entry(2, events)]) {
    queue.push(item);
  }
  queue.clear({ error: new Error("over") });
  assertEquals(events, ["reject 1", "drop", "reject 2"]);
  assertEquals([queue.length, queue.bytes], [0, 0]);
});

test("writeQueue.exceedsCount() bounds the number of small messages", () => {
  const queue = new WriteQueue();
  for (let i = 0; i < 1023; i++) queue.push(entry(0));
  assert(!queue.exceedsCount(1));
  queue.push(entry(0));
  assert(queue.exceedsCount(1));
  assert(queue.exceedsCount(1024 * 256));
  assert(!queue.exceedsCount(1024 * 256 + 1));
  assert(!queue.exceedsCount(Infinity));
});
