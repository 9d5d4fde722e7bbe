import { assertEquals } from "@std/assert";
import { constants } from "node:zlib";
import {
  deflateCost,
  deflateOptions,
} from "../../../src/deflate/zlib_options.ts";
import { test } from "../../support/helper.ts";

test("deflateOptions() takes no larger window than agreed on, nor than needed", () => {
  const bits = (windowBits: number, size?: number) =>
    deflateOptions({ level: 1, windowBits }, size).windowBits;
  assertEquals(bits(15), 15);
  assertEquals(bits(12), 12);
  assertEquals(bits(15, 1), 9);
  // 512 less 262 bytes is as far as a window of 9 bits reaches.
  assertEquals(bits(15, 250), 9);
  assertEquals(bits(15, 251), 10);
  assertEquals(bits(15, 1000), 11);
  assertEquals(bits(15, 32_000), 15);
  assertEquals(bits(10, 32_000), 10);
});

test("deflateOptions() finds runs only where the window has 8 bits", () => {
  const options = { level: 6, windowBits: 8 };
  assertEquals(deflateOptions(options), {
    level: 6,
    strategy: constants.Z_RLE,
    windowBits: 9,
  });
});

test("deflateOptions() takes level -2 for Huffman only", () => {
  for (const windowBits of [8, 15]) {
    const { strategy, level } = deflateOptions({ level: -2, windowBits });
    assertEquals([strategy, level], [constants.Z_HUFFMAN_ONLY, 1]);
  }
});

test("deflateCost() grows with the level", () => {
  assertEquals(
    [-2, 0, 1, 3, -1, 4, 6, 7, 9].map((level) => deflateCost(10, level)),
    [10, 10, 10, 10, 40, 40, 40, 80, 80],
  );
});
