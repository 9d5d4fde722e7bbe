import { assert, assertEquals } from "@std/assert";
import { ownBytes } from "../../../src/deflate/own_bytes.ts";
import { test } from "../../support/helper.ts";

test("ownBytes() copies what is small or in a much larger buffer", () => {
  for (const [size, length] of [[8192, 100], [4096, 4096], [20_000, 9000]]) {
    const bytes = new Uint8Array(size!).subarray(0, length).fill(7);
    const own = ownBytes(bytes);
    assert(own.buffer !== bytes.buffer);
    assertEquals(own.buffer.byteLength, length);
    assertEquals(own, bytes);
  }
});

test("ownBytes() keeps the buffer of what fills it well", () => {
  const bytes = new Uint8Array(16_384).subarray(0, 9000);
  assertEquals(ownBytes(bytes).buffer, bytes.buffer);
  assertEquals(ownBytes(bytes).constructor, Uint8Array);
});
