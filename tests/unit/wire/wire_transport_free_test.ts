/** Chunks whose memory the stream takes back, through the whole engine. */

import { assert, assertEquals } from "@std/assert";

import type { Conn } from "../../../src/conn/conn.ts";
import { connSettings } from "../../../src/conn/options.ts";
import { connOver, wireConn } from "../../../src/conn_over.ts";
import {
  encodeRawFrame,
  type RawFrameInit,
} from "../../../src/testing/raw_frame.ts";
import { test } from "../../support/helper.ts";
import { HeldStream, turn } from "./held_stream.ts";

/** A server's connection, and a stream that spoils what it is given back. */
class Link {
  readonly stream: HeldStream = new HeldStream();
  readonly freed: Uint8Array[] = [];
  readonly conn: Conn;

  constructor() {
    this.stream.free = (chunk) => {
      assert(!this.freed.includes(chunk), "freed twice");
      this.freed.push(chunk);
      chunk.fill(0x58);
    };
    this.conn = wireConn(this.stream, "server", "", connSettings({}, "server"));
  }

  /** Delivers frames in one chunk. */
  deliver(...frames: RawFrameInit[]): Uint8Array {
    const parts = frames.map((frame) => encodeRawFrame(frame, "client"));
    const chunk = new Uint8Array(
      parts.reduce((sum, { length }) => sum + length, 0),
    );
    let offset = 0;
    for (const part of parts) {
      chunk.set(part, offset);
      offset += part.length;
    }
    this.stream.receiver!.data(chunk);
    return chunk;
  }

  end(): void {
    this.conn.terminate();
    this.stream.receiver!.closed();
  }
}

/** Bytes that tell their place. */
function bytesFrom(start: number, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (start + i) % 251);
}

test("a chunk of text, small messages and control frames is given back", async () => {
  const link = new Link();
  const chunk = link.deliver(
    { opcode: 1, payload: "text of some length, ".repeat(1000) },
    { opcode: 2, payload: bytesFrom(0, 100) },
    { opcode: 9, payload: "ping" },
  );
  assert(link.freed[0] === chunk);
  const text = await link.conn.readMessage();
  assertEquals(text.data, "text of some length, ".repeat(1000));
  assertEquals((await link.conn.readMessage()).data, bytesFrom(0, 100));
  link.end();
});

test("a chunk is kept while a message lies in it", async () => {
  const link = new Link();
  link.deliver(
    { opcode: 2, payload: bytesFrom(0, 1000) },
    { opcode: 2, payload: bytesFrom(1, 10) },
  );
  const next = link.deliver({ opcode: 1, payload: "next" });
  assertEquals(link.freed.length, 1);
  assert(link.freed[0] === next);
  assertEquals((await link.conn.readMessage()).data, bytesFrom(0, 1000));
  assertEquals((await link.conn.readMessage()).data, bytesFrom(1, 10));
  link.end();
});

test("a message that is read in pieces holds no chunk", async () => {
  const link = new Link();
  const reading = link.conn.nextReader();
  const size = 50_000;
  link.deliver({ opcode: 2, fin: false, payload: "" });
  const reader = await reading;
  const body = reader.bytes();
  await turn();
  for (let i = 0; i < 4; i++) {
    link.deliver({
      opcode: 0,
      fin: i === 3,
      payload: bytesFrom(i * size, size),
    });
    await turn();
  }
  assertEquals(link.freed.length, 5);
  const bytes = await body;
  assertEquals(bytes.length, 4 * size);
  assert(bytes.every((byte, i) => byte === i % 251));
  link.end();
});

test("a whole message in large fragments keeps their chunks until it is read", async () => {
  const link = new Link();
  for (let i = 0; i < 3; i++) {
    link.deliver({
      opcode: i === 0 ? 2 : 0,
      fin: i === 2,
      payload: bytesFrom(i * 10_000, 10_000),
    });
  }
  assertEquals(link.freed.length, 0);
  const { data } = await link.conn.readMessage();
  assertEquals(data, bytesFrom(0, 30_000));
  link.end();
});

test("a chunk that waits for a reader is given back behind its last frame", async () => {
  const link = new Link();
  const text = "x".repeat(40_000);
  const first = link.deliver(
    { opcode: 1, payload: text },
    { opcode: 1, payload: text },
    { opcode: 1, payload: "third" },
  );
  // 64 KiB are read ahead: the third message waits in its chunk.
  assertEquals(link.freed.length, 0);
  const second = link.deliver({ opcode: 1, payload: "fourth" });
  for (const expected of [text, text, "third", "fourth"]) {
    assertEquals((await link.conn.readMessage()).data, expected);
  }
  assert(link.freed[0] === first && link.freed[1] === second);
  link.end();
});

test("a property free of a user's stream is none of ours", async () => {
  const stream = new HeldStream();
  stream.free = () => {
    throw new Error("called");
  };
  const conn = connOver(stream, { side: "server" });
  stream.receiver!.data(
    encodeRawFrame({ opcode: 1, payload: "a".repeat(9000) }, "client"),
  );
  assertEquals((await conn.readMessage()).data, "a".repeat(9000));
  conn.terminate();
  stream.receiver!.closed();
});
