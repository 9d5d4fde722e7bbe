import { assert, assertEquals, assertRejects } from "@std/assert";
import { openContexts } from "../../../src/deflate/contexts.ts";
import { Deflater } from "../../../src/deflate/deflater.ts";
import { Inflater } from "../../../src/deflate/inflater.ts";
import { test, toHex } from "../../support/helper.ts";
import { concat, jsonBytes, noiseBytes } from "./samples.ts";

async function inflate(
  inflater: Inflater,
  payload: Uint8Array,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  await inflater.inflate(payload, true, Infinity, (part) => {
    parts.push(part);
    return undefined;
  });
  return concat(parts);
}

for (const windowBits of [8, 9, 12, 15]) {
  test(`Deflater refers to earlier messages in a window of ${windowBits} bits`, async () => {
    const deflater = new Deflater({ level: 1, windowBits });
    const inflater = new Inflater(windowBits, true);
    const data = jsonBytes(200);
    const sizes: number[] = [];
    for (const message of [data, data, noiseBytes(70_000), data, data]) {
      const encoded = await deflater.deflate(message);
      assertEquals(toHex(encoded.subarray(-4)), "00 00 ff ff");
      sizes.push(encoded.length);
      assertEquals(await inflate(inflater, encoded.subarray(0, -4)), message);
    }
    // Runs alone refer to nothing.
    assertEquals(sizes[1]! < sizes[0]! / 2, windowBits > 8, String(sizes));
    assertEquals(sizes[4]! < sizes[3]! / 2, windowBits > 8, String(sizes));
    deflater.close();
    inflater.close();
  });
}

test("Deflater.reset() forgets what came before", async () => {
  const deflater = new Deflater({ level: 1, windowBits: 15 });
  const data = jsonBytes(2000);
  const first = new Uint8Array(await deflater.deflate(data));
  assert((await deflater.deflate(data)).length < first.length / 4);
  deflater.reset();
  assertEquals(new Uint8Array(await deflater.deflate(data)), first);
  deflater.close();
});

test("Deflater.setLevel() holds from the next bytes on", async () => {
  const deflater = new Deflater({ level: 0, windowBits: 15 });
  const inflater = new Inflater(15, true);
  const data = jsonBytes(2000);
  for (const level of [0, 1, 9, -2, -1]) {
    deflater.setLevel(level);
    const encoded = await deflater.deflate(data);
    assertEquals(encoded.length > data.length, level === 0);
    assertEquals(await inflate(inflater, encoded.subarray(0, -4)), data);
  }
  assertEquals(openContexts(), 2);
  deflater.close();
  inflater.close();
  assertEquals(openContexts(), 0);
});

test("Deflater takes a context at its first use, and gives it back", async () => {
  const deflater = new Deflater({ level: 1, windowBits: 15 });
  assertEquals(openContexts(), 0);
  deflater.reset();
  await deflater.deflate(jsonBytes(10));
  assertEquals(openContexts(), 1);
  deflater.close();
  deflater.close();
  assertEquals(openContexts(), 0);
});

test("Deflater.close() ends what is under way", async () => {
  const deflater = new Deflater({ level: 9, windowBits: 15 });
  const encoded = deflater.deflate(jsonBytes(65_536));
  deflater.close();
  await assertRejects(() => encoded, Error, "the connection is over");
  await assertRejects(() => deflater.deflate(jsonBytes(1)), Error);
  assertEquals(openContexts(), 0);
});
