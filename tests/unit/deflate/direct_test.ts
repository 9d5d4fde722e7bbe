import { assert, assertEquals } from "@std/assert";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";

import {
  deflateDirect,
  inflateDirect,
  MAX_OUTPUT as MAX,
} from "../../../src/deflate/direct.ts";
import { test } from "../../support/helper.ts";
import { concat, jsonBytes, noiseBytes } from "./samples.ts";

const ONE = { level: 1, windowBits: 15 };
const TAIL = Uint8Array.of(0x03, 0x00);

function inflated(blocks: Uint8Array): Uint8Array {
  const finishFlush = constants.Z_SYNC_FLUSH;
  return new Uint8Array(inflateRawSync(blocks, { finishFlush }));
}

for (const [what, make] of Object.entries({ jsonBytes, noiseBytes })) {
  test(`deflateDirect() does what zlib's calls undo, ${what}`, () => {
    for (const size of [1, 10, 1000, 16_384]) {
      // More settings than it holds contexts of.
      for (const level of [-2, -1, 0, 1, 6, 9]) {
        for (const windowBits of [8, 9, 12, 15]) {
          const data = make(size + 3).subarray(3);
          const encoded = deflateDirect(data, { level, windowBits });
          assert(encoded !== undefined);
          assertEquals(inflated(encoded), data);
        }
      }
    }
  });
}

test("deflateDirect() refers to no message before", () => {
  const first = deflateDirect(jsonBytes(1000), ONE);
  deflateDirect(noiseBytes(1000), ONE);
  assertEquals(deflateDirect(jsonBytes(1000), ONE), first);
  assertEquals(deflateDirect(new Uint8Array(16_385), ONE), undefined);
});

test("inflateDirect() undoes what zlib's calls do", () => {
  for (const size of [0, 1, 1000, 30_000, MAX]) {
    const data = jsonBytes(size);
    const encoded = concat([Uint8Array.of(7), deflateRawSync(data)]).subarray(
      1,
    );
    const direct = inflateDirect(encoded, MAX);
    assertEquals(direct, encoded.length > 8192 ? undefined : data);
  }
  const block = deflateDirect(jsonBytes(1000), ONE)!;
  assertEquals(inflateDirect(concat([block, TAIL]), MAX), jsonBytes(1000));
});

test("inflateDirect() leaves what is faulty, tells what is too long, and goes on", () => {
  const whole = deflateRawSync(new Uint8Array(MAX));
  const check = () => assertEquals(inflateDirect(whole, MAX)?.length, MAX);
  check();
  assertEquals(inflateDirect(whole, MAX - 1), "too long");
  check();
  const longer = deflateRawSync(new Uint8Array(MAX + 1));
  assertEquals(inflateDirect(longer, MAX), "too long");
  check();
  for (let cut = 0; cut < 20; cut++) {
    const part = whole.subarray(0, cut - 20);
    assertEquals(inflateDirect(part, MAX), undefined);
  }
  check();
  assertEquals(inflateDirect(concat([whole, TAIL]), MAX), undefined);
  check();
  assertEquals(inflateDirect(Uint8Array.of(0xff), MAX), undefined);
  check();
});

test("inflateDirect() gives plain bytes with a buffer to themselves", () => {
  const first = inflateDirect(
    deflateRawSync(jsonBytes(10)),
    MAX,
  ) as Uint8Array;
  inflateDirect(deflateRawSync(noiseBytes(10)), MAX);
  assertEquals(first, jsonBytes(10));
  assertEquals(first.constructor, Uint8Array);
  assertEquals(first.buffer.byteLength, 10);
});
