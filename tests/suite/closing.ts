import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";

import { CloseError, formatCloseMessage } from "../../src/close.ts";
import { CloseSentError } from "../../src/errors.ts";
import { closePayload } from "../support/frames.ts";
import { withTimeout } from "../support/helper.ts";
import { behaviours, block, type Fixture, isPending, turn } from "./fixture.ts";

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
    peer.end();
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
      const code of [0, 999, 1004, 1016, 2999, 5000, NaN, "1000", null]
    ) {
      assertThrows(() => conn.close(code as number), RangeError);
    }
    for (const reason of [5, null, {}, new Uint8Array(1)]) {
      assertThrows(() => conn.close(1000, reason as string), TypeError);
    }
    for (const timeout of [0, -1, NaN, Infinity]) {
      assertThrows(() => conn.close(1000, "", { timeout }), RangeError);
    }
    assertEquals(conn.state, "open");
    conn.send("fine");
    assertEquals(await peer.nextText(), [1, "fine"]);
  });

  it(
    "a close frame behind what waits to be read keeps nobody from the end",
    async ({ conn, peer }) => {
      const frames = [
        peer.encode(2, "first ", { fin: false }),
        peer.encode(0, "half"),
        peer.encode(2, "second"),
        peer.encode(8, closePayload(1000)),
      ];
      peer.write(new Uint8Array(await new Blob(frames).arrayBuffer()));
      peer.end();
      const first = await conn.nextReader();
      await turn();
      // While it is waited for, nothing is too much: all the others come, too.
      assertEquals(await first.text(), "first half");
      const second = await conn.nextReader();
      await turn();
      await turn();
      assertEquals(await second.text(), "second");
      assertEquals(
        (await withTimeout(conn.closed, 5_000, "the end")).code,
        1000,
      );
    },
    { needs: ["streaming"], readBufferSize: 1, closeTimeout: 60_000 },
  );

  it("close() waits for a slow reader as long as it reads", async (link) => {
    const { conn, peer, inFlight } = link;
    peer.pause();
    // So many that the close frame is taken when most of them have been read.
    const payload = new Uint8Array(20_000);
    const count = Math.ceil(4 * inFlight / payload.length) + 60;
    for (let i = 0; i < count; i++) conn.send(payload);
    conn.close(4000, "all has come");
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      // Slower than closeTimeout altogether, never slower than its minimum.
      const due = start + 2_000 * i / count;
      while (performance.now() < due) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      peer.resume();
      assertEquals((await peer.nextMessage()).length, payload.length);
      peer.pause();
    }
    peer.resume();
    // A socket that was paused may have read on: then the peer has had the close
    // frame for long, and answers too late.
    assertEquals(await peer.nextClose(), [4000, "all has come"]);
  }, { needs: ["closeHandshake"], closeTimeout: 1_000 });

  it("close() with a timeout bounds all of it", async (link) => {
    const { conn } = link;
    await block(link);
    const info = await conn.close(4000, "", { timeout: 50 });
    assertEquals([info.code, info.wasClean], [1006, false]);
  }, { needs: ["closeHandshake"], closeTimeout: 60_000 });

  it("close() cuts a peer that takes nothing", async (link) => {
    const { conn } = link;
    await block(link);
    const info = await conn.close(4000);
    assertEquals([info.code, info.wasClean], [1006, false]);
  }, { needs: ["closeHandshake"], closeTimeout: 100 });

  it(
    "a close handler that reads to the end is no failure",
    async ({ conn, peer }) => {
      conn.setCloseHandler(async () => {
        for (;;) await conn.readMessage();
      });
      peer.close(4000, "bye");
      peer.end();
      const info = await conn.closed;
      assertEquals([info.code, info.reason, info.wasClean], [
        4000,
        "bye",
        true,
      ]);
    },
    { needs: ["closeHandler"] },
  );

  it(
    "a close handler whose write comes too late is no failure",
    async ({ conn, peer }) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      conn.setCloseHandler(async () => {
        await promise;
        await conn.send("late");
      });
      peer.close(4000, "bye");
      const end = conn.readMessage().catch(() => resolve());
      peer.end();
      await end;
      const info = await conn.closed;
      assertEquals([info.code, info.reason], [4000, "bye"]);
    },
    { needs: ["closeHandler"] },
  );

  it("close() cuts a reason at a character", async ({ conn, peer }) => {
    conn.close(1011, "x" + "é".repeat(100));
    assertEquals(await peer.nextClose(), [1011, "x" + "é".repeat(61)]);
  });

  it("close() cuts no character in the middle", async ({ conn, peer }) => {
    conn.close(1011, "xx" + "🦕".repeat(100));
    assertEquals(await peer.nextClose(), [1011, "xx" + "🦕".repeat(30)]);
  });

  it("close() sends a lone surrogate as U+FFFD", async ({ conn, peer }) => {
    conn.close(4000, "a\ud800");
    assertEquals(await peer.nextClose(), [4000, "a\ufffd"]);
  });

  it("close(1005) sends an empty close frame", async ({ conn, peer }) => {
    conn.close(1005, "not sent");
    const { opcode, payload } = await peer.next();
    assertEquals([opcode, payload.length], [8, 0]);
    assert(conn.state !== "open");
  });

  for (const code of [1006, 1015]) {
    it(
      `close(${code}) sends no close frame, and terminates`,
      async ({ conn }) => {
        const info = await conn.close(code, "not sent");
        assertEquals([info.code, info.wasClean, info.initiator], [
          1006,
          false,
          "local",
        ]);
      },
      { needs: ["terminate"] },
    );
  }

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
    peer.close();
    peer.end();
    assertEquals((await conn.closed).code, 1005);
  });

  it("writeControl() refuses close payloads that may not be sent", ({ conn }) => {
    const bad = [[3], [3, 237], [3, 238], [0, 0], [0x13, 0x88]];
    for (const payload of bad) {
      assertThrows(
        () => conn.writeControl(8, new Uint8Array(payload)),
        RangeError,
      );
    }
    assertThrows(
      () => conn.writeControl(8, new Uint8Array([3])),
      RangeError,
      "of 1 byte",
    );
    assertThrows(
      () => conn.writeControl(8, new Uint8Array([3, 232, 0xff])),
      TypeError,
    );
    assertEquals(conn.state, "open");
  });

  for (const code of [1000, 1001, 3000, 4999]) {
    it(`the peer's ${code} is echoed`, async ({ conn, peer }) => {
      peer.close(code, "theirs");
      assertEquals((await peer.nextClose())[0], code);
      peer.end();
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
    peer.end();
    const info = await conn.closed;
    assertEquals([info.code, info.reason, info.wasClean], [1005, "", true]);
  });

  it("close frames that cross are a clean end", async ({ conn, peer }) => {
    peer.pause();
    const closed = conn.close(4000, "ours");
    peer.close(4001, "theirs");
    peer.resume();
    assertEquals(await peer.nextClose(), [4000, "ours"]);
    peer.end();
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
      peer.end();
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
    peer.send(9, "unanswered");
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
      peer.end();
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
    peer.write(new Uint8Array(frames.flat()));
    peer.close(1000);
    peer.end();
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
    peer.end();
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
      peer.end();
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
      peer.end();
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
      peer.end();
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
        peer.end();
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
