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
/** What a call must not change afterwards. */
const copy = (bytes: Uint8Array | "too long" | undefined) =>
  bytes instanceof Uint8Array ? new Uint8Array(bytes) : bytes;
const TAIL = Uint8Array.of(0x03, 0x00);

function inflated(blocks: Uint8Array): Uint8Array {
  const finishFlush = constants.Z_SYNC_FLUSH;
  return new Uint8Array(inflateRawSync(blocks, { finishFlush }));
}

for (const [what, make] of Object.entries({ jsonBytes, noiseBytes })) {
  test(`deflateDirect() does what zlib's calls undo, ${what}`, () => {
    for (const size of [1, 10, 1000, 16_384, 98_304]) {
      // More settings than it holds contexts of.
      for (const level of [-2, -1, 0, 1, 6, 9]) {
        for (const windowBits of [8, 9, 12, 15]) {
          const data = make(size + 3).subarray(3);
          const encoded = deflateDirect(data, { level, windowBits }, 0);
          assert(encoded !== undefined);
          assertEquals(inflated(encoded), data);
        }
      }
    }
  });
}

test("deflateDirect() refers to no message before", () => {
  const first = copy(deflateDirect(jsonBytes(1000), ONE, 0));
  deflateDirect(noiseBytes(1000), ONE, 0);
  assertEquals(deflateDirect(jsonBytes(1000), ONE, 0), first);
});

test("deflateDirect() leaves out the end, and what one call cannot do", () => {
  const whole = copy(deflateDirect(jsonBytes(1000), ONE, 0));
  const part = deflateDirect(jsonBytes(1000), ONE, 4);
  assertEquals(part, (whole as Uint8Array).subarray(0, -4));
  for (const data of [noiseBytes(MAX), jsonBytes(8 * MAX)]) {
    assertEquals(deflateDirect(data, ONE, 0), undefined);
    assertEquals(deflateDirect(jsonBytes(1000), ONE, 0), whole);
  }
});

test("inflateDirect() undoes what zlib's calls do", () => {
  for (const size of [0, 1, 1000, 30_000, MAX]) {
    const data = jsonBytes(size);
    const encoded = concat([Uint8Array.of(7), deflateRawSync(data)]).subarray(
      1,
    );
    assertEquals(inflateDirect(encoded, MAX), data);
  }
  const block = deflateDirect(jsonBytes(1000), ONE, 0)!;
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
