import { assert, assertEquals, assertRejects } from "@std/assert";

import { CloseError } from "../../src/close.ts";
import { joinMessages } from "../../src/conn/join_messages.ts";
import type { Conn } from "../../src/conn/conn.ts";
import { PreparedMessage } from "../../src/prepared.ts";
import { hex } from "../support/helper.ts";
import { letsOthers } from "../support/lets_others.ts";
import { behaviours, block, type Fixture, isPending, turn } from "./fixture.ts";

/** Connections as streams, and promises that nobody awaits. */
export function streams(fixture: Fixture): void {
  const it = behaviours(fixture);

  it("readable piped to writable is an echo", async ({ conn, peer }) => {
    const piped = conn.readable.pipeTo(conn.writable);
    for (let i = 0; i < 20; i++) {
      peer.text(`${i}`);
      peer.binary(hex("00 01"));
    }
    for (let i = 0; i < 20; i++) {
      assertEquals(await peer.nextText(), [1, `${i}`]);
      assertEquals((await peer.next()).opcode, 2);
    }
    peer.close(1000);
    assertEquals((await peer.nextClose())[0], 1000);
    peer.end();
    await piped;
    assertEquals((await conn.closed).code, 1000);
  });

  it("bytes is one stream of the payloads, until the peer closes", async ({ conn, peer }) => {
    assert(conn.bytes === conn.bytes);
    peer.text("Hä");
    peer.binary(hex("00 01"));
    peer.text("");
    peer.text("x".repeat(70_000));
    peer.close(1000);
    const bytes = new Uint8Array(await new Response(conn.bytes).arrayBuffer());
    assertEquals(bytes.subarray(0, 6), hex("48 c3 a4 00 01 78"));
    assertEquals(bytes.length, 70_005);
    peer.end();
    await conn.closed;
  });

  it("bytes errors where the iterator throws", async ({ conn, peer }) => {
    const reader = conn.bytes.getReader();
    peer.binary(hex("01"));
    assertEquals((await reader.read()).value, hex("01"));
    peer.close(4000, "bye");
    const error = await assertRejects(() => reader.read(), CloseError);
    assertEquals(error.code, 4000);
    peer.end();
    await conn.closed;
  });

  it("canceling bytes closes the connection with 1000", async ({ conn, peer }) => {
    const reader = conn.bytes.getReader();
    const read = reader.read();
    const canceled = reader.cancel();
    assertEquals(await peer.nextClose(), [1000, ""]);
    peer.close(1000);
    peer.end();
    await canceled;
    assertEquals((await read).done, true);
    assertEquals((await conn.closed).code, 1000);
  });

  it("writable sends a message a chunk, and closes the connection", async ({ conn, peer }) => {
    assert(conn.writable === conn.writable);
    const writer = conn.writable.getWriter();
    await writer.write("text");
    await writer.write(hex("01"));
    assertEquals(await peer.nextText(), [1, "text"]);
    assertEquals(await peer.nextText(), [2, "\x01"]);
    const closed = writer.close();
    assertEquals(await peer.nextClose(), [1000, ""]);
    peer.close(1000);
    peer.end();
    await closed;
    await writer.closed;
    assertEquals(conn.state, "closed");
  });

  it("writable closes the connection behind writes that nobody awaits", async ({ conn, peer }) => {
    const writer = conn.writable.getWriter();
    writer.write("a");
    writer.write("b");
    const closed = writer.close();
    assertEquals(await peer.nextText(), [1, "a"]);
    assertEquals(await peer.nextText(), [1, "b"]);
    assertEquals(await peer.nextClose(), [1000, ""]);
    peer.close(1000);
    peer.end();
    await closed;
  });

  it("writable holds its writer back when the peer does not read", async (link) => {
    const { conn, peer } = link;
    const unblock = await block(link);
    const writer = conn.writable.getWriter();
    const written = writer.write("x");
    assertEquals(writer.desiredSize, 0);
    assert(await isPending(written));
    await unblock();
    await written;
    assertEquals(await peer.nextText(), [1, "x"]);
  });

  it("writable errors at the connection's end", async ({ conn, peer }) => {
    const writer = conn.writable.getWriter();
    peer.close(1001, "away");
    peer.end();
    const error = await assertRejects(() => writer.closed, CloseError);
    assertEquals([error.code, error.reason], [1001, "away"]);
  });

  it("what is no message fails writable, and the connection with 1011", async ({ conn, peer }) => {
    const writer = conn.writable.getWriter();
    await assertRejects(() => writer.write(1 as unknown as string), TypeError);
    assertEquals(await peer.nextClose(), [1011, ""]);
    await assertRejects(() => conn.readMessage(), TypeError);
  });

  it("writes to writable that nobody awaits reject in silence", async ({ conn, peer }) => {
    const writer = conn.writable.getWriter();
    for (let i = 0; i < 100; i++) writer.write(`${i}`);
    peer.reset();
    await conn.closed;
    for (let i = 0; i < 10; i++) writer.write("x");
    writer.close();
    writer.abort();
    for (let i = 0; i < 10; i++) await turn();
  });

  it("a pipe that nobody awaits fails in silence", async ({ conn, peer }) => {
    conn.readable.pipeTo(conn.writable);
    peer.text("once");
    assertEquals(await peer.nextText(), [1, "once"]);
    peer.reset();
    await conn.closed;
    for (let i = 0; i < 10; i++) await turn();
  });

  it("a collision with another read leaves readable usable", async ({ conn, peer }) => {
    const read = conn.readMessage();
    const reader = conn.readable.getReader();
    const next = reader.read();
    assert(await isPending(next));
    peer.text("one");
    assertEquals((await read).data, "one");
    peer.text("two");
    assertEquals(await next, { value: "two", done: false });
    // And the other way round: the stream's read goes on.
    const third = reader.read();
    await turn();
    await assertRejects(() => conn.readMessage(), DOMException, "another read");
    peer.text("three");
    assertEquals((await third).value, "three");
  });

  it("a collision with another read leaves joinMessages() usable", async ({ conn, peer }) => {
    const read = conn.readMessage();
    const next = joinMessages(conn, "").getReader().read();
    assert(await isPending(next));
    peer.text("one");
    assertEquals((await read).data, "one");
    peer.text("2");
    assertEquals(new TextDecoder().decode((await next).value), "2");
  });

  for (
    const [name, streamOf] of [
      ["readable", (conn: Conn) => conn.readable],
      ["joinMessages()", (conn: Conn) => joinMessages(conn, "")],
    ] as [string, (conn: Conn) => ReadableStream<unknown>][]
  ) {
    it(`a pipe of ${name} that is aborted takes no message away`, async ({ conn, peer }) => {
      const stream = streamOf(conn);
      const abort = new AbortController();
      const piped = stream.pipeTo(new WritableStream(), {
        preventCancel: true,
        signal: abort.signal,
      });
      await turn();
      abort.abort();
      await assertRejects(() => piped, DOMException);
      peer.text("next");
      assertEquals((await conn.readMessage()).data, "next");
      peer.text("last");
      assertEquals((await stream.getReader().read()).done, false);
    });

    it(`a reader of ${name} that leaves takes no message away`, async ({ conn, peer }) => {
      const stream = streamOf(conn);
      const reader = stream.getReader();
      const read = reader.read();
      await turn();
      reader.releaseLock();
      await assertRejects(() => read, TypeError);
      peer.text("next");
      assertEquals((await conn.readMessage()).data, "next");
    });
  }

  it(
    "aborting writable terminates, even with a write under way",
    async (link) => {
      const { conn } = link;
      await block(link);
      const writer = conn.writable.getWriter();
      const written = writer.write("x");
      assert(await isPending(written));
      const aborted = writer.abort(new Error("own"));
      written.catch(() => {});
      aborted.catch(() => {});
      const info = await conn.closed;
      assertEquals([info.code, info.initiator], [1006, "local"]);
      await assertRejects(() => written);
    },
    { needs: ["terminate"] },
  );

  for (const how of ["close", "reset"] as const) {
    it(`stubborn loops over streams that are over (${how}) keep no timer waiting`, async ({ conn, peer }) => {
      peer.text("x");
      const message = await conn.nextReader();
      const { readable, bytes } = conn;
      if (how === "reset") peer.reset();
      else {
        peer.close(1000);
        peer.end();
      }
      await conn.closed;
      const writer = conn.writable.getWriter();
      const loops = [
        drained(readable),
        drained(bytes),
        drained(message.readable),
        () => readable.values().next(),
        () => readable.values().return!(),
        () => readable.pipeTo(new WritableStream()),
        () => bytes.pipeTo(new WritableStream()),
        () => message.readable.pipeTo(new WritableStream()),
        () => readable.cancel(),
        () => bytes.cancel(),
        async () => {
          const reader = readable.getReader();
          try {
            await reader.cancel();
          } finally {
            reader.releaseLock();
          }
        },
        () => ReadableStream.from(["x"]).pipeTo(conn.writable),
        () => conn.writable.close(),
        () => conn.writable.abort(),
        () => writer.write("x"),
        () => writer.close(),
        () => writer.abort(),
        () => conn.nextWriter(1).close(),
        () => conn.nextWriter(1).abort(),
      ];
      if (conn.capabilities.ping) {
        loops.push(
          () => conn.nextWriter(9).close(),
          () => conn.nextWriter(9).abort(),
        );
      }
      for (const loop of loops) {
        assert(await letsOthers(loop), String(loop));
      }
    });
  }

  it("joinMessages() joins messages and terms", async ({ conn, peer }) => {
    const text = new Response(joinMessages(conn, "\n")).text();
    peer.text("one");
    peer.send(2, "t", { fin: false });
    peer.send(0, "wo");
    peer.text("");
    peer.close(1000);
    assertEquals(await text, "one\ntwo\n\n");
  });

  it("joinMessages() errors where the connection does", async ({ conn, peer }) => {
    const reader = joinMessages(conn, "").getReader();
    peer.text("one");
    peer.close(4000);
    const got: number[] = [];
    const error = await assertRejects(async () => {
      while (true) got.push(...(await reader.read()).value ?? []);
    }, CloseError);
    assertEquals(new TextDecoder().decode(new Uint8Array(got)), "one");
    assertEquals(error.code, 4000);
  });

  it("canceling joinMessages() leaves the connection to others", async ({ conn, peer }) => {
    const reader = joinMessages(conn, "\n").getReader();
    const pending = reader.read();
    await turn();
    await reader.cancel();
    assertEquals((await pending).done, true);
    peer.text("next");
    assertEquals((await conn.readMessage()).data, "next");
    assertEquals(conn.state, "open");
  });

  it("a thousand writes that nobody awaits reject in silence", async (link) => {
    const { conn, peer } = link;
    await block(link);
    const prepared = new PreparedMessage(1, "x");
    for (let i = 0; i < 1000; i++) {
      conn.send("x");
      if (i % 10 === 0) {
        conn.send(new Uint8Array(20_000));
        conn.writePreparedMessage(prepared);
        conn.send("x", { signal: AbortSignal.abort() });
      }
    }
    peer.reset();
    await conn.closed;
    for (let i = 0; i < 10; i++) conn.send("x");
    // An unhandled rejection would end the process by now.
    for (let i = 0; i < 10; i++) await turn();
  });

  it(
    "control frames and close() that nobody awaits reject in silence",
    async ({ conn, peer }) => {
      conn.ping();
      conn.writeControl(9, "", new Date(Date.now() + 60_000));
      peer.reset();
      await conn.closed;
      conn.ping();
      conn.writeControl(10);
      conn.writeControl(8);
      conn.close(4000);
      for (let i = 0; i < 10; i++) await turn();
    },
    { needs: ["ping"] },
  );
}

/** Reads a stream to its end. */
function drained(stream: ReadableStream<unknown>): () => Promise<void> {
  return async () => {
    for await (const _ of stream);
  };
}
