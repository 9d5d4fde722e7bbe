import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";

import { CloseError } from "../../src/close.ts";
import { CloseSentError } from "../../src/errors.ts";
import type { ControlType } from "../../src/message.ts";
import { hex } from "../support/helper.ts";
import type { RawPeer } from "../support/raw_peer.ts";
import { behaviours, block, type Fixture, isPending } from "./fixture.ts";

/** Pings, pongs and their handlers. */
export function control(fixture: Fixture): void {
  const it = behaviours(fixture);

  // Bun has answered a ping before the handler runs.
  async function skipAnswer(peer: RawPeer): Promise<void> {
    if (fixture.engine === "native") {
      assertEquals((await peer.next()).opcode, 10);
    }
  }

  it("a ping is answered with its payload", async ({ conn, peer }) => {
    peer.send(9, "one");
    peer.send(9, "");
    peer.send(9, new Uint8Array(125).fill(7));
    assertEquals(await peer.nextText(), [10, "one"]);
    assertEquals(await peer.nextText(), [10, ""]);
    assertEquals((await peer.next()).payload, new Uint8Array(125).fill(7));
    assertEquals(conn.state, "open");
  });

  it("a pong that nobody asked for is ignored", async ({ conn, peer }) => {
    peer.send(10, "hi");
    peer.text("after");
    assertEquals((await conn.readMessage()).data, "after");
  });

  it(
    "handlers run in the order of the wire, read or not",
    async ({ conn, peer }) => {
      const events: string[] = [];
      const last = Promise.withResolvers<void>();
      const decode = (data: Uint8Array) => new TextDecoder().decode(data);
      conn.setPingHandler((data) => void events.push(`ping ${decode(data)}`));
      conn.setPongHandler((data) => {
        events.push(`pong ${decode(data)}`);
        if (data.length === 0) last.resolve();
      });
      peer.send(9, "1");
      peer.text("a");
      peer.send(10, "2");
      peer.send(1, "b", { fin: false });
      peer.send(9, "3");
      peer.send(0, "c");
      peer.send(10, "");
      await last.promise;
      assertEquals(events, ["ping 1", "pong 2", "ping 3", "pong "]);
      assertEquals((await conn.readMessage()).data, "a");
      assertEquals((await conn.readMessage()).data, "bc");
    },
    { needs: ["controlHandlers"] },
  );

  it(
    "a ping handler replaces the answer, null restores it",
    async ({ conn, peer }) => {
      const before = conn.pingHandler;
      const handler = () => conn.writeControl(10, "own");
      conn.setPingHandler(handler);
      assert(conn.pingHandler === handler);
      peer.send(9, "theirs");
      await skipAnswer(peer);
      assertEquals(await peer.nextText(), [10, "own"]);
      conn.setPingHandler(null);
      peer.send(9, "again");
      assertEquals(await peer.nextText(), [10, "again"]);
      // The default can be called by a handler of one's own.
      conn.setPingHandler((data) => before(data));
      peer.send(9, "wrapped");
      await skipAnswer(peer);
      assertEquals(await peer.nextText(), [10, "wrapped"]);
    },
    { needs: ["controlHandlers"] },
  );

  it("a handler's data is its own", async ({ conn, peer }) => {
    const kept: Uint8Array[] = [];
    const both = Promise.withResolvers<void>();
    conn.setPongHandler((data) => {
      kept.push(data);
      if (kept.length === 2) both.resolve();
    });
    peer.send(10, hex("01 02"));
    peer.send(10, hex("03 04"));
    await both.promise;
    kept[0]!.fill(9);
    assertEquals(kept[1], hex("03 04"));
  }, { needs: ["controlHandlers"] });

  for (const how of ["throws", "rejects"]) {
    it(
      `a ping handler that ${how} fails the connection`,
      async ({ conn, peer }) => {
        const own = new Error("own");
        conn.setPingHandler(() => {
          if (how === "throws") throw own;
          return Promise.reject(own);
        });
        peer.text("before");
        peer.send(9);
        await skipAnswer(peer);
        assertEquals((await peer.next()).opcode, 8);
        assertEquals((await conn.readMessage()).data, "before");
        assertEquals(await conn.readMessage().catch((e) => e), own);
        assertEquals(await conn.readMessage().catch((e) => e), own);
        peer.destroy();
        const info = await conn.closed;
        assertEquals([info.code, info.wasClean, info.initiator, info.cause], [
          1006,
          false,
          "local",
          own,
        ]);
      },
      { needs: ["controlHandlers"] },
    );
  }

  it(
    "a handler that throws no error fails the connection with one",
    async ({ conn, peer }) => {
      conn.setPongHandler(() => {
        throw "text";
      });
      peer.send(10);
      assertEquals(await peer.nextClose(), [1011, ""]);
      const error = await assertRejects(() => conn.readMessage(), Error);
      assertEquals(error.cause, "text");
    },
    { needs: ["controlHandlers"] },
  );

  it("a handler's promise is not waited for", async ({ conn, peer }) => {
    let pings = 0;
    conn.setPingHandler(() => {
      pings++;
      return new Promise(() => {});
    });
    peer.send(9);
    peer.send(9);
    peer.text("after");
    assertEquals((await conn.readMessage()).data, "after");
    assertEquals(pings, 2);
  }, { needs: ["controlHandlers"] });

  it("handlers may call whatever they like", async ({ conn, peer }) => {
    const read: Promise<unknown>[] = [];
    conn.setPingHandler(() => {
      read.push(conn.readMessage());
      conn.send("from handler");
      conn.setReadLimit(1000);
    });
    peer.text("1");
    peer.send(9);
    peer.text("2");
    await skipAnswer(peer);
    assertEquals(await peer.nextText(), [1, "from handler"]);
    assertEquals(await read[0], { type: 1, data: "1" });
    assertEquals((await conn.readMessage()).data, "2");
    conn.setPingHandler(() => conn.terminate());
    peer.send(9);
    peer.text("3");
    await conn.closed;
    const error = await assertRejects(() => conn.readMessage(), CloseError);
    assertEquals(error.code, 1006);
  }, { needs: ["controlHandlers"] });

  it("a handler may close the connection", async ({ conn, peer }) => {
    conn.setPingHandler(() => void conn.close(4000));
    peer.send(9);
    peer.text("after");
    assertEquals(await peer.nextClose(), [4000, ""]);
    assertEquals((await conn.readMessage()).data, "after");
  }, { needs: ["controlHandlers", "closeHandshake"] });

  it("ping() measures the round trip", async ({ conn, peer }) => {
    const trip = conn.ping();
    const frame = await peer.next();
    assertEquals(frame.opcode, 9);
    peer.send(10, frame.payload);
    const time = await trip;
    assert(time >= 0 && time < 10_000);
    const own = conn.ping("own");
    assertEquals(await peer.nextText(), [9, "own"]);
    peer.send(10, "own");
    await own;
  }, { needs: ["ping"] });

  it("ping() waits for the pong with its payload", async ({ conn, peer }) => {
    const first = conn.ping("1");
    const second = conn.ping("2");
    const third = conn.ping("3");
    for (let i = 0; i < 3; i++) await peer.next();
    peer.send(10, "other");
    peer.send(10, "");
    assert(await isPending(first));
    // RFC 6455, section 5.5.3: only the latest ping need be answered.
    peer.send(10, "2");
    await Promise.all([first, second]);
    assert(await isPending(third));
    peer.send(10, "3");
    await third;
  }, { needs: ["ping"] });

  it(
    "ping() takes a pong for all that have its payload",
    async ({ conn, peer }) => {
      const alike = [conn.ping("1"), conn.ping("2"), conn.ping("1")];
      const last = conn.ping("3");
      for (let i = 0; i < 4; i++) await peer.next();
      // RFC 6455, section 5.5.3: it may be of the latest alone.
      peer.send(10, "1");
      await Promise.all(alike);
      assert(await isPending(last));
      peer.send(10, "3");
      await last;
    },
    { needs: ["ping"] },
  );

  it(
    "ping() leaves the pong to the pong handler too",
    async ({ conn, peer }) => {
      const pongs: string[] = [];
      conn.setPongHandler((data) =>
        void pongs.push(new TextDecoder().decode(data))
      );
      const trip = conn.ping("a");
      await peer.next();
      peer.send(10, "a");
      await trip;
      assertEquals(pongs, ["a"]);
    },
    { needs: ["ping", "controlHandlers"] },
  );

  it(
    "ping() can be given up, and ends with the connection",
    async ({ conn, peer }) => {
      const abort = new AbortController();
      const given = conn.ping("1", { signal: abort.signal });
      const reason = new Error("own");
      abort.abort(reason);
      assertEquals(await given.catch((e) => e), reason);
      assertEquals(
        await conn.ping("2", { signal: abort.signal }).catch((e) => e),
        reason,
      );
      const left = conn.ping("3");
      peer.reset();
      await assertRejects(() => left, CloseError);
      await conn.closed;
      await assertRejects(() => conn.ping(), CloseError);
    },
    { needs: ["ping"] },
  );

  it("writeControl() sends pings and pongs", async ({ conn, peer }) => {
    await conn.writeControl(9);
    await conn.writeControl(10, "text");
    await conn.writeControl(9, hex("00 ff"));
    await conn.writeControl(9, new Uint8Array(125));
    assertEquals(await peer.nextText(), [9, ""]);
    assertEquals(await peer.nextText(), [10, "text"]);
    assertEquals((await peer.next()).payload, hex("00 ff"));
    assertEquals((await peer.next()).payload.length, 125);
  }, { needs: ["ping"] });

  it("writeControl() takes nothing but control frames", ({ conn }) => {
    for (const type of [0, 1, 2, 3, 11]) {
      assertThrows(() => conn.writeControl(type as ControlType), RangeError);
    }
    for (const type of [8, 9, 10] as const) {
      const long = new Uint8Array(126);
      assertThrows(() => conn.writeControl(type, long), RangeError);
      assertThrows(() => conn.writeMessage(type, long), RangeError);
      assertThrows(
        () => conn.writeControl(type, "é".repeat(63)),
        RangeError,
      );
      assertThrows(
        () => conn.writeControl(type, [1] as unknown as string),
        TypeError,
      );
    }
    assertThrows(() => conn.ping(new Uint8Array(126)), RangeError);
    assertThrows(() => conn.ping({} as string), TypeError);
    for (const handler of [undefined, 1, {}]) {
      const set = handler as unknown as null;
      assertThrows(() => conn.setPingHandler(set), TypeError);
      assertThrows(() => conn.setPongHandler(set), TypeError);
      assertThrows(() => conn.setCloseHandler(set), TypeError);
    }
    assertEquals(conn.state, "open");
  });

  it(
    "a lone surrogate in a control payload is sent as U+FFFD",
    async ({ conn, peer }) => {
      conn.writeControl(9, "a\ud800");
      assertEquals(await peer.nextText(), [9, "a\ufffd"]);
    },
    { needs: ["ping"] },
  );

  it(
    "ping() gives up a peer that answers with another payload",
    async ({ conn, peer }) => {
      const read = conn.readMessage().catch(() => {});
      const round = conn.ping("a");
      assertEquals(await peer.nextText(), [9, "a"]);
      const answer = setInterval(() => peer.send(10, "b"), 1);
      const error = await assertRejects(() => round, DOMException);
      clearInterval(answer);
      assertEquals([error.name, conn.state], ["TimeoutError", "open"]);
      assertMatch(error.message, /^Cannot measure round trip/);
      peer.text("alive");
      await read;
    },
    { needs: ["ping"], keepAlive: { interval: 200, timeout: 200 } },
  );

  it("writeControl() rejects past its deadline", async ({ conn, peer }) => {
    for (const type of [8, 9, 10] as const) {
      const error = await assertRejects(
        () => conn.writeControl(type, "", new Date(Date.now() - 1)),
        DOMException,
      );
      assertEquals(error.name, "TimeoutError");
    }
    assertThrows(
      () => conn.writeControl(9, "", new Date(NaN)),
      RangeError,
      "invalid date",
    );
    await conn.writeControl(9, "in time", new Date(Date.now() + 60_000));
    assertEquals(await peer.nextText(), [9, "in time"]);
  }, { needs: ["ping"] });

  it("writeControl() overtakes queued messages", async (link) => {
    const { conn, peer } = link;
    const unblock = await block(link);
    conn.send("queued");
    conn.writeControl(9, "overtaking");
    const next = (async () => {
      while (true) {
        const [opcode, text] = await peer.nextText();
        if (opcode === 9 || text === "queued") return text;
      }
    })();
    peer.resume();
    assertEquals(await next, "overtaking");
    void unblock;
  }, { needs: ["ping"] });

  it(
    "a flood of pings costs one pong while the peer does not read",
    async (link) => {
      const { conn, peer } = link;
      const unblock = await block(link);
      const before = conn.bufferedAmount;
      for (let i = 0; i < 2000; i++) peer.send(9, `${i}`);
      peer.text("after");
      assertEquals((await conn.readMessage()).data, "after");
      assert(conn.bufferedAmount - before < 8192, `${conn.bufferedAmount}`);
      conn.send("end");
      peer.resume();
      const pongs: string[] = [];
      while (true) {
        const [opcode, text] = await peer.nextText();
        if (opcode === 10) pongs.push(text);
        if (text === "end") break;
      }
      // RFC 6455, section 5.5.3: the most recent one is enough.
      assertEquals(pongs.at(-1), "1999");
      assert(pongs.length < 10, `${pongs.length} pongs`);
      void unblock;
    },
    { needs: ["controlHandlers", "streaming"] },
  );

  it("controls after the end reject", async ({ conn, peer }) => {
    const info = conn.close(1000);
    await assertRejects(() => conn.writeControl(9), CloseSentError);
    await assertRejects(() => conn.writeControl(10), CloseSentError);
    await assertRejects(() => conn.writeControl(8), CloseSentError);
    await assertRejects(() => conn.ping(), CloseSentError);
    peer.close(1000);
    peer.end();
    await info;
    await assertRejects(() => conn.writeControl(9), CloseSentError);
    await assertRejects(() => conn.writeControl(8), CloseSentError);
    await assertRejects(() => conn.ping(), CloseSentError);
  }, { needs: ["ping"] });
}
