import { assert, assertEquals, assertRejects } from "@std/assert";

import { behaviours, type Fixture, turn, until } from "./fixture.ts";

/** Keepalive: peers that fall silent. */
export function liveness(fixture: Fixture): void {
  const it = behaviours(fixture);
  const keepAlive = { interval: 40, timeout: 40 };

  it(
    "keepAlive pings, and fails a peer that stays silent",
    async ({ conn, peer }) => {
      const read = conn.readMessage();
      assertEquals((await peer.next()).opcode, 9);
      const error = await assertRejects(() => read, DOMException);
      assertEquals(error.name, "TimeoutError");
      assertEquals((await peer.nextClose())[0], 1001);
      peer.destroy();
      const info = await conn.closed;
      assertEquals([info.code, info.wasClean, info.initiator, info.cause], [
        1006,
        false,
        "local",
        error,
      ]);
    },
    { needs: ["ping"], keepAlive },
  );

  it("keepAlive cuts a peer that is gone", async ({ conn, peer }) => {
    peer.pause();
    const { code, cause } = await conn.closed;
    assertEquals([code, (cause as Error).name], [1006, "TimeoutError"]);
  }, { needs: ["ping"], keepAlive, closeTimeout: 50 });

  it("keepAlive cuts a peer that takes nothing", async ({ conn, peer }) => {
    peer.pause();
    const writing = assertRejects(async () => {
      for (;;) await conn.writeJSON({ i: 1 });
    });
    const { code, cause } = await conn.closed;
    assertEquals([code, (cause as Error).name], [1006, "TimeoutError"]);
    await writing;
    // Where a socket cannot be cut, as on native Deno, its operations outlive the
    // test: the liveness matrix has that.
  }, { needs: ["terminate"], keepAlive, closeTimeout: 50 });

  it("keepAlive takes traffic of any kind for life", async ({ conn, peer }) => {
    const end = performance.now() + 250;
    let i = 0;
    while (performance.now() < end) {
      // A part of a frame, a message, a pong that nobody asked for.
      const part = [peer.encode(1, "x"), peer.encode(10)][i++ % 2]!;
      peer.write(part.subarray(0, 1));
      await pause(5);
      peer.write(part.subarray(1));
      if (i % 2 === 1) assertEquals((await conn.readMessage()).data, "x");
    }
    assertEquals(conn.state, "open");
  }, {
    needs: ["ping", "streaming"],
    keepAlive: { interval: 100, timeout: 100 },
  });

  it("keepAlive is content with pongs", async ({ conn, peer }) => {
    for (let i = 0; i < 4; i++) {
      const { opcode, payload } = await peer.next();
      assertEquals(opcode, 9);
      peer.send(10, payload);
    }
    assertEquals(conn.state, "open");
  }, { needs: ["ping"], keepAlive: { interval: 20, timeout: 400 } });

  it(
    "keepAlive stands still while our own reading is paused",
    async ({ conn, peer, inFlight }) => {
      const payload = new Uint8Array(4096);
      const count = Math.ceil(inFlight / payload.length);
      for (let i = 0; i < count; i++) peer.binary(payload);
      await pause(200);
      assertEquals(conn.state, "open");
      for (let i = 0; i < count; i++) await conn.readMessage();
      const error = await assertRejects(() => conn.readMessage(), DOMException);
      assertEquals(error.name, "TimeoutError");
    },
    {
      needs: ["ping", "readBackpressure"],
      keepAlive,
      readBufferSize: 4096,
      closeTimeout: 50,
    },
  );

  it("keepAlive false never pings", async ({ conn, peer }) => {
    await pause(60);
    await turn();
    assertEquals(peer.pending, 0);
    assertEquals(conn.state, "open");
  }, { keepAlive: false });

  it("keepAlive ends with the connection", async ({ conn, peer }) => {
    await until(() => peer.pending > 0, "a ping");
    conn.close();
    conn.terminate();
    await conn.closed;
    assert(conn.state === "closed");
  }, { needs: ["ping"], keepAlive: { interval: 10, timeout: 1000 } });
}

/** Time passes: what is tested here is time itself. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
