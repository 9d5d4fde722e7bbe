import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";

import { formatCloseMessage } from "../../src/close.ts";
import { WriteLimitError } from "../../src/errors.ts";
import type { MessageType } from "../../src/message.ts";
import { PreparedMessage } from "../../src/prepared.ts";
import { hex } from "../support/helper.ts";
import {
  behaviours,
  block,
  type Fixture,
  isPending,
  turn,
  until,
} from "./fixture.ts";

/** How whole messages are written. */
export function writing(fixture: Fixture): void {
  const it = behaviours(fixture);
  const client = fixture.side === "client";

  it("send() sends strings as text and bytes as binary", async (link) => {
    const { conn, peer } = link;
    await conn.send("höllo");
    await conn.send(hex("00 ff"));
    await conn.send("");
    await conn.send(new Uint8Array(0));
    assertEquals(await peer.nextText(), [1, "höllo"]);
    const frame = await peer.next();
    assertEquals(frame.payload, hex("00 ff"));
    assertEquals([frame.opcode, frame.fin, frame.rsv], [2, true, 0]);
    assertEquals(frame.masked, client);
    assertEquals(await peer.nextText(), [1, ""]);
    assertEquals(await peer.nextText(), [2, ""]);
  });

  it("bytes that have been transferred away are refused at once", async ({ conn, peer }) => {
    const gone = new Uint8Array(4);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    const calls: (() => unknown)[] = [
      () => conn.send(gone),
      () => conn.writeMessage(1, gone),
      () => conn.writeMessage(8, gone),
      () => new PreparedMessage(2, gone),
    ];
    for (const call of calls) {
      assertThrows(call, TypeError, "its bytes have been transferred away");
    }
    await conn.send(new Uint8Array(gone.length));
    assertEquals(await peer.nextText(), [2, ""]);
    const writer = conn.nextWriter(2).getWriter();
    await assertRejects(
      () => Promise.all([writer.write(gone), writer.closed]),
      TypeError,
      "transferred away",
    );
    await conn.closed;
  });

  it("writeMessage() sends what the type says", async ({ conn, peer }) => {
    conn.writeMessage(1, "a");
    conn.writeMessage(1, hex("c3 a9"));
    conn.writeMessage(2, "é");
    conn.writeMessage(2, hex("01"));
    assertEquals(await peer.nextText(), [1, "a"]);
    assertEquals(await peer.nextText(), [1, "é"]);
    assertEquals(await peer.nextText(), [2, "é"]);
    assertEquals(await peer.nextText(), [2, "\x01"]);
  });

  it("writeMessage() takes control types", async ({ conn, peer }) => {
    await conn.writeMessage(9, "ping");
    assertEquals(await peer.nextText(), [9, "ping"]);
    await conn.writeMessage(10, hex("70"));
    assertEquals(await peer.nextText(), [10, "p"]);
    await conn.writeMessage(8, formatCloseMessage(4000, "bye"));
    assertEquals(await peer.nextClose(), [4000, "bye"]);
  }, { needs: ["ping"] });

  it("send() and writers send shared memory as it was", async (link) => {
    const { conn, peer } = link;
    for (const length of [5, 100_000]) {
      for (const type of [1, 2] as const) {
        const bytes = new Uint8Array(new SharedArrayBuffer(length)).fill(65);
        const sent = conn.writeMessage(type, bytes);
        // What another thread may do at any time.
        bytes.fill(66);
        const whole = await peer.nextText();
        await sent;
        assertEquals(whole, [type, "A".repeat(length)]);
        const writer = conn.nextWriter(type).getWriter();
        await writer.write(bytes.subarray(1));
        await writer.close();
        let text = "";
        for (;;) {
          const { payload, fin } = await peer.next();
          text += new TextDecoder().decode(payload);
          if (fin) break;
        }
        assertEquals(text, "B".repeat(length - 1));
      }
    }
  });

  it("frames have the length form of their payload", async (link) => {
    const { conn, peer } = link;
    for (const length of [125, 126, 65_535, 65_536, 140_000, 300_000]) {
      const payload = new Uint8Array(length).map((_, i) => i * 7);
      conn.send(payload);
      const frame = await peer.next();
      assert(frame.fin);
      assertEquals(frame.payload, payload);
      conn.send("é".repeat(length / 2));
      assertEquals(await peer.nextMessage().then(text), "é".repeat(length / 2));
    }
  });

  it("what is no message is a TypeError", async ({ conn, peer }) => {
    for (
      const data of [
        undefined,
        null,
        1,
        {},
        [1],
        new ArrayBuffer(1),
        new DataView(new ArrayBuffer(1)),
        new String("a"),
        new Uint16Array(1),
      ]
    ) {
      assertThrows(() => conn.send(data as string), TypeError);
      assertThrows(() => conn.writeMessage(1, data as string), TypeError);
      assertThrows(() => conn.writeMessage(2, data as string), TypeError);
      assertThrows(() => new PreparedMessage(1, data as string), TypeError);
    }
    for (const bytes of [hex("ff"), hex("ed a0 80"), hex("f0 9f a6")]) {
      assertThrows(() => conn.writeMessage(1, bytes), TypeError);
    }
    for (const type of [0, 3, 11, "1", "hello", undefined]) {
      assertThrows(
        () => conn.writeMessage(type as MessageType, ""),
        RangeError,
      );
    }
    conn.send("fine");
    assertEquals(await peer.nextText(), [1, "fine"]);
    assertEquals(conn.state, "open");
  });

  it("a lone surrogate is sent as U+FFFD", async ({ conn, peer }) => {
    const texts = [
      "\ud800",
      "a\udc00b",
      "\ud83e\udd95\ud83e",
      `${"x".repeat(300)}\udfff`,
    ];
    for (const text of texts) {
      conn.send(text);
      conn.writeMessage(2, text);
      conn.writePreparedMessage(new PreparedMessage(1, text));
      const expected = text.toWellFormed();
      assertEquals(await peer.nextText(), [1, expected]);
      assertEquals(await peer.nextText(), [2, expected]);
      assertEquals(await peer.nextText(), [1, expected]);
    }
    const long = "\ud800".repeat(50_000);
    conn.send(long);
    assertEquals(await peer.nextMessage().then(text), long.toWellFormed());
  });

  it("messages go out first in first out, whatever their size", async (link) => {
    const { conn, peer } = link;
    const sizes = Array.from(
      { length: 18 },
      (_, i) => [3, 20_000, 1, 140_000, 70_000, 300_000][i % 6]! + i,
    );
    for (const size of sizes) conn.send(new Uint8Array(size));
    for (const size of sizes) {
      assertEquals((await peer.nextMessage()).length, size);
    }
  });

  it("a payload of up to 16 KiB is the caller's at once", async (link) => {
    const { conn, peer } = link;
    const payload = new Uint8Array(16_384).fill(1);
    conn.send(payload);
    payload.fill(2);
    assertEquals((await peer.nextMessage())[16_383], 1);
    const unblock = await block(link);
    payload.fill(1);
    conn.send(payload);
    payload.fill(2);
    await unblock();
    assertEquals((await peer.nextMessage())[0], 1);
  });

  for (const size of [20_000, 140_000, 263_000, 600_000]) {
    it(`a payload of ${size} bytes is the caller's when settled`, async (link) => {
      const { conn, peer } = link;
      const unblock = await block(link);
      const payload = new Uint8Array(size).fill(1);
      const sent = conn.send(payload);
      assert(await isPending(sent));
      sent.then(() => payload.fill(2));
      await unblock();
      const received = await peer.nextMessage();
      assertEquals(received.length, size);
      assert(received.every((byte) => byte === 1));
      await sent;
    });
  }

  it("bufferedAmount counts what has not been taken", async (link) => {
    const { conn, peer } = link;
    assertEquals(conn.bufferedAmount, 0);
    const unblock = await block(link);
    const before = conn.bufferedAmount;
    assert(before > 0);
    conn.send(new Uint8Array(1000));
    assert(conn.bufferedAmount >= before + 1000);
    await unblock();
    await peer.nextMessage();
    await until(() => conn.bufferedAmount === 0, "nothing is buffered");
  });

  it("promises settle when there is room again", async (link) => {
    const { conn, peer } = link;
    await conn.send("room");
    assertEquals(await peer.nextText(), [1, "room"]);
    const unblock = await block(link);
    const sent = conn.send("no room");
    assert(await isPending(sent));
    await unblock();
    await sent;
    assertEquals(await peer.nextText(), [1, "no room"]);
  });

  it("writeLimit fails the connection of a slow reader", async (link) => {
    const { conn, peer } = link;
    peer.pause();
    const read = conn.readMessage().catch((error) => error);
    let failure: WriteLimitError | undefined;
    const payload = new Uint8Array(16_000);
    while (failure === undefined) {
      for (let i = 0; i < 10; i++) {
        conn.send(payload).catch((error) => failure ??= error);
      }
      await turn();
    }
    assert(failure instanceof WriteLimitError);
    assertEquals(failure.limit, 100_000);
    assertEquals(await read, failure);
    assert(conn.state !== "open");
    const info = await conn.closed;
    assertEquals([info.code, info.wasClean, info.initiator, info.cause], [
      1006,
      false,
      "local",
      failure,
    ]);
    assertEquals(await conn.send("x").catch((error) => error), failure);
  }, { needs: ["writeLimit"], writeLimit: 100_000, closeTimeout: 50 });

  it("writeLimit bounds the number of small messages too", async (link) => {
    const { conn } = link;
    const unblock = await block(link);
    void unblock;
    let failure: WriteLimitError | undefined;
    for (let i = 0; i < 300_000 && failure === undefined; i++) {
      conn.send("").catch((error) => failure ??= error);
      if (i % 1000 === 0) await turn();
    }
    assert(failure instanceof WriteLimitError);
  }, { needs: ["writeLimit"], closeTimeout: 50 });

  it(
    "a single message may be larger than writeLimit",
    async ({ conn, peer }) => {
      const sent = conn.send(new Uint8Array(50_000));
      assertEquals((await peer.nextMessage()).length, 50_000);
      await sent;
      assertEquals(conn.state, "open");
    },
    { writeLimit: 1000 },
  );

  it("writeJSON() sends one text message", async ({ conn, peer }) => {
    await conn.writeJSON({ a: [1, null, "é\ud800"] });
    assertEquals(await peer.nextText(), [1, '{"a":[1,null,"é\\ud800"]}']);
    await conn.writeJSON(null);
    assertEquals(await peer.nextText(), [1, "null"]);
  });

  it("writeJSON() throws what has no JSON form", ({ conn }) => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const value of [undefined, () => {}, Symbol(), 1n, cycle]) {
      assertThrows(() => conn.writeJSON(value), TypeError);
    }
    const own = new Error("own");
    const throwing = {
      toJSON() {
        throw own;
      },
    };
    assertEquals(assertThrows(() => conn.writeJSON(throwing)), own);
    assertEquals(conn.state, "open");
  });

  it("writePreparedMessage() sends the payload as it was", async (link) => {
    const { conn, peer } = link;
    const bytes = hex("01 02 03");
    const large = new Uint8Array(140_000).fill(7);
    const binary = new PreparedMessage(2, bytes);
    const text1 = new PreparedMessage(1, "höllo");
    const prepared = new PreparedMessage(2, large);
    bytes.fill(0);
    for (let i = 0; i < 2; i++) {
      conn.writePreparedMessage(binary);
      conn.writePreparedMessage(text1);
      conn.writePreparedMessage(prepared);
    }
    for (let i = 0; i < 2; i++) {
      const frame = await peer.next();
      assertEquals([frame.opcode, frame.masked], [2, client]);
      assertEquals(frame.payload, hex("01 02 03"));
      assertEquals(await peer.nextText(), [1, "höllo"]);
      assertEquals(await peer.nextMessage(), large);
    }
  });

  it("what is no prepared message is a TypeError", async ({ conn, peer }) => {
    const others: unknown[] = [undefined, null, "a", {}, { type: 1 }];
    for (const message of others) {
      assertThrows(
        () => conn.writePreparedMessage(message as PreparedMessage),
        TypeError,
        "PreparedMessage",
      );
    }
    conn.send("after");
    assertEquals(await peer.nextText(), [1, "after"]);
  });

  it("writePreparedMessage() waits behind queued messages", async (link) => {
    const { conn, peer } = link;
    const unblock = await block(link);
    conn.send("first");
    const sent = conn.writePreparedMessage(new PreparedMessage(1, "second"));
    assert(await isPending(sent));
    await unblock();
    assertEquals(await peer.nextText(), [1, "first"]);
    assertEquals(await peer.nextText(), [1, "second"]);
    await sent;
  });
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
