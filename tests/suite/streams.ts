import { assert, assertEquals, assertRejects } from "@std/assert";

import { CloseError } from "../../src/close.ts";
import { joinMessages } from "../../src/conn/join_messages.ts";
import { PreparedMessage } from "../../src/prepared.ts";
import { hex } from "../helper.ts";
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
    peer.finish();
    await piped;
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
    peer.finish();
    await closed;
    await writer.closed;
    assertEquals(conn.state, "closed");
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
    peer.finish();
    const error = await assertRejects(() => writer.closed, CloseError);
    assertEquals([error.code, error.reason], [1001, "away"]);
  });

  it("writable refuses what is no message", async ({ conn, peer }) => {
    const writer = conn.writable.getWriter();
    await assertRejects(() => writer.write(1 as unknown as string), TypeError);
    await conn.send("fine");
    assertEquals(await peer.nextText(), [1, "fine"]);
  });

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

  it("joinMessages() joins messages and terms", async ({ conn, peer }) => {
    const text = new Response(joinMessages(conn, "\n")).text();
    peer.text("one");
    peer.frame(2, "t", { fin: false });
    peer.frame(0, "wo");
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
        conn.writeJSON(1n);
        conn.send("x", { signal: AbortSignal.abort() });
      }
    }
    peer.reset();
    await conn.closed;
    for (let i = 0; i < 10; i++) conn.send("x");
    conn.writeMessage(1, hex("ff"));
    // An unhandled rejection would end the process by now.
    for (let i = 0; i < 10; i++) await turn();
  });

  it(
    "control frames and close() that nobody awaits reject in silence",
    async ({ conn, peer }) => {
      conn.ping();
      conn.ping("x".repeat(126));
      conn.writeControl(9, "\ud800");
      conn.writeControl(9, "", new Date(Date.now() + 60_000));
      conn.close(1);
      peer.reset();
      await conn.closed;
      conn.ping();
      conn.writeControl(10);
      conn.writeControl(8);
      conn.close(2);
      for (let i = 0; i < 10; i++) await turn();
    },
    { needs: ["ping"] },
  );
}
