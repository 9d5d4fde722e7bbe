import { assert, assertEquals } from "@std/assert";

import { GatheredMessage } from "../../../src/conn/gathered_message.ts";
import { IncomingMessage } from "../../../src/conn/incoming_message.ts";
import { hex, test } from "../../support/helper.ts";

/** Appends each piece; the bytes that the message keeps alive in the end. */
function memoryOf(
  incoming: GatheredMessage,
  pieces: Iterable<Uint8Array<ArrayBuffer>>,
): number {
  // Stores are made by `new ArrayBuffer`; kept pieces have buffers of their own.
  const Original = ArrayBuffer;
  let made = 0;
  globalThis.ArrayBuffer = new Proxy(Original, {
    construct(target, [length]) {
      made += length;
      return new target(length);
    },
  });
  try {
    for (const piece of pieces) {
      const before = made;
      incoming.append(piece);
      if (made === before && kept(piece)) made += piece.buffer.byteLength;
    }
  } finally {
    globalThis.ArrayBuffer = Original;
  }
  return made;
}

function kept(piece: Uint8Array): boolean {
  return piece.length >= 4096 &&
    2 * piece.length >= piece.buffer.byteLength;
}

function* repeated(
  count: number,
  ...lengths: number[]
): Iterable<Uint8Array<ArrayBuffer>> {
  for (let i = 0; i < count; i++) {
    for (const length of lengths) yield new Uint8Array(length).fill(i);
  }
}

test("gatheredMessage.append() costs less than twice the bytes of 131,000 pieces", () => {
  const incoming = new GatheredMessage(2);
  const memory = memoryOf(incoming, repeated(131_000, 1));
  assertEquals(incoming.size, 131_000);
  assert(memory < 2 * 131_000, `${memory} bytes`);
  const bytes = incoming.takeBytes();
  assertEquals(bytes.length, 131_000);
  assert(bytes.every((byte, i) => byte === (i & 0xff)));
});

for (
  const lengths of [[64, 1], [100, 1], [4096, 1], [5000, 1], [1, 63, 4095]]
) {
  test(`gatheredMessage.append() costs a small multiple of pieces of ${lengths.join(" and ")} bytes`, () => {
    const incoming = new GatheredMessage(2);
    const memory = memoryOf(incoming, repeated(500, ...lengths));
    const limit = 3 * incoming.size + 1024;
    assert(memory < limit, `${memory} bytes for ${incoming.size}`);
  });
}

test("gatheredMessage.append() keeps no large chunk for a small piece", () => {
  const chunk = new Uint8Array(65_536);
  const incoming = new GatheredMessage(2);
  incoming.append(chunk.subarray(10, 5010));
  const bytes = incoming.takeBytes();
  assert(bytes.buffer !== chunk.buffer);
  assertEquals(bytes.length, 5000);
});

test("gatheredMessage.shift() gives the pieces in order, as they came or joined", () => {
  const incoming = new GatheredMessage(2);
  incoming.append(hex("01"));
  incoming.append(hex("02 03"));
  assertEquals(incoming.shift(), hex("01 02 03"));
  // What follows does not change what has been given away.
  incoming.append(hex("04"));
  const large = new Uint8Array(5000).fill(5);
  incoming.append(large);
  incoming.append(hex("06"));
  assertEquals(incoming.size, 5002);
  const first = incoming.shift();
  assertEquals(first, hex("04"));
  incoming.append(hex("07"));
  assertEquals(incoming.shift(), large);
  assertEquals(incoming.shift(), hex("06 07"));
  assertEquals(incoming.shift(), undefined);
  assertEquals(incoming.size, 0);
});

test("gatheredMessage.take() gives the message by its type", () => {
  const text = new GatheredMessage(1);
  text.append(hex("f0 9f"));
  text.append(hex("a6 95"));
  assertEquals(text.take(), { type: 1, data: "🦕" });
  assertEquals(new GatheredMessage(2).take(), {
    type: 2,
    data: new Uint8Array(0),
  });
});

test("gatheredMessage.discard() drops what has come", () => {
  const incoming = new GatheredMessage(2);
  incoming.append(hex("01"));
  incoming.discard();
  assertEquals(incoming.size, 0);
  assertEquals(incoming.shift(), undefined);
  assert(incoming.discarded);
});

test("IncomingMessage.whole() reads a message as if in pieces", () => {
  const text = IncomingMessage.whole({ type: 1, data: "é" });
  assert(text.ended);
  assertEquals(text.shift(), hex("c3 a9"));
  const empty = IncomingMessage.whole({ type: 1, data: "" });
  assertEquals(empty.shift(), undefined);
});

test("GatheredMessage.append() copies a large piece where that is asked for", () => {
  const incoming = new GatheredMessage(2);
  const piece = new Uint8Array(60_000).fill(1);
  assertEquals(incoming.append(piece, true), true);
  piece.fill(2);
  assertEquals(incoming.append(new Uint8Array(70_000).fill(3), true), true);
  assertEquals(incoming.append(piece), false);
  const bytes = incoming.takeBytes();
  assertEquals(bytes.length, 190_000);
  assert(bytes.subarray(0, 60_000).every((byte) => byte === 1));
  assert(bytes.subarray(60_000, 130_000).every((byte) => byte === 3));
  assert(bytes.subarray(130_000).every((byte) => byte === 2));
});

test("GatheredMessage.reuse() copies the next piece to where the last was", () => {
  const incoming = new GatheredMessage(2);
  incoming.append(new Uint8Array(65_536).fill(1), true);
  const first = incoming.shift()!;
  incoming.reuse(first);
  incoming.append(new Uint8Array(65_000).fill(2), true);
  const second = incoming.shift()!;
  assert(second.buffer === first.buffer);
  assertEquals(second.length, 65_000);
  assert(second.every((byte) => byte === 2));
  // What was not given back is not used again.
  incoming.append(new Uint8Array(65_536).fill(3), true);
  assert(incoming.shift()!.buffer !== first.buffer);
});

test("GatheredMessage.reuse() leaves pieces alone that lie in their chunk", () => {
  const incoming = new GatheredMessage(2);
  incoming.append(new Uint8Array(65_536));
  const piece = incoming.shift()!;
  incoming.reuse(piece);
  incoming.append(new Uint8Array(65_536), true);
  assert(incoming.shift()!.buffer !== piece.buffer);
});

test("gatheredMessage.append() gathers a message whose size is known, once half of it has come", () => {
  const size = 20_000;
  for (const [first, gathered] of [[9_999, false], [10_000, true]] as const) {
    const incoming = new GatheredMessage(2, size);
    const pieces = [first, 1, size - first - 1].map((length, i) =>
      new Uint8Array(length).fill(i + 1)
    );
    assertEquals(pieces.map((piece) => incoming.append(piece)), [
      gathered,
      true, // as it is small
      gathered,
    ]);
    const bytes = incoming.takeBytes();
    assertEquals(bytes.buffer.byteLength, size);
    assertEquals(bytes.indexOf(2), first);
    assertEquals(bytes.indexOf(3), first + 1);
    assertEquals(bytes.lastIndexOf(3), size - 1);
  }
});

test("gatheredMessage.append() gathers nothing for who reads piece by piece", () => {
  const incoming = new GatheredMessage(2, 20_000);
  incoming.notify = () => {};
  const piece = new Uint8Array(15_000);
  assertEquals(incoming.append(piece), false);
  assertEquals(incoming.shift(), piece);
  assertEquals(incoming.append(new Uint8Array(5_000)), false);
});
