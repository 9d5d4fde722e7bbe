import { assert, assertEquals } from "@std/assert";
import { PayloadStore } from "../../../src/protocol/payload_store.ts";
import { test } from "../../support/helper.ts";
import { KEY } from "./recorder.ts";

function chunkOf(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => i * 11);
}

function keyByte(index: number): number {
  return KEY >>> (24 - index % 4 * 8) & 255;
}

test("payloadStore.own() gives the unmasked payload, whatever its size", () => {
  for (const slabSize of [0, 512, 4096]) {
    for (const size of [600, 70_000]) {
      const store = new PayloadStore(slabSize);
      const chunk = chunkOf(size);
      const original = chunk.slice();
      const owned: [number, Uint8Array][] = [];
      let at = 3;
      for (const length of [0, 1, 2, 100, 200, 256, 257, 0, 5, 30_000, 9, 7]) {
        if (at + length > size) continue;
        owned.push([at, store.own(chunk, at, at + length, KEY)]);
        at += length + 1;
      }
      owned.push([size - 5, store.own(chunk, size - 5, size, KEY)]);
      for (const [start, payload] of owned) {
        payload.forEach((byte, i) =>
          assertEquals(byte, original[start + i]! ^ keyByte(i))
        );
      }
    }
  }
});

test("payloadStore.own() never lets a small payload hold a large chunk", () => {
  for (const slabSize of [0, 4096]) {
    const store = new PayloadStore(slabSize);
    const chunk = chunkOf(65536);
    for (let at = 0; at + 70 <= chunk.length; at += 70) {
      const payload = store.own(chunk, at + 6, at + 70, 0);
      assert(payload.buffer.byteLength <= Math.max(64, slabSize));
      assertEquals(payload[0], chunk[at + 6]);
    }
  }
});

test("payloadStore.own() gives a payload that comes alone its own buffer", () => {
  const chunk = chunkOf(65536);
  const store = new PayloadStore(4096);
  const payload = store.own(chunk, 65536 - 64, 65536, 0);
  assertEquals(payload.buffer.byteLength, 64);
  // Also behind a chunk with two, whose slab had room left.
  store.own(chunk, 65536 - 200, 65536 - 64, 0);
  store.own(chunk, 65536 - 64, 65536, 0);
  const next = store.own(chunk, 65536 - 9, 65536, 0);
  assertEquals(next.buffer.byteLength, 9);
});

test("payloadStore.own() does not copy a large payload", () => {
  const chunk = chunkOf(65536);
  const payload = new PayloadStore(4096).own(chunk, 100, 357, 0);
  assertEquals(payload.buffer, chunk.buffer);
  assertEquals([payload.byteOffset, payload.length], [100, 257]);
});
