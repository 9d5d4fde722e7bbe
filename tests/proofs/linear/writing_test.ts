/** What is sent costs by its bytes and number, however much waits. */

import { assert, assertEquals, assertRejects } from "@std/assert";

import { type DataType, MessageType } from "../../../src/message.ts";
import { encodeRawFrame } from "../../../src/testing/raw_frame.ts";
import { test } from "../../support/helper.ts";
import { Link } from "./link.ts";
import { countWork } from "./work.ts";

const COUNT = 10_000;
const PAYLOAD = new Uint8Array(100);

function makeControllers(): AbortController[] {
  return Array.from({ length: COUNT }, () => new AbortController());
}

/** Aborts one by one. */
function abortAll(
  controllers: readonly AbortController[],
  order: "first" | "last",
): void {
  for (let i = 0; i < COUNT; i++) {
    controllers[order === "first" ? i : COUNT - 1 - i]!.abort();
  }
}

/** Whole messages that wait behind a write that does not end. */
function blocked(options: { signal?: (index: number) => AbortSignal } = {}) {
  const link = new Link();
  link.conn.writeMessage(MessageType.Binary, new Uint8Array(300_000));
  const writes = Array.from({ length: COUNT }, (_, i) =>
    link.conn.writeMessage(
      MessageType.Binary,
      PAYLOAD,
      options.signal && { signal: options.signal(i) },
    ));
  return { link, writes };
}

test("conn.writeMessage() keeps and sends 10,000 messages in linear work", async () => {
  const work = await countWork(async () => {
    const { link, writes } = blocked();
    await link.drain();
    await Promise.all(writes);
    link.end();
  });
  const bytes = 300_000 + COUNT * (PAYLOAD.length + 4);
  assert(work.bytes <= 4 * bytes, `${work.bytes} bytes`);
  assert(work.items <= 10 * COUNT, `${work.items} items`);
});

for (const order of ["first", "last"] as const) {
  test(`conn.writeMessage() takes 10,000 messages back in linear work, the ${order} first`, async () => {
    const controllers = makeControllers();
    const { link, writes } = blocked({ signal: (i) => controllers[i]!.signal });
    const settled = Promise.allSettled(writes);
    const work = await countWork(() => abortAll(controllers, order));
    await settled;
    await link.drain();
    // The first message only.
    assertEquals(link.stream.written().length, 300_010);
    link.end();
    assert(work.items <= 10 * COUNT, `${work.items} items`);
  });
}

async function writePieces(
  { conn }: Link,
  type: DataType,
  piece: string | Uint8Array,
  count: number,
): Promise<void> {
  const writer = conn.nextWriter(type).getWriter();
  for (let i = 0; i < count; i++) await writer.write(piece);
  await writer.close();
}

test("conn.nextWriter() sends 100,000 single bytes in linear work", async () => {
  const count = 100_000;
  for (const piece of [new Uint8Array([0x61]), "a"]) {
    const link = new Link();
    const type = typeof piece === "string"
      ? MessageType.Text
      : MessageType.Binary;
    const work = await countWork(async () => {
      let over = false;
      const writing = writePieces(link, type, piece, count)
        .finally(() => over = true);
      while (!over) await link.drain();
      await writing;
      await link.drain();
    });
    link.end();
    assert(link.stream.written().length >= count);
    assert(work.bytes <= 12 * count, `${work.bytes} bytes`);
    assert(work.items <= 10 * count, `${work.items} items`);
  }
});

/** Pings that wait for their pongs, and what would answer each. */
function pinging(options: { signal?: (index: number) => AbortSignal } = {}) {
  const link = new Link();
  const pongs = new Uint8Array(COUNT * 14);
  const trips = Array.from({ length: COUNT }, (_, i) => {
    const payload = String(i).padStart(8, "0");
    pongs.set(encodeRawFrame({ opcode: 10, payload }, "client"), i * 14);
    return link.conn.ping(
      payload,
      options.signal && { signal: options.signal(i) },
    );
  });
  return { link, trips, pongs };
}

test("conn.ping() gets 10,000 pongs in linear work", async () => {
  const { link, trips, pongs } = pinging();
  const work = await countWork(async () => {
    link.deliver(pongs, 65_536);
    await Promise.all(trips);
  });
  link.end();
  assert(work.bytes <= 4 * pongs.length, `${work.bytes} bytes`);
  assert(work.items <= 20 * COUNT, `${work.items} items`);
});

test("conn.ping() ignores 10,000 pongs that nobody waits for in linear work", async () => {
  const { link, trips } = pinging();
  const pong = encodeRawFrame({ opcode: 10, payload: "other" }, "client");
  const pongs = new Uint8Array(COUNT * pong.length);
  for (let i = 0; i < COUNT; i++) pongs.set(pong, i * pong.length);
  const settled = Promise.allSettled(trips);
  const work = await countWork(() => link.deliver(pongs, 65_536));
  link.end();
  await settled;
  assert(work.bytes <= 4 * pongs.length, `${work.bytes} bytes`);
  assert(work.items <= 20 * COUNT, `${work.items} items`);
});

for (const order of ["first", "last"] as const) {
  test(`conn.ping() gives 10,000 pings up in linear work, the ${order} first`, async () => {
    const controllers = makeControllers();
    const { link, trips } = pinging({ signal: (i) => controllers[i]!.signal });
    const settled = Promise.allSettled(trips);
    const work = await countWork(() => abortAll(controllers, order));
    await settled;
    await assertRejects(() => trips[0]!, DOMException);
    link.end();
    assert(work.items <= 20 * COUNT, `${work.items} items`);
  });
}
