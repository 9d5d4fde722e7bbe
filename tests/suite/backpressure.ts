import { assert, assertEquals } from "@std/assert";

import { behaviours, type Fixture, isPending, turn } from "./fixture.ts";

/** What happens when messages come faster than they are read. */
export function backpressure(fixture: Fixture): void {
  const it = behaviours(fixture);

  it(
    "a peer is stopped while nobody reads, and nothing is lost",
    async ({ conn, peer, inFlight }) => {
      const payload = new Uint8Array(4096);
      const count = Math.ceil(1.5 * inFlight / payload.length);
      let last = Promise.resolve();
      for (let i = 0; i < count; i++) {
        new DataView(payload.buffer).setUint32(0, i);
        last = peer.binary(payload);
      }
      assert(await isPending(last), "all was taken although nobody reads");
      for (let i = 0; i < count; i++) {
        const data = (await conn.readMessage()).data as Uint8Array;
        assertEquals(data.length, payload.length);
        assertEquals(
          new DataView(data.buffer, data.byteOffset).getUint32(0),
          i,
        );
      }
      await last;
      peer.text("last");
      assertEquals((await conn.readMessage()).data, "last");
    },
    { needs: ["readBackpressure"], readBufferSize: 4096 },
  );

  it(
    "a flood of empty messages stops the peer as well",
    async ({ conn, peer }) => {
      // More than any socket takes at once.
      const count = 100_000;
      let pinged = false;
      conn.setPingHandler(() => void (pinged = true));
      const frame = peer.encode(1);
      const flood = new Uint8Array(frame.length * count);
      for (let i = 0; i < count; i++) flood.set(frame, i * frame.length);
      peer.write(flood);
      peer.send(9);
      peer.text("last");
      for (let i = 0; i < 50; i++) await turn();
      for (let i = 0; i < count; i++) {
        assertEquals((await conn.readMessage()).data, "");
        if (i === 0) assert(!pinged, "the whole flood was buffered");
      }
      assertEquals((await conn.readMessage()).data, "last");
      assert(pinged);
    },
    { needs: ["readBackpressure", "controlHandlers"] },
  );

  it(
    "a flood of pongs stops the peer while their handlers have not settled",
    async ({ conn, peer }) => {
      // More than any socket takes at once.
      const count = 200_000;
      const first = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      let begun = 0;
      conn.setPongHandler(() => {
        begun++;
        first.resolve();
        return gate.promise;
      });
      const frame = peer.encode(10);
      const flood = new Uint8Array(frame.length * count);
      for (let i = 0; i < count; i++) flood.set(frame, i * frame.length);
      peer.write(flood);
      peer.text("last");
      // Somebody reads: that alone would let all of it in.
      const read = conn.readMessage();
      await first.promise;
      for (let before = -1; before !== begun;) {
        before = begun;
        for (let i = 0; i < 20; i++) await turn();
      }
      assert(begun < count, `${begun} handlers run`);
      gate.resolve();
      assertEquals((await read).data, "last");
      assertEquals(begun, count);
    },
    { needs: ["readBackpressure", "controlHandlers"] },
  );

  it(
    "a message over the read buffer's size is read whole",
    async ({ conn, peer }) => {
      const payload = new Uint8Array(50_000).map((_, i) => i);
      for (let i = 0; i < 3; i++) peer.binary(payload);
      await turn();
      for (let i = 0; i < 3; i++) {
        assertEquals((await conn.readMessage()).data, payload);
      }
    },
    { readBufferSize: 1000 },
  );

  it(
    "what came before an aborted read's pause is read later",
    async ({ conn, peer }) => {
      const abort = new AbortController();
      const read = conn.readMessage({ signal: abort.signal });
      const half = "x".repeat(3000);
      peer.send(1, half, { fin: false });
      peer.send(9);
      await peer.next();
      // More than the buffer's size is there: the abort stops the peer.
      abort.abort();
      await read.catch(() => {});
      peer.send(0, half);
      peer.text("next");
      for (let i = 0; i < 10; i++) await turn();
      assertEquals((await conn.readMessage()).data, half + half);
      assertEquals((await conn.readMessage()).data, "next");
    },
    { needs: ["controlHandlers"], readBufferSize: 1000 },
  );

  it("messages before a close frame are read", async ({ conn, peer }) => {
    for (let i = 0; i < 100; i++) peer.text(`${i}`);
    peer.close(1000);
    peer.end();
    for (let i = 0; i < 50; i++) await turn();
    const read: unknown[] = [];
    for await (const { data } of conn) read.push(data);
    assertEquals(read, Array.from({ length: 100 }, (_, i) => `${i}`));
  }, { readBufferSize: 1000 });

  it(
    "messages before an end without a close frame are read",
    async ({ conn, peer }) => {
      for (let i = 0; i < 100; i++) peer.text(`${i}`);
      peer.end();
      for (let i = 0; i < 50; i++) await turn();
      for (let i = 0; i < 100; i++) {
        assertEquals((await conn.readMessage()).data, `${i}`);
      }
      const error = await conn.readMessage().catch((error) => error);
      assertEquals(error.code, 1006);
    },
    { readBufferSize: 1000 },
  );
}
