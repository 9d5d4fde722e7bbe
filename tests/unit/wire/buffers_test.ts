import { assert, assertEquals } from "@std/assert";

import { sharedBuffers } from "../../../src/wire/buffers.ts";
import { test } from "../../support/helper.ts";

test("sharedBuffers.get() gives at least what is asked for", () => {
  for (const size of [1, 1024, 1025, 4096, 5000, 65_536, 65_550, 262_144]) {
    const buffer = sharedBuffers.get(size);
    assert(buffer !== undefined && buffer.length >= size);
    sharedBuffers.put(buffer!);
  }
  assertEquals(sharedBuffers.get(262_145), undefined);
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
    assert(sharedBuffers.get(Math.min(size, 262_144)) !== odd);
  }
});

test("sharedBuffers.put() keeps 4 MiB in all", () => {
  const sizes = [4096, 65_536, 262_144];
  const all = sizes.flatMap((size) =>
    Array.from({ length: 100 }, () => new Uint8Array(size))
  );
  for (const buffer of all) sharedBuffers.put(buffer);
  const kept = all.map((buffer) => sharedBuffers.get(buffer.length)!)
    .filter((buffer) => all.includes(buffer));
  const bytes = kept.reduce((sum, buffer) => sum + buffer.length, 0);
  assert(bytes > 0 && bytes <= 2 ** 22, `${bytes} bytes were kept`);
  // What has been taken out makes room again.
  const next = new Uint8Array(262_144);
  sharedBuffers.put(next);
  assert(sharedBuffers.get(262_144) === next);
});
