import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";

import { CloseError } from "../../../src/close.ts";
import { Session } from "../../../src/protocol/session.ts";
import type { BufferPool } from "../../../src/transport/byte_stream.ts";
import type { Side } from "../../../src/transport/transport.ts";
import { sharedBuffers } from "../../../src/wire/buffers.ts";
import { Sender } from "../../../src/wire/sender.ts";
import { hex, test, toHex } from "../../support/helper.ts";
import { HeldStream, turn } from "./held_stream.ts";

const nobody = {
  message() {},
  messageStart() {},
  messageData() {},
  messageEnd() {},
  ping() {},
  pong() {},
  close() {},
  fail() {},
};

function makeSender(
  { side = "server" as Side, writeBufferSize = 65_536, pool = sharedBuffers } =
    {},
): { sender: Sender; stream: HeldStream } {
  const stream = new HeldStream();
  const session = new Session(
    { side, mask: () => 0x01020304, readLimit: 1000 },
    nobody,
  );
  const sender = new Sender(session, stream, { writeBufferSize, pool });
  return { sender, stream };
}

/** Whether the promise is pending after all microtasks. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  promise.then(() => pending = false, () => pending = false);
  await turn();
  return pending;
}

test("sender.frame() gathers the messages of a turn in one write", async () => {
  const { sender, stream } = makeSender();
  for (let i = 0; i < 100; i++) {
    assertEquals(sender.frame(2, hex("2a"), true, false), undefined);
  }
  assertEquals(stream.writes.length, 0);
  await turn();
  assertEquals(stream.writes.length, 1);
  assertEquals(stream.writes[0]!.length, 300);
  assertEquals(toHex(stream.writes[0]!.subarray(0, 6)), "82 01 2a 82 01 2a");
});

test("sender.flush() writes at once, and one write at a time", async () => {
  const { sender, stream } = makeSender();
  sender.frame(1, "a", true, false);
  sender.flush();
  assertEquals(stream.writes.map(toHex), ["81 01 61"]);
  sender.frame(1, "b", true, false);
  sender.frame(1, "c", true, false);
  sender.flush();
  await turn();
  assertEquals(stream.writes.length, 1);
  stream.release();
  assertEquals(stream.writes.map(toHex), ["81 01 61", "81 01 62 81 01 63"]);
  stream.release();
  assertEquals(sender.unsent, 0);
});

test("sender.flush() with nothing to send writes nothing", async () => {
  const { sender, stream } = makeSender();
  sender.flush();
  await turn();
  assertEquals(stream.writes.length, 0);
});

test("sender.frame() writes a full buffer at once", () => {
  const { sender, stream } = makeSender({ writeBufferSize: 1000 });
  for (let i = 0; i < 10; i++) sender.frame(2, new Uint8Array(99), true, false);
  assertEquals(stream.writes.length, 1);
});

test("sender.frame() asks to wait over the high-water mark", async () => {
  const { sender, stream } = makeSender();
  const wait = sender.frame(2, new Uint8Array(70_000), true, false);
  assert(wait !== undefined);
  assert(await isPending(wait!));
  assertEquals(sender.unsent, 70_010);
  stream.release();
  await wait;
  assertEquals(sender.unsent, 0);
});

test("sender.control() goes before gathered data", async () => {
  const { sender, stream } = makeSender();
  sender.frame(1, "a", true, false);
  sender.control(9, hex("01"));
  sender.control(10, hex("02"));
  await turn();
  stream.releaseAll();
  assertEquals(toHex(stream.written()), "89 01 01 8a 01 02 81 01 61");
});

test("sender.control() goes between messages, not into a large frame", () => {
  const { sender, stream } = makeSender();
  sender.frame(2, new Uint8Array(600_000), true, false);
  sender.control(9, hex("01"));
  sender.flush();
  stream.releaseAll();
  const bytes = stream.written();
  assertEquals(bytes.length, 600_010 + 3);
  assertEquals(toHex(bytes.subarray(-3)), "89 01 01");
});

test("sender.control() keeps the latest answer while a write is under way", () => {
  const { sender, stream } = makeSender();
  sender.frame(1, "a", true, false);
  sender.flush();
  for (let i = 0; i < 100; i++) {
    sender.control(10, new Uint8Array([i]), true);
  }
  sender.control(9, hex("aa"));
  stream.releaseAll();
  assertEquals(toHex(stream.written()), "81 01 61 89 01 aa 8a 01 63");
});

test("sender.control() keeps an answer beside the pongs that nobody asked for", () => {
  const { sender, stream } = makeSender();
  sender.frame(1, "a", true, false);
  sender.flush();
  sender.control(10, hex("01"));
  sender.control(10, hex("aa"), true);
  sender.control(10, hex("02"));
  stream.releaseAll();
  assertEquals(
    toHex(stream.written()),
    "81 01 61 8a 01 01 8a 01 02 8a 01 aa",
  );
});

test("sender.control() bounds pongs that nobody waits to send", async () => {
  const { sender, stream } = makeSender();
  sender.frame(1, "a", true, false);
  sender.flush();
  let wait: Promise<void> | undefined;
  for (let i = 0; i < 100_000; i++) {
    wait = sender.control(10, new Uint8Array(125).fill(i));
  }
  assert(sender.unsent < 5000, `${sender.unsent}`);
  assert(await isPending(wait!));
  stream.releaseAll();
  await wait;
  const written = stream.written();
  // The latest is among them.
  assertEquals(written.subarray(-125), new Uint8Array(125).fill(99_999));
});

test("sender.control() asks to wait when much is queued", async () => {
  const { sender, stream } = makeSender();
  sender.frame(1, "a", true, false);
  sender.flush();
  let wait: Promise<void> | undefined;
  let count = 0;
  while (wait === undefined) {
    wait = sender.control(9, new Uint8Array(125));
    assert(++count < 100);
  }
  assert(await isPending(wait!));
  stream.releaseAll();
  await wait;
});

test("sender.frame() sends a server's large payload in slices, by reference", async () => {
  const { sender, stream } = makeSender();
  const payload = new Uint8Array(700_000).map((_, i) => i * 13);
  const wait = sender.frame(2, payload, true, false);
  assert(wait !== undefined);
  stream.releaseAll();
  await wait;
  assertEquals(stream.writes.length, 3);
  assert(stream.chunks[1]!.buffer === payload.buffer);
  const bytes = stream.written();
  assertEquals(toHex(bytes.subarray(0, 10)), "82 7f 00 00 00 00 00 0a ae 60");
  assertEquals(bytes.subarray(10), payload);
});

test("sender.frame() masks a client's large payload over its slices", () => {
  const { sender, stream } = makeSender({ side: "client" });
  const payload = new Uint8Array(600_001).map((_, i) => i * 13);
  const copy = payload.slice();
  sender.frame(2, payload, true, false);
  stream.releaseAll();
  assertEquals(payload, copy);
  const bytes = stream.written();
  const key = bytes.slice(10, 14);
  const plain = bytes.slice(14).map((byte, i) => byte ^ key[i % 4]!);
  assertEquals(plain, copy);
});

for (const size of [131_073, 262_144, 262_144 + 1000, 524_288 + 1]) {
  for (const writeBufferSize of [65_536, 2 ** 20]) {
    test(`sender.frame() holds ${size} bytes until the last is taken, buffer ${writeBufferSize}`, async () => {
      const { sender, stream } = makeSender({ writeBufferSize });
      const wait = sender.frame(2, new Uint8Array(size), true, false);
      assert(wait !== undefined);
      while (stream.busy) {
        assert(await isPending(wait!));
        stream.release();
      }
      await wait;
      assertEquals(stream.written().length, size + 10);
    });
  }
}

test("sender.frame() keeps the order around a large frame", async () => {
  for (const writeBufferSize of [1000, 65_536, 2 ** 20]) {
    const { sender, stream } = makeSender({ writeBufferSize });
    sender.frame(1, "a", true, false);
    const wait = sender.frame(2, new Uint8Array(140_000), true, false);
    stream.releaseAll();
    await wait;
    sender.frame(1, "b", true, false);
    sender.flush();
    stream.releaseAll();
    const bytes = stream.written();
    assertEquals(toHex(bytes.subarray(0, 5)), "81 01 61 82 7f");
    assertEquals(toHex(bytes.subarray(-3)), "81 01 62");
  }
});

test("sender.frame() encodes text of any length", () => {
  for (const length of [1, 125, 126, 16_384, 16_385, 70_000, 140_000]) {
    const { sender, stream } = makeSender();
    sender.frame(1, "é".repeat(length), true, false);
    sender.flush();
    stream.releaseAll();
    const bytes = stream.written();
    const text = new TextDecoder().decode(bytes.slice(-2 * length));
    assertEquals(text, "é".repeat(length));
    assertEquals(sender.unsent, 0);
  }
});

/** Counts what it lends. */
class CountingPool implements BufferPool {
  readonly free: Uint8Array<ArrayBuffer>[] = [];
  readonly lent: Set<Uint8Array<ArrayBuffer>> = new Set();

  get(size: number): Uint8Array<ArrayBuffer> | undefined {
    const buffer = this.free.pop() ?? new Uint8Array(size);
    this.lent.add(buffer);
    return buffer;
  }

  put(buffer: Uint8Array<ArrayBuffer>): void {
    this.lent.delete(buffer);
    this.free.push(buffer);
  }
}

test("sender: an idle one holds no buffer of its pool", async () => {
  const pool = new CountingPool();
  const { sender, stream } = makeSender({ pool, writeBufferSize: 4096 });
  for (const size of [1, 10_000, 300, 140_000, 5, 2000, 3000]) {
    const wait = sender.frame(2, new Uint8Array(size), true, false);
    sender.flush();
    stream.releaseAll();
    await wait;
    // All that was lent is back, or was too small to be kept.
    for (const buffer of pool.lent) assert(!stream.chunks.includes(buffer));
  }
  sender.destroy();
  assert(pool.free.length > 0);
});

test("sender: a pool that gives too little, or nothing, is no fault", () => {
  for (const buffer of [new Uint8Array(3), undefined]) {
    const pool: BufferPool = { get: () => buffer, put() {} };
    const { sender, stream } = makeSender({ pool });
    for (let i = 0; i < 1000; i++) sender.frame(2, hex("2a"), true, false);
    sender.flush();
    stream.releaseAll();
    assertEquals(stream.written().length, 3000);
  }
});

test("sender: buffers grow by a factor", () => {
  let made = 0;
  const pool: BufferPool = {
    get(size) {
      made += size;
      return undefined;
    },
    put() {},
  };
  const { sender, stream } = makeSender({ pool });
  for (let i = 0; i < 1000; i++) {
    sender.frame(2, new Uint8Array(58), true, false);
  }
  sender.flush();
  stream.releaseAll();
  assert(made < 4 * stream.written().length, `${made} bytes of buffers`);
});

test("sender.close() sends the close frame behind all else, and nothing after", async () => {
  const { sender, stream } = makeSender();
  let written = 0;
  sender.frame(1, "a", true, false);
  sender.control(9, hex("01"));
  sender.close(hex("03 e8"), () => written++);
  assertThrows(() => sender.control(9, hex("02")), CloseError);
  sender.close(hex("03 e9"), () => written += 10);
  stream.releaseAll();
  assertEquals(written, 1);
  assertEquals(toHex(stream.written()), "89 01 01 81 01 61 88 02 03 e8");
  assertThrows(() => sender.frame(1, "b", true, false), CloseError);
  assertThrows(() => sender.encoded(2, hex("81 00"), 0), CloseError);
  assertThrows(() => sender.control(10, hex("03")), CloseError);
  await turn();
  assertEquals(stream.writes.length, 3);
});

test("sender.destroy() rejects who waits, and gives buffers back", async () => {
  const pool = new CountingPool();
  const { sender } = makeSender({ pool });
  const wait = sender.frame(2, new Uint8Array(70_000), true, false);
  sender.frame(1, "gathered", true, false);
  sender.destroy();
  await assertRejects(() => wait!, CloseError, "1006");
  assertEquals(sender.unsent, 0);
  await turn();
  // What is being written stays with the stream.
  assertEquals(pool.lent.size, 1);
});

test("sender: a write that fails ends writing", async () => {
  const { sender, stream } = makeSender();
  sender.frame(1, "a", true, false);
  sender.flush();
  sender.frame(1, "b", true, false);
  stream.release(new Error("EPIPE"));
  await turn();
  assertEquals(stream.writes.length, 1);
});

test("sender: a stream that throws is destroyed, others are flushed", async () => {
  const first = makeSender();
  const second = makeSender();
  first.stream.write = () => {
    throw new Error("own");
  };
  first.sender.frame(1, "a", true, false);
  second.sender.frame(1, "b", true, false);
  await turn();
  assertEquals(first.stream.calls, ["destroy"]);
  assertEquals(second.stream.writes.map(toHex), ["81 01 62"]);
});

test("sender.encoded() writes a prepared frame without a copy, and keeps the order", async () => {
  const puts: number[] = [];
  const pool: BufferPool = {
    get: () => undefined,
    put: (buffer) => puts.push(buffer.length),
  };
  const { sender, stream } = makeSender({ pool });
  const prepared = new Uint8Array(1000).fill(7);
  sender.encoded(2, prepared, prepared.length);
  sender.encoded(2, prepared, prepared.length);
  sender.frame(2, hex("2a"), true, false);
  sender.flush();
  assertEquals(stream.chunks[0]!.buffer === prepared.buffer, true);
  stream.release();
  assertEquals(stream.writes[1]!.length, 1003);
  assertEquals(toHex(stream.writes[1]!.subarray(999)), "07 82 01 2a");
  stream.release();
  await turn();
  // The prepared frame belongs to all connections, never to a pool.
  assertEquals(puts.includes(prepared.length), false);
  assertEquals(puts.length > 0, true);
});

test("sender.encoded() stands behind what is gathered", () => {
  const { sender, stream } = makeSender();
  sender.frame(2, hex("2a"), true, false);
  sender.encoded(2, new Uint8Array(1000).fill(7), 996);
  sender.flush();
  assertEquals(stream.writes.length, 1);
  assertEquals(toHex(stream.writes[0]!.subarray(0, 4)), "82 01 2a 07");
});

test("sender.written() fulfils when the data before it has been taken", async () => {
  const { sender, stream } = makeSender();
  await sender.written();
  sender.frame(1, "a", true, false);
  const first = sender.written();
  assertEquals(stream.writes.map(toHex), ["81 01 61"]);
  sender.frame(1, "b", true, false);
  sender.control(9, hex("2a"));
  const second = sender.written();
  assert(await isPending(first));
  stream.release();
  await first;
  // A ping goes ahead, and is as long as the message.
  assertEquals(toHex(stream.writes[1]!), "89 01 2a");
  stream.release();
  assert(await isPending(second));
  sender.frame(1, "c", true, false);
  stream.release();
  await second;
  stream.release();
  assertEquals(sender.unsent, 0);
});

test("sender.written() rejects when the data will not be taken", async () => {
  const { sender } = makeSender();
  sender.frame(1, "a", true, false);
  const written = sender.written();
  sender.destroy();
  await assertRejects(() => written, CloseError);
  await assertRejects(() => sender.written(), CloseError);
});
