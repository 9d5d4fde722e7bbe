import { assert, assertEquals, assertRejects } from "@std/assert";

import { CloseError, formatCloseMessage } from "../../src/close.ts";
import { CloseSentError } from "../../src/errors.ts";
import { behaviours, block, type Fixture, isPending } from "./fixture.ts";

/** The closing handshake, begun by either side. */
export function closing(fixture: Fixture): void {
  const it = behaviours(fixture);

  it("close() is a handshake", async ({ conn, peer }) => {
    assertEquals(conn.state, "open");
    const closed = conn.close(1001, "bye é");
    assertEquals(conn.state, "closing");
    assertEquals(await peer.nextClose(), [1001, "bye é"]);
    assert(await isPending(closed));
    peer.close(1001, "theirs");
    peer.finish();
    const info = {
      code: 1001,
      reason: "theirs",
      wasClean: true,
      initiator: "local" as const,
    };
    assertEquals(await closed, info);
    assertEquals(await conn.closed, info);
    assertEquals(conn.state, "closed");
  }, { needs: ["closeHandshake"] });

  it("close() sends 1000 unless told otherwise", async ({ conn, peer }) => {
    conn.close();
    assertEquals(await peer.nextClose(), [1000, ""]);
  });

  for (const code of [1000, 1003, 1007, 1014, 3000, 4999]) {
    it(`close(${code}) sends its code`, async ({ conn, peer }) => {
      conn.close(code, "x".repeat(123));
      assertEquals(await peer.nextClose(), [code, "x".repeat(123)]);
    });
  }

  it("close() refuses codes and reasons that may not be sent", async ({ conn, peer }) => {
    for (
      const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, NaN]
    ) {
      await assertRejects(() => conn.close(code), RangeError);
    }
    await assertRejects(() => conn.close(1000, "x".repeat(124)), RangeError);
    await assertRejects(() => conn.close(1000, "é".repeat(62)), RangeError);
    await assertRejects(() => conn.close(1000, "\ud800"), TypeError);
    await assertRejects(
      () => conn.close(1000, 5 as unknown as string),
      TypeError,
    );
    for (const timeout of [0, -1, NaN, Infinity]) {
      await assertRejects(() => conn.close(1000, "", { timeout }), RangeError);
    }
    assertEquals(conn.state, "open");
    conn.send("fine");
    assertEquals(await peer.nextText(), [1, "fine"]);
  });

  it("writeControl() sends a close frame", async ({ conn, peer }) => {
    await conn.writeControl(8, formatCloseMessage(4001, "own"));
    assert(conn.state !== "open");
    assertEquals(await peer.nextClose(), [4001, "own"]);
    await assertRejects(() => conn.send("x"), CloseSentError);
  });

  it("writeControl() sends a close frame without a code", async ({ conn, peer }) => {
    await conn.writeControl(8);
    const { opcode, payload } = await peer.next();
    assertEquals([opcode, payload.length], [8, 0]);
  });

  it("writeControl() refuses close payloads that may not be sent", async ({ conn }) => {
    const bad = [[3], [3, 237], [3, 238], [0, 0], [0x13, 0x88]];
    for (const payload of bad) {
      await assertRejects(
        () => conn.writeControl(8, new Uint8Array(payload)),
        RangeError,
      );
    }
    await assertRejects(
      () => conn.writeControl(8, new Uint8Array([3])),
      RangeError,
      "of 1 byte",
    );
    await assertRejects(
      () => conn.writeControl(8, new Uint8Array([3, 232, 0xff])),
      TypeError,
    );
    assertEquals(conn.state, "open");
  });

  for (const code of [1000, 1001, 3000, 4999]) {
    it(`the peer's ${code} is echoed`, async ({ conn, peer }) => {
      peer.close(code, "theirs");
      assertEquals((await peer.nextClose())[0], code);
      peer.finish();
      assertEquals(await conn.closed, {
        code,
        reason: "theirs",
        wasClean: true,
        initiator: "remote",
      });
      const error = await assertRejects(() => conn.readMessage(), CloseError);
      assertEquals([error.code, error.reason], [code, "theirs"]);
      await assertRejects(() => conn.send("x"), CloseSentError);
    });
  }

  it("the peer's close frame without a code is echoed so", async ({ conn, peer }) => {
    peer.close();
    assertEquals(await peer.nextClose(), [1005, ""]);
    peer.finish();
    const info = await conn.closed;
    assertEquals([info.code, info.reason, info.wasClean], [1005, "", true]);
  });

  it("close frames that cross are a clean end", async ({ conn, peer }) => {
    peer.pause();
    const closed = conn.close(4000, "ours");
    peer.close(4001, "theirs");
    peer.resume();
    assertEquals(await peer.nextClose(), [4000, "ours"]);
    peer.finish();
    const info = await closed;
    assertEquals([info.code, info.reason, info.wasClean], [
      4001,
      "theirs",
      true,
    ]);
  }, { needs: ["closeHandshake"] });

  it(
    "close() twice sends one frame and waits for one end",
    async ({ conn, peer }) => {
      const first = conn.close(4000);
      const second = conn.close(4001);
      assertEquals(await peer.nextClose(), [4000, ""]);
      peer.close(4000);
      peer.finish();
      assertEquals(await first, await second);
      assertEquals(await conn.close(), await first);
      await peer.ended;
      assertEquals(peer.pending, 0);
    },
    { needs: ["closeHandshake"] },
  );

  it("close() lets queued messages out first", async (link) => {
    const { conn, peer } = link;
    const unblock = await block(link);
    const queued = [conn.send("1"), conn.send(new Uint8Array(140_000))];
    conn.close(4000);
    await unblock();
    assertEquals(await peer.nextText(), [1, "1"]);
    assertEquals((await peer.nextMessage()).length, 140_000);
    assertEquals(await peer.nextClose(), [4000, ""]);
    await Promise.all(queued);
  });

  it("writes after close() reject with CloseSentError", async ({ conn, peer }) => {
    conn.close(4000);
    await assertRejects(() => conn.send("x"), CloseSentError);
    await assertRejects(() => conn.writeJSON(1), CloseSentError);
    await assertRejects(() => conn.writeMessage(2, "x"), CloseSentError);
    assertEquals(await peer.nextClose(), [4000, ""]);
    assertEquals(peer.pending, 0);
  });

  it("messages can be read after close()", async ({ conn, peer }) => {
    peer.text("before");
    conn.close();
    await peer.next();
    peer.text("after");
    peer.frame(9, "unanswered");
    peer.close(1000);
    assertEquals((await conn.readMessage()).data, "before");
    assertEquals((await conn.readMessage()).data, "after");
    const error = await assertRejects(() => conn.readMessage(), CloseError);
    assertEquals(error.code, 1000);
    assertEquals(peer.pending, 0);
  }, { engine: "wire" });

  it(
    "close() gets through to a peer's answer behind unread messages",
    async ({ conn, peer }) => {
      for (let i = 0; i < 500; i++) peer.binary(new Uint8Array(1000));
      const closed = conn.close();
      await peer.next();
      peer.close(1000);
      peer.finish();
      assertEquals((await closed).wasClean, true);
    },
    { engine: "wire", readBufferSize: 2000 },
  );

  it("who reads on after close() loses nothing", async ({ conn, peer }) => {
    const read: unknown[] = [];
    const reading = (async () => {
      for await (const { data } of conn) read.push(data);
    })();
    const closed = conn.close();
    await peer.next();
    const texts = Array.from({ length: 500 }, (_, i) => `${i}`);
    const frames = texts.map((text) => [...peer.encode(1, text)]);
    peer.bytes(new Uint8Array(frames.flat()));
    peer.close(1000);
    peer.finish();
    await reading;
    assertEquals(read, texts);
    assertEquals((await closed).wasClean, true);
  }, { engine: "wire", readBufferSize: 2000 });

  it(
    "a peer that never answers is cut at closeTimeout",
    async ({ conn, peer }) => {
      const closed = conn.close();
      assertEquals(await peer.nextClose(), [1000, ""]);
      const info = await closed;
      assertEquals([info.code, info.reason, info.wasClean, info.initiator], [
        1006,
        "",
        false,
        "local",
      ]);
      assertEquals((info.cause as DOMException).name, "TimeoutError");
      await peer.ended;
    },
    { needs: ["closeHandshake", "terminate"], closeTimeout: 50 },
  );

  it("close() takes a timeout of its own", async ({ conn, peer }) => {
    const info = await conn.close(1000, "", { timeout: 20 });
    assertEquals([info.code, info.wasClean], [1006, false]);
    await peer.ended;
  }, { needs: ["closeHandshake", "terminate"] });

  it(
    "a peer that answers and stays is cut, and was clean",
    async ({ conn, peer }) => {
      const closed = conn.close();
      await peer.next();
      peer.close(1000);
      const info = await closed;
      assertEquals([info.code, info.wasClean, info.cause], [
        1000,
        true,
        undefined,
      ]);
    },
    // Longer than a process is stalled.
    { needs: ["closeHandshake", "terminate"], closeTimeout: 500 },
  );

  it("dispose closes with 1000", async ({ conn, peer }) => {
    const disposed = (async () => {
      await using used = conn;
      assertEquals(used.state, "open");
    })();
    assertEquals(await peer.nextClose(), [1000, ""]);
    peer.close(1000);
    peer.finish();
    await disposed;
    assertEquals(conn.state, "closed");
    await conn[Symbol.asyncDispose]();
  });

  it("dispose cuts a peer that never answers", async ({ conn }) => {
    await conn[Symbol.asyncDispose]();
    assertEquals(conn.state, "closed");
  }, { needs: ["terminate"], closeTimeout: 50 });

  it(
    "a close handler runs first and may send its own answer",
    async ({ conn, peer }) => {
      const calls: unknown[] = [];
      conn.setCloseHandler((code, reason) => {
        calls.push([code, reason, conn.state]);
        conn.close(4001, "own");
      });
      peer.close(4000, "theirs");
      assertEquals(await peer.nextClose(), [4001, "own"]);
      peer.finish();
      const info = await conn.closed;
      assertEquals([info.code, info.wasClean, info.initiator], [
        4000,
        true,
        "remote",
      ]);
      assertEquals(calls, [[4000, "theirs", "closing"]]);
    },
    { needs: ["closeHandler", "closeHandshake", "controlHandlers"] },
  );

  it(
    "a close handler that answers nothing leaves the default",
    async ({ conn, peer }) => {
      let calls = 0;
      const handler = () => void calls++;
      conn.setCloseHandler(handler);
      assert(conn.closeHandler === handler);
      peer.close(4000);
      assertEquals((await peer.nextClose())[0], 4000);
      peer.finish();
      await conn.closed;
      assertEquals(calls, 1);
    },
    { needs: ["closeHandler"] },
  );

  it(
    "a close handler may finish its work before the echo",
    async ({ conn, peer }) => {
      conn.setCloseHandler(async () => {
        await conn.send("last words");
        await null;
      });
      peer.close(4000);
      assertEquals(await peer.nextText(), [1, "last words"]);
      assertEquals(await peer.nextClose(), [4000, ""]);
    },
    { needs: ["closeHandler", "closeHandshake", "controlHandlers"] },
  );

  it(
    "a close handler that never settles is not waited for long",
    async ({ conn, peer }) => {
      conn.setCloseHandler(() => new Promise(() => {}));
      peer.close(4000);
      assertEquals((await peer.nextClose())[0], 4000);
      peer.finish();
      assertEquals((await conn.closed).code, 4000);
    },
    { needs: ["closeHandler"], closeTimeout: 50 },
  );

  for (const how of ["throws", "rejects"]) {
    it(
      `a close handler that ${how} fails the connection`,
      async ({ conn, peer }) => {
        const own = new Error("own");
        conn.setCloseHandler(() => {
          if (how === "throws") throw own;
          return Promise.reject(own);
        });
        peer.close(4000);
        assertEquals(await peer.nextClose(), [1011, ""]);
        peer.finish();
        const { code, cause, wasClean } = await conn.closed;
        assertEquals([code, cause, wasClean], [1006, own, false]);
        const error = await conn.readMessage().catch((e) => e);
        assert(error === own || error instanceof CloseError);
        if (how === "throws") assert(error === own);
      },
      { needs: ["closeHandler", "closeHandshake", "controlHandlers"] },
    );
  }

  it(
    "setCloseHandler(null) restores the default, which can be wrapped",
    async ({ conn, peer }) => {
      const initial = conn.closeHandler;
      conn.setCloseHandler(() => void conn.close(4999));
      conn.setCloseHandler(null);
      let called = false;
      conn.setCloseHandler((code, reason) => {
        called = true;
        return initial(code, reason);
      });
      peer.close(4000);
      assertEquals((await peer.nextClose())[0], 4000);
      assert(called);
    },
    { needs: ["closeHandler"] },
  );

  it("a close handler may terminate", async ({ conn, peer }) => {
    conn.setCloseHandler(() => conn.terminate());
    peer.close(4000, "theirs");
    const info = await conn.closed;
    assertEquals([info.code, info.reason, info.wasClean], [
      4000,
      "theirs",
      false,
    ]);
    await peer.ended;
    assertEquals(peer.pending, 0);
  }, { needs: ["closeHandler", "terminate", "closeHandshake"] });
}
