/** What comes costs by its bytes, however they are cut. */

import { assert, assertEquals } from "@std/assert";

import { MessageType } from "../../src/message.ts";
import { encodeRawFrame } from "../../src/raw_frame.ts";
import { test } from "../helper.ts";
import { Link } from "./link.ts";
import { countWork, type Work } from "./work.ts";

/** A message in fragments of a byte each, masked with key 0. */
function fragments(type: 1 | 2, count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count * 7);
  for (let i = 0; i < count; i++) {
    const fin = i === count - 1 ? 0x80 : 0;
    bytes.set([fin | (i === 0 ? type : 0), 0x81, 0, 0, 0, 0, 0x61], i * 7);
  }
  return bytes;
}

/** Messages or control frames of a size. */
function frames(
  opcode: 1 | 2 | 9 | 10,
  count: number,
  size: number,
): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(size).fill(0x61);
  const frame = encodeRawFrame({ opcode, payload }, "client");
  const bytes = new Uint8Array(count * frame.length);
  for (let i = 0; i < count; i++) bytes.set(frame, i * frame.length);
  return bytes;
}

/** Fails if there was more work than so many bytes and items. */
function assertWork(work: Work, bytes: number, items: number): void {
  assert(
    work.bytes <= bytes && work.items <= items,
    `${work.bytes} bytes of ${bytes}, ${work.items} items of ${items}`,
  );
}

for (const type of [1, 2] as const) {
  const name = type === 1 ? "text" : "binary";
  for (const [count, chunkSize] of [[131_000, 65_536], [20_000, 1]] as const) {
    test(`conn.readMessage() reads ${count} fragments of a byte in linear work: ${name}, chunks of ${chunkSize}`, async () => {
      const link = new Link();
      const bytes = fragments(type, count);
      let length = 0;
      const work = await countWork(async () => {
        const message = link.conn.readMessage();
        link.deliver(bytes, chunkSize);
        length = (await message).data.length;
      });
      link.end();
      assertEquals(length, count);
      // The chunks that are delivered are the first copy.
      assertWork(work, bytes.length + 8 * count, count);
    });
  }
}

for (const type of [1, 2] as const) {
  const name = type === 1 ? "text" : "binary";
  test(`conn.readMessage() reads 32,768 bytes in chunks of a byte in linear work: ${name}`, async () => {
    const link = new Link();
    const size = 2 ** 15;
    const bytes = frames(type, 1, size);
    let length = 0;
    const work = await countWork(async () => {
      const message = link.conn.readMessage();
      link.deliver(bytes, 1);
      length = (await message).data.length;
    });
    link.end();
    assertEquals(length, size);
    assertWork(work, 8 * size, size);
  });
}

test("conn.nextReader() reads 32,768 bytes in chunks of a byte in linear work", async () => {
  const link = new Link();
  const size = 2 ** 15;
  const bytes = frames(2, 1, size);
  let length = 0;
  const work = await countWork(async () => {
    const opened = link.conn.nextReader();
    link.deliver(bytes.subarray(0, 100), 1);
    const { readable } = await opened;
    const reader = readable.getReader();
    for (let start = 100; start < bytes.length; start += 4096) {
      link.deliver(bytes.subarray(start, start + 4096), 1);
      length += (await reader.read()).value!.length;
    }
    while (length < size) length += (await reader.read()).value!.length;
  });
  link.end();
  assertEquals(length, size);
  assertWork(work, 8 * size, size);
});

test("conn.readMessage() reads 10,000 messages that have waited in linear work", async () => {
  const count = 10_000;
  const link = new Link({ readBufferSize: 2 ** 24 });
  const bytes = frames(2, count, 300);
  const work = await countWork(async () => {
    link.deliver(bytes, 65_536);
    for (let i = 0; i < count; i++) await link.conn.readMessage();
  });
  link.end();
  assertWork(work, 2 * bytes.length, 10 * count);
});

test("conn answers 10,000 pings in linear work", async () => {
  const count = 10_000;
  for (const chunkSize of [1, 65_536]) {
    const link = new Link();
    const bytes = frames(9, count, 10);
    const work = await countWork(async () => {
      // One write is under way: the latest pong waits for it.
      link.conn.writeMessage(MessageType.Binary, new Uint8Array(300_000));
      link.deliver(bytes, chunkSize);
      await link.drain();
    });
    link.end();
    assertWork(work, 5 * (bytes.length + 300_000), 10 * count);
  }
});
