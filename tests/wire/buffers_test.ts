import { assert, assertEquals } from "@std/assert";

import { sharedBuffers } from "../../src/wire/buffers.ts";
import { test } from "../helper.ts";

test("sharedBuffers.get() gives at least what is asked for", () => {
  for (const size of [1, 1024, 1025, 4096, 5000, 65_536]) {
    const buffer = sharedBuffers.get(size);
    assert(buffer !== undefined && buffer.length >= size);
    sharedBuffers.put(buffer!);
  }
  assertEquals(sharedBuffers.get(65_537), undefined);
});

test("sharedBuffers.put() gives a buffer to who asks next", () => {
  const buffer = sharedBuffers.get(4096)!;
  sharedBuffers.put(buffer);
  assert(sharedBuffers.get(2000) === buffer);
});

test("sharedBuffers.put() keeps no buffer of a size of its own", () => {
  for (const size of [0, 1, 1000, 2048, 65_537, 2 ** 20]) {
    const odd = new Uint8Array(size);
    sharedBuffers.put(odd);
    assert(sharedBuffers.get(Math.min(size, 65_536)) !== odd);
  }
});

test("sharedBuffers.put() keeps a bounded number", () => {
  const all = Array.from({ length: 100 }, () => new Uint8Array(65_536));
  for (const buffer of all) sharedBuffers.put(buffer);
  const kept = all.map(() => sharedBuffers.get(65_536)!)
    .filter((buffer) => all.includes(buffer));
  assert(kept.length <= 16, `${kept.length} buffers were kept`);
});
