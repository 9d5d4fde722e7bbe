import { assert, assertEquals } from "@std/assert";

import { IncomingMessage } from "../../src/conn/incoming_message.ts";
import { Unread } from "../../src/conn/unread.ts";
import { test } from "../helper.ts";

test("unread counts bytes, and a cost for each message", () => {
  const unread = new Unread();
  unread.push({ type: 1, data: "" });
  unread.push({ type: 2, data: new Uint8Array(100) });
  assertEquals([unread.length, unread.size], [2, 228]);
  const incoming = new IncomingMessage(2);
  unread.push(incoming);
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
