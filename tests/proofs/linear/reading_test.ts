/** What comes costs by its bytes, however they are cut. */

import { assert, assertEquals } from "@std/assert";

import { MessageType } from "../../../src/message.ts";
import { encodeRawFrame } from "../../../src/testing/raw_frame.ts";
import { deflated } from "../../bench/load/frames.ts";
import { test } from "../../support/helper.ts";
import { Link } from "./link.ts";
import { countWork, type Work } from "./work.ts";

/** A message in fragments of a byte each, masked with key 0. */
function fragments(
  first: number,
  payload: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const { length } = payload;
  const bytes = new Uint8Array(length * 7);
  for (let i = 0; i < length; i++) {
    const head = (i === 0 ? first : 0) | (i === length - 1 ? 0x80 : 0);
    bytes.set([head, 0x81, 0, 0, 0, 0, payload[i]!], i * 7);
  }
  return bytes;
}

/** Bytes that hardly shrink. */
function noise(size: number): Uint8Array<ArrayBuffer> {
  let seed = 1;
  return Uint8Array.from({ length: size }, () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return seed >>> 24;
  });
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
      const bytes = fragments(type, new Uint8Array(count).fill(0x61));
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

test("messageReader.bytes() gathers 16 MiB in chunks of a KiB in linear work", async () => {
  const link = new Link();
  const size = 2 ** 24;
  const bytes = frames(2, 1, size);
  let length = 0;
  const work = await countWork(async () => {
    const opened = link.conn.nextReader();
    link.deliver(bytes.subarray(0, 1024), 1024);
    const whole = (await opened).bytes();
    link.deliver(bytes.subarray(1024), 1024);
    length = (await whole).length;
  });
  link.end();
  assertEquals(length, size);
  assertWork(work, 8 * size, size / 64);
});

for (const [size, chunkSize] of [[100_000, 65_536], [20_000, 7]] as const) {
  test(`conn.readMessage() inflates ${size} bytes in fragments of a byte in linear work, chunks of ${chunkSize}`, async () => {
    const link = new Link({ deflate: true });
    const message = noise(size);
    const bytes = fragments(0x42, deflated(message));
    let data: unknown;
    const work = await countWork(async () => {
      const read = link.conn.readMessage();
      link.deliver(bytes, chunkSize);
      ({ data } = await read);
    });
    link.end();
    assertEquals(data, message);
    assertWork(work, bytes.length + 20 * size, 10 * size);
  });
}

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
