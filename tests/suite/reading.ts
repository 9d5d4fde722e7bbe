import { assert, assertEquals, assertRejects } from "@std/assert";

import { CloseError } from "../../src/close.ts";
import { ReadLimitError } from "../../src/errors.ts";
import { hex } from "../support/helper.ts";
import { behaviours, type Fixture, isPending, turn } from "./fixture.ts";

/** How messages are read. */
export function reading(fixture: Fixture): void {
  const it = behaviours(fixture);

  it("readMessage() reads text as a string and binary as bytes", async ({ conn, peer }) => {
    peer.text("höllo 🦕");
    peer.binary(hex("00 ff 80"));
    peer.text("");
    peer.binary(new Uint8Array(0));
    assertEquals(await conn.readMessage(), { type: 1, data: "höllo 🦕" });
    assertEquals(await conn.readMessage(), { type: 2, data: hex("00 ff 80") });
    assertEquals(await conn.readMessage(), { type: 1, data: "" });
    assertEquals(await conn.readMessage(), {
      type: 2,
      data: new Uint8Array(0),
    });
  });

  it("readMessage() keeps a byte order mark", async ({ conn, peer }) => {
    peer.text("\ufeffa");
    peer.send(1, "\ufeff", { fin: false });
    peer.send(0, "b");
    assertEquals((await conn.readMessage()).data, "\ufeffa");
    assertEquals((await conn.readMessage()).data, "\ufeffb");
  });

  it("readMessage() joins fragments, control frames between them", async ({ conn, peer }) => {
    peer.send(1, hex("f0 9f"), { fin: false });
    peer.send(9, "ping");
    peer.send(0, hex("a6 95"), { fin: false });
    peer.send(0, "", { fin: true });
    assertEquals(await conn.readMessage(), { type: 1, data: "🦕" });
    assertEquals(await peer.nextText(), [10, "ping"]);
  });

  it("readMessage() reads payloads of every length form", async ({ conn, peer }) => {
    for (const length of [125, 126, 65_535, 65_536]) {
      const payload = new Uint8Array(length).map((_, i) => i * 7);
      peer.binary(payload);
      assertEquals((await conn.readMessage()).data, payload);
    }
  });

  it("readMessage() gives bytes that are the message's alone", async ({ conn, peer }) => {
    peer.binary(hex("01 02"));
    peer.binary(hex("03 04"));
    const first = (await conn.readMessage()).data as Uint8Array;
    const second = (await conn.readMessage()).data as Uint8Array;
    first.fill(9);
    assertEquals(second, hex("03 04"));
  });

  it("a second concurrent read rejects with InvalidStateError", async ({ conn, peer }) => {
    const first = conn.readMessage();
    for (
      const second of [
        conn.readMessage(),
        conn.nextReader(),
        conn.readJSON(),
        conn[Symbol.asyncIterator]().next(),
      ]
    ) {
      const error = await assertRejects(() => second, DOMException);
      assertEquals(error.name, "InvalidStateError");
    }
    peer.text("1");
    assertEquals((await first).data, "1");
  });

  it("readJSON() reads values of text and binary messages", async ({ conn, peer }) => {
    peer.text('{"a":[1,null],"__proto__":1}');
    peer.binary(hex("74 72 75 65"));
    const value = await conn.readJSON<Record<string, unknown>>();
    assertEquals(Object.keys(value), ["a", "__proto__"]);
    assertEquals(Object.getPrototypeOf(value), Object.prototype);
    assertEquals(await conn.readJSON(), true);
  });

  it("readJSON() rejects bad JSON and keeps the connection open", async ({ conn, peer }) => {
    peer.text("{");
    peer.text("");
    peer.text("2");
    await assertRejects(() => conn.readJSON(), SyntaxError);
    await assertRejects(() => conn.readJSON(), SyntaxError);
    assertEquals(await conn.readJSON(), 2);
    assertEquals(conn.state, "open");
  });

  for (const code of [1000, 1001, undefined]) {
    it(`for await ends on ${code ?? 1005}`, async ({ conn, peer }) => {
      peer.text("1");
      peer.text("2");
      peer.close(code);
      const read: unknown[] = [];
      for await (const message of conn) read.push(message.data);
      assertEquals(read, ["1", "2"]);
      // And says so for ever, while reads reject.
      const next = await conn[Symbol.asyncIterator]().next();
      assertEquals(next, { value: undefined, done: true });
      const error = await assertRejects(() => conn.readMessage(), CloseError);
      assertEquals(error.code, code ?? 1005);
    });
  }

  for (const code of [1002, 1011, 3000, 4999]) {
    it(`for await throws CloseError on ${code}`, async ({ conn, peer }) => {
      peer.text("1");
      peer.close(code, "why");
      const read: unknown[] = [];
      const error = await assertRejects(async () => {
        for await (const message of conn) read.push(message.data);
      }, CloseError);
      assertEquals(read, ["1"]);
      assertEquals([error.code, error.reason], [code, "why"]);
    });
  }

  it("for await throws CloseError 1006 where the peer just goes", async ({ conn, peer }) => {
    peer.text("1");
    peer.end();
    const read: unknown[] = [];
    const error = await assertRejects(async () => {
      for await (const message of conn) read.push(message.data);
    }, CloseError);
    assertEquals(read, ["1"]);
    assertEquals(error.code, 1006);
  });

  it("break leaves the connection open", async ({ conn, peer }) => {
    peer.text("1");
    peer.text("2");
    for await (const message of conn) {
      assertEquals(message.data, "1");
      break;
    }
    assertEquals(conn.state, "open");
    for await (const message of conn) {
      assertEquals(message.data, "2");
      break;
    }
    conn.send("still here");
    assertEquals(await peer.nextText(), [1, "still here"]);
  });

  it("readable gives a chunk a message and closes on 1000", async ({ conn, peer }) => {
    peer.text("1");
    peer.binary(hex("02"));
    peer.text("");
    peer.close(1000);
    assert(conn.readable === conn.readable);
    assertEquals(await Array.fromAsync(conn.readable), ["1", hex("02"), ""]);
  });

  it("readable errors with CloseError on other codes", async ({ conn, peer }) => {
    peer.text("1");
    peer.close(4000, "no");
    const reader = conn.readable.getReader();
    assertEquals((await reader.read()).value, "1");
    const error = await assertRejects(() => reader.read(), CloseError);
    assertEquals(error.code, 4000);
  });

  it("readable.cancel() closes with 1000", async ({ conn, peer }) => {
    const reader = conn.readable.getReader();
    const pending = reader.read();
    const canceled = reader.cancel("enough");
    assertEquals((await pending).done, true);
    assertEquals(await peer.nextClose(), [1000, ""]);
    peer.close(1000);
    peer.end();
    await canceled;
    assertEquals((await conn.closed).wasClean, true);
  }, { needs: ["closeHandshake"] });

  it("an aborted read loses nothing", async ({ conn, peer }) => {
    for (const read of ["readMessage", "nextReader", "readJSON"] as const) {
      const abort = new AbortController();
      const promise = conn[read]({ signal: abort.signal });
      const reason = new Error("enough");
      abort.abort(reason);
      const error = await assertRejects(() => promise);
      assert(error === reason);
    }
    peer.text("1");
    peer.text("2");
    const again = await conn.readMessage({
      signal: new AbortController().signal,
    });
    assertEquals(again.data, "1");
    const error = await assertRejects(
      () => conn.readMessage({ signal: AbortSignal.abort() }),
      DOMException,
    );
    assertEquals(error.name, "AbortError");
    assertEquals((await conn.readMessage()).data, "2");
    assertEquals(conn.state, "open");
  });

  it("a read aborted in the middle of a message loses nothing", async ({ conn, peer }) => {
    const abort = new AbortController();
    const promise = conn.readMessage({ signal: abort.signal });
    peer.send(1, "be", { fin: false });
    peer.send(9, "sync");
    await peer.next();
    abort.abort();
    await assertRejects(() => promise, DOMException);
    peer.send(0, "gun");
    assertEquals((await conn.readMessage()).data, "begun");
  });

  it("setReadDeadline() ends waits, past, moved and taken away", async ({ conn, peer }) => {
    conn.setReadDeadline(new Date(0));
    const late = await assertRejects(() => conn.readMessage(), DOMException);
    assertEquals(late.name, "TimeoutError");

    conn.setReadDeadline(new Date(Date.now() + 60_000));
    const waiting = conn.readMessage();
    conn.setReadDeadline(new Date(Date.now() + 5));
    const soon = await assertRejects(() => waiting, DOMException);
    assertEquals(soon.name, "TimeoutError");

    conn.setReadDeadline(new Date(Date.now() + 60_000));
    const moved = conn.readMessage();
    conn.setReadDeadline(null);
    peer.text("1");
    assertEquals((await moved).data, "1");
    assertEquals(conn.state, "open");
  });

  it("setReadDeadline() refuses an invalid date", ({ conn }) => {
    const error = (() => {
      try {
        conn.setReadDeadline(new Date(NaN));
      } catch (error) {
        return error;
      }
    })();
    assert(error instanceof RangeError);
  });

  it("leaving an iteration settles the step that waits, and leaves the message", async ({ conn, peer }) => {
    const iterator = conn[Symbol.asyncIterator]();
    const step = iterator.next();
    assert(await isPending(step));
    await iterator.return!();
    assertEquals(await step, { value: undefined, done: true });
    peer.text("next");
    assertEquals((await conn.readMessage()).data, "next");
    peer.text("last");
    assertEquals(await iterator.next(), { value: undefined, done: true });
    assertEquals((await conn.readMessage()).data, "last");
  });

  it("leaving an iteration leaves the read of another", async ({ conn, peer }) => {
    const left = conn[Symbol.asyncIterator]();
    const read = conn.readMessage();
    await left.return!();
    peer.text("one");
    assertEquals((await read).data, "one");
    const step = conn[Symbol.asyncIterator]().next();
    await left.return!();
    peer.text("two");
    assertEquals((await step).value?.data, "two");
  });

  it("what comes of a connection that is over lets others run", async ({ conn, peer }) => {
    peer.close(1000);
    peer.end();
    await conn.closed;
    let ran = false;
    setTimeout(() => ran = true, 0);
    while (!ran) {
      await conn.readMessage().catch(() => {});
      await conn.send("x").catch(() => {});
      await conn[Symbol.asyncIterator]().next();
      await conn.close();
    }
  });

  it("closeRead() drops what comes, and sees the end", async (link) => {
    const { conn, peer, inFlight } = link;
    peer.text("unread");
    const read = conn.readMessage();
    await read;
    const waiting = conn.readMessage();
    conn.closeRead();
    conn.closeRead();
    const error = await assertRejects(() => waiting, DOMException);
    assertEquals(error.name, "InvalidStateError");
    const payload = new Uint8Array(50_000);
    for (let size = 0; size < 2 * inFlight; size += payload.length) {
      peer.binary(payload);
    }
    peer.close(4000, "seen");
    peer.end();
    const info = await conn.closed;
    assertEquals([info.code, info.reason, info.wasClean], [4000, "seen", true]);
    const later = await assertRejects(() => conn.readMessage(), DOMException);
    assertEquals(later.name, "InvalidStateError");
    const step = conn[Symbol.asyncIterator]().next();
    await assertRejects(() => step, DOMException, "closeRead()");
  });

  it(
    "closeRead() abandons the message that is being read",
    async ({ conn, peer }) => {
      peer.send(1, "be", { fin: false });
      const reader = await conn.nextReader();
      const text = reader.text();
      await turn();
      conn.closeRead();
      await assertRejects(() => text, DOMException);
      peer.send(0, "gun");
      await conn.send("still there");
      assertEquals(await peer.nextText(), [1, "still there"]);
    },
    { needs: ["streaming"] },
  );

  it("closeRead() keeps the read limit", async ({ conn, peer }) => {
    conn.closeRead();
    peer.binary(new Uint8Array(2000));
    const { cause } = await conn.closed;
    assert(cause instanceof ReadLimitError);
  }, { readLimit: 1000, closeTimeout: 50 });
}
