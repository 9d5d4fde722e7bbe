import { assertEquals } from "@std/assert";

import { test } from "../../support/helper.ts";
import { countWork } from "./work.ts";

test("countWork() counts bytes that are made and copied", async () => {
  const work = await countWork(() => {
    const bytes = new Uint8Array(100);
    bytes.set(new Uint8Array(10));
    new Uint8Array(bytes.buffer, 0, 50).slice(0, 7);
    new TextEncoder().encode("four");
  });
  // The slice is no construction of ours.
  assertEquals(work, { bytes: 100 + 10 + 10 + 7 + 4, items: 0 });
});

test("countWork() counts what the usual queues cost", async () => {
  const array = await countWork(() => {
    const queue = Array.from({ length: 100 }, (_, i) => i);
    while (queue.length > 0) queue.shift();
  });
  assertEquals(array.items, 100 * 101 / 2);
  const set = await countWork(async () => {
    const queue = new Set(Array.from({ length: 100 }, (_, i) => i));
    for (; queue.size > 0; await undefined) {
      for (const first of queue) {
        queue.delete(first);
        break;
      }
    }
  });
  assertEquals(set.items, 100 * 101 / 2);
});

test("countWork() leaves everything as it was", async () => {
  const { Uint8Array: before } = globalThis;
  const { set } = before.prototype;
  await countWork(() => {});
  assertEquals(globalThis.Uint8Array === before, true);
  assertEquals(before.prototype.set === set, true);
});
