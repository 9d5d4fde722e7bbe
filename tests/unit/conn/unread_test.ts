import { assert, assertEquals } from "@std/assert";

import { GatheredMessage } from "../../../src/conn/gathered_message.ts";
import { Unread } from "../../../src/conn/unread.ts";
import { test } from "../../support/helper.ts";

test("unread counts bytes, and a cost for each message", () => {
  const unread = new Unread();
  unread.push({ type: 1, data: "" });
  unread.push({ type: 2, data: new Uint8Array(100) });
  assertEquals([unread.length, unread.size], [2, 228]);
  const incoming = new GatheredMessage(2);
  unread.begin(incoming);
  incoming.append(new Uint8Array(50));
  unread.grow(50);
  assertEquals([unread.length, unread.size], [3, 342]);
  unread.shift();
  unread.shift();
  assertEquals([unread.length, unread.size], [1, 114]);
  unread.pop();
  assertEquals([unread.length, unread.size], [0, 0]);
  assertEquals(unread.shift(), undefined);
  assertEquals(unread.peek(), undefined);
});

test("unread.shiftWhole() takes no message that is in pieces", () => {
  const unread = new Unread();
  const incoming = new GatheredMessage(1);
  unread.push({ type: 1, data: "whole" });
  unread.begin(incoming);
  assertEquals(unread.shiftWhole(), { type: 1, data: "whole" });
  incoming.ended = true;
  assertEquals(unread.shiftWhole(), undefined);
  assert(unread.peek() === incoming);
  assert(unread.shift() === incoming);
  assertEquals([unread.length, unread.size], [0, 0]);
});

test("unread.excess() bounds messages by number and bytes", () => {
  const unread = new Unread();
  for (let i = 0; i < 1024; i++) unread.push({ type: 1, data: "" });
  assertEquals(unread.excess(2 ** 20, "engine"), undefined);
  const error = unread.excess(65_535, "the engine");
  assertEquals(error?.limit, 65_535);
  assert(error?.message.includes("the engine cannot stop its peer"));
  unread.push({ type: 1, data: "" });
  assert(unread.excess(2 ** 20, "engine") !== undefined);
});

test("unread counts a part of the chunks that messages keep", () => {
  const unread = new Unread();
  const chunks = [1, 2, 3].map(() => new ArrayBuffer(65_536));
  const push = (chunk: number, length: number) =>
    unread.push({ type: 2, data: new Uint8Array(chunks[chunk]!, 0, length) });
  const SHARE = 65_536 / 16;
  push(0, 300);
  push(0, 400);
  // Such as is in memory of its own.
  unread.push({ type: 2, data: new Uint8Array(256) });
  unread.push({ type: 1, data: "" });
  push(0, 500);
  assertEquals(unread.size, 5 * 64 + 1456 + SHARE);
  push(1, 1000);
  push(2, 1000);
  assertEquals(unread.size, 7 * 64 + 3456 + 3 * SHARE);
  for (let i = 0; i < 4; i++) unread.shift();
  assertEquals(unread.size, 3 * 64 + 2500 + 3 * SHARE);
  unread.shift();
  assertEquals(unread.size, 2 * 64 + 2000 + 2 * SHARE);
  unread.shift();
  unread.shift();
  assertEquals(unread.size, 0);
  // Where the peer cannot be stopped, each has its own.
  push(0, 60_000);
  assertEquals(unread.excess(60_064, "engine"), undefined);
});
