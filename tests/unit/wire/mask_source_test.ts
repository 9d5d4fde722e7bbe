import { assert, assertEquals } from "@std/assert";

import { randomMask } from "../../../src/wire/mask_source.ts";
import { test } from "../../support/helper.ts";

test("randomMask() gives 32-bit keys that are never used again", () => {
  const counts = new Map<number, number>();
  for (let i = 0; i < 10_000; i++) {
    const key = randomMask();
    assertEquals(key, key >>> 0);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  // 10,000 of 2^32: a pair by chance is one in a hundred, three pairs are a
  // pool that is dealt twice.
  const repeated = [...counts.values()].filter((count) => count > 1);
  assert(repeated.length < 3, `${repeated.length} keys came again`);
});

test("randomMask() asks the CSPRNG once for many keys", () => {
  const original = crypto.getRandomValues;
  let calls = 0;
  crypto.getRandomValues = <T extends ArrayBufferView | null>(array: T): T => {
    calls++;
    return original.call(crypto, array as never) as T;
  };
  try {
    for (let i = 0; i < 20_480; i++) randomMask();
  } finally {
    crypto.getRandomValues = original;
  }
  assertEquals(calls, 10);
});
