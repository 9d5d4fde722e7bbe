import { assert, assertEquals } from "@std/assert";

import { PreparedMessage } from "../../src/prepared.ts";
import { behaviours, type Fixture, until } from "./fixture.ts";

/** What a connection tells of itself. */
export function stats(fixture: Fixture): void {
  const it = behaviours(fixture);
  const ofWire = (bytes: number) =>
    fixture.engine === "wire" ? bytes : undefined;
  // What a client's frames have more than a server's.
  const [theirs, ours] = fixture.side === "server" ? [4, 0] : [0, 4];

  it("stats begin with the connection", ({ conn }) => {
    const none = { messages: 0, bytes: 0, wireBytes: ofWire(0) };
    const { since, ...rest } = conn.stats;
    assertEquals(rest, { roundTrip: undefined, received: none, sent: none });
    const age = Date.now() - since.getTime();
    assert(age > -1000 && age < 30_000, `${age} ms`);
    assertEquals(conn.stats.since, since);
  });

  it("stats count what comes, read or not", async ({ conn, peer }) => {
    peer.text("grün €");
    peer.binary(new Uint8Array(200));
    peer.send(1, "", { fin: false });
    peer.send(0, "in ", { fin: false });
    peer.send(0, "pieces");
    peer.text("");
    peer.text("last");
    const expected = {
      messages: 5,
      bytes: 9 + 200 + 9 + 4,
      wireBytes: ofWire(
        (2 + theirs) * 7 + 2 + 9 + 200 + 9 + 4,
      ),
    };
    await conn.readMessage();
    await until(() => conn.stats.received.messages === 5, "all messages");
    assertEquals(conn.stats.received, expected);
    for (const size of [200, 9, 0, 4]) {
      assertEquals((await conn.readMessage()).data.length, size);
    }
    assertEquals(conn.stats.received, expected);
    assertEquals(conn.stats.sent.messages, 0);
  });

  it("stats count what is sent", async ({ conn, peer }) => {
    const large = new Uint8Array(200_000);
    conn.send("grün €");
    conn.send(new TextEncoder().encode("bytes"));
    conn.writeMessage(1, new TextEncoder().encode("€"));
    conn.writePreparedMessage(new PreparedMessage(1, "prepared €"));
    conn.writePreparedMessage(new PreparedMessage(2, new Uint8Array(126)));
    conn.send("x".repeat(65_536));
    await conn.send(large);
    for (const size of [9, 5, 3, 12, 126, 65_536, large.length]) {
      assertEquals((await peer.nextMessage()).length, size);
    }
    assertEquals(conn.stats.sent, {
      messages: 7,
      bytes: 9 + 5 + 3 + 12 + 126 + 65_536 + large.length,
      wireBytes: ofWire(
        (2 + ours) * 7 + 2 + 8 + 8 +
          9 + 5 + 3 + 12 + 126 + 65_536 + large.length,
      ),
    });
    assertEquals(conn.stats.received.messages, 0);
  });

  it("stats count a message of a writer once", async ({ conn, peer }) => {
    const writer = conn.nextWriter(1).getWriter();
    for (const part of ["in ", "pieces €"]) await writer.write(part);
    await writer.close();
    assertEquals((await peer.nextMessage()).length, 13);
    const { messages, bytes } = conn.stats.sent;
    assertEquals([messages, bytes], [1, 13]);
  });

  it("stats keep the counts behind the end", async ({ conn, peer }) => {
    peer.text("one");
    await conn.readMessage();
    conn.terminate();
    peer.destroy();
    await conn.closed;
    assertEquals(conn.stats.received.messages, 1);
  });

  it("stats have the last round trip", async ({ conn, peer }) => {
    const ping = conn.ping("1");
    assertEquals(await peer.nextText(), [9, "1"]);
    assertEquals(conn.stats.roundTrip, undefined);
    peer.send(10, "1");
    const roundTrip = await ping;
    assertEquals(conn.stats.roundTrip, roundTrip);
    peer.send(10, "1");
    peer.send(10, "");
    peer.text("after");
    await conn.readMessage();
    assertEquals(conn.stats.roundTrip, roundTrip);
  }, { needs: ["ping", "controlHandlers"] });

  it(
    "stats have the round trip of keepalive's ping",
    async ({ conn, peer }) => {
      assertEquals((await peer.next()).opcode, 9);
      peer.send(10);
      await until(() => conn.stats.roundTrip !== undefined, "a round trip");
      assert(conn.stats.roundTrip! >= 0);
    },
    { needs: ["ping"], keepAlive: { interval: 40, timeout: 5_000 } },
  );
}
