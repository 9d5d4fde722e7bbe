import { assert, assertEquals, assertInstanceOf } from "@std/assert";

import { CloseError } from "../../../src/close.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import { CloseSentError } from "../../../src/errors.ts";
import { connOver } from "../../../src/conn_over.ts";
import {
  type OnConn,
  type OnError,
  runConn,
} from "../../../src/server/run_handler.ts";
import { serveNative } from "../../support/native.ts";
import { closePayload, maskedFrame, RawPeer } from "../../support/raw_peer.ts";
import type { ByteReceiver } from "../../../src/transport/byte_stream.ts";
import { deferred, runtime, test, withTimeout } from "../../support/helper.ts";
import { peerOf, PLACES, serveAt } from "../../support/servers.ts";
import { until } from "../../suite/fixture.ts";

/** Runs a handler on one connection, and checks that the server goes on. */
async function withConn(
  onConn: OnConn,
  body: (peer: RawPeer) => Promise<void>,
  onError?: OnError,
): Promise<void> {
  let first = true;
  const unexpected: unknown[] = [];
  await using server = serveNative((conn, request) => {
    if (!first) return;
    first = false;
    return onConn(conn, request);
  }, { onError: onError ?? ((error) => unexpected.push(error)) });
  const { peer } = await RawPeer.upgrade(server.port);
  using _ = peer;
  await body(peer);
  const { peer: next, head } = await RawPeer.upgrade(server.port);
  using __ = next;
  assert(head.startsWith("HTTP/1.1 101 "));
  assertEquals(unexpected, []);
}

/** The code of the close frame that comes next, answered. */
async function closeCode(peer: RawPeer): Promise<number> {
  for (;;) {
    const frame = await peer.frame();
    if (frame === undefined) throw new Error("There is no close frame");
    if (frame.opcode !== 8) continue;
    const [high = 0, low = 0] = frame.payload;
    peer.send(8, frame.payload);
    return high << 8 | low;
  }
}

test("runConn() closes with 1000 when the handler's promise fulfils", async () => {
  await withConn(async (conn) => {
    await conn.send("one");
  }, async (peer) => {
    assertEquals((await peer.frame())?.opcode, 1);
    assertEquals(await closeCode(peer), 1000);
  });
});

test("runConn() leaves open what a handler without a promise has taken", async () => {
  const taken = deferred<Conn>();
  await withConn((conn) => taken.resolve(conn), async (peer) => {
    const conn = await taken.promise;
    peer.send(1, "later");
    assertEquals((await conn.readMessage()).data, "later");
    assertEquals(conn.state, "open");
  });
});

for (
  const [when, onConn] of Object.entries<OnConn>({
    "at once": () => {
      throw new TypeError("secret");
    },
    "in a promise": () => Promise.reject(new TypeError("secret")),
    "after a read": async (conn) => {
      await conn.readMessage();
      throw new TypeError("secret");
    },
    "while another read waits": async (conn) => {
      conn.readMessage().catch(() => {});
      await Promise.resolve();
      throw new TypeError("secret");
    },
  })
) {
  test(`runConn() closes with 1011 for a throw ${when}`, async () => {
    const reported = deferred<[unknown, Conn | undefined]>();
    await withConn(onConn, async (peer) => {
      peer.send(1, "x");
      const frame = await peer.frame();
      assertEquals(frame?.payload, closePayload(1011));
      const [error, conn] = await reported.promise;
      assertInstanceOf(error, TypeError);
      assertEquals(typeof conn?.close, "function");
    }, (error, conn) => reported.resolve([error, conn]));
  });
}

test("runConn() closes with 1011 for a throw that is no error", async () => {
  const reported = deferred<unknown>();
  await withConn(() => Promise.reject(null), async (peer) => {
    assertEquals(await closeCode(peer), 1011);
    assertEquals(await reported.promise, null);
  }, (error) => reported.resolve(error));
});

test("runConn() survives an onError that throws", async () => {
  const { error: log } = console;
  const logged: unknown[] = [];
  console.error = (...args: unknown[]) => logged.push(...args);
  try {
    const failures: OnError[] = [
      () => {
        throw new Error("onError");
      },
      (async () => {
        await Promise.reject(new Error("onError"));
      }) as OnError,
    ];
    for (const onError of failures) {
      await withConn(() => {
        throw new Error("handler");
      }, async (peer) => {
        assertEquals(await closeCode(peer), 1011);
      }, onError);
    }
  } finally {
    console.error = log;
  }
  assertEquals(logged.map((error) => (error as Error).message), [
    "onError",
    "handler",
    "onError",
    "handler",
  ]);
});

test("runConn() reports to the console by default", async () => {
  const { error: log } = console;
  const logged = deferred<unknown>();
  console.error = logged.resolve;
  try {
    await using server = serveNative(() => {
      throw new RangeError("handler");
    });
    const { peer } = await RawPeer.upgrade(server.port);
    using _ = peer;
    assertEquals(await closeCode(peer), 1011);
    assertInstanceOf(await logged.promise, RangeError);
  } finally {
    console.error = log;
  }
});

test("runConn() takes the CloseError of its connection for a normal end", async () => {
  const ended = deferred<unknown>();
  await withConn(async (conn) => {
    try {
      await conn.readMessage();
    } catch (error) {
      // Not before `closed`, so that the error has been judged.
      conn.closed.then(() => setTimeout(() => ended.resolve(error), 0));
      throw error;
    }
  }, async (peer) => {
    peer.send(8, closePayload(4001, "bye"));
    assertInstanceOf(await ended.promise, CloseError);
  });
});

test("runConn() takes a write behind the peer's close for a normal end", async () => {
  const ended = deferred<unknown>();
  await withConn(async (conn) => {
    await conn.closed;
    try {
      await conn.send("late");
    } catch (error) {
      setTimeout(() => ended.resolve(error), 0);
      throw error;
    }
  }, async (peer) => {
    peer.send(8, closePayload(1000));
    assertInstanceOf(await ended.promise, CloseSentError);
  });
});

test("runConn() reports a write behind the handler's own close", async () => {
  const reported = deferred<unknown>();
  await withConn(async (conn) => {
    conn.close();
    await conn.send("late");
  }, async (peer) => {
    assertEquals(await closeCode(peer), 1000);
    assertInstanceOf(await reported.promise, CloseSentError);
  }, (error) => reported.resolve(error));
});

test("runConn() reports the CloseError of another connection", async () => {
  const reported = deferred<unknown>();
  await withConn(
    () => Promise.reject(new CloseError(1006, "another")),
    async (peer) => {
      assertEquals(await closeCode(peer), 1011);
      assertInstanceOf(await reported.promise, CloseError);
    },
    (error) => reported.resolve(error),
  );
});

test("runConn() takes a cut connection's 1006 for a normal end", async () => {
  for (const cut of ["end", "reset"] as const) {
    const ended = deferred<number>();
    await withConn(async (conn) => {
      try {
        for await (const _ of conn);
      } finally {
        conn.closed.then(({ code }) =>
          setTimeout(() => ended.resolve(code), 0)
        );
      }
    }, async (peer) => {
      peer[cut]();
      assertEquals(await ended.promise, 1006, `${cut} on ${runtime}`);
    });
  }
});

for (
  const [what, write] of Object.entries<(conn: Conn) => Promise<unknown>>({
    "a message": (conn) => conn.send("x"),
    "a large message": (conn) => conn.send(new Uint8Array(300_000)),
    "a ping": (conn) => conn.writeControl(9, "x"),
    "many pings": (conn) => {
      for (let i = 0; i < 1_000; i++) conn.writeControl(9, "x");
      return conn.writeControl(9, "x");
    },
    "a round trip": (conn) => conn.ping("x"),
    "a writer": (conn) => {
      const writer = conn.nextWriter(1).getWriter();
      writer.write("x").catch(() => {});
      return writer.close();
    },
  })
) {
  test(`runConn() takes ${what}, cut off before the peer's close frame is read, for a normal end`, async () => {
    let receiver!: ByteReceiver;
    let written: ((error?: unknown) => void) | undefined;
    const conn = connOver({
      start: (its) => void (receiver = its),
      write: (_, done) => void (written = done),
      pause() {},
      resume() {},
      end() {},
      destroy() {},
    }, { side: "server" });
    const reported: unknown[] = [];
    const failed = deferred<unknown>();
    // A write that waits, and one that comes after the stream has failed.
    for (const late of [false, true]) {
      runConn(conn, new Request("http://localhost/"), async () => {
        if (late) await failed.promise;
        for (;;) await write(conn);
      }, (error) => void reported.push(error));
    }
    await until(() => written !== undefined, "a write");
    written!(new Error("EPIPE"));
    failed.resolve(undefined);
    await Promise.resolve();
    receiver.data(maskedFrame(8, closePayload(4001, "bye")));
    receiver.closed();
    assertEquals((await conn.closed).code, 4001);
    await until(() => conn.state === "closed", "the end");
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(reported, []);
  });
}

for (const place of PLACES) {
  test(`runConn() takes a write to a peer that has gone for a normal end; ${place.name}`, async () => {
    const reported: unknown[] = [];
    let written = 0;
    const writing = deferred<Conn>();
    await using server = await serveAt(place, async (conn) => {
      writing.resolve(conn);
      // It reads nothing, and so stops a peer that floods.
      for (;; written++) await conn.send("x".repeat(1000));
    }, { onError: (error) => void reported.push(error) });
    const peer = await peerOf(place, server);
    const conn = await writing.promise;
    const payload = new Uint8Array(100);
    for (let i = 0; i < 5_000; i++) {
      peer.sendFrame({ opcode: 2, payload });
    }
    await until(() => written > 10, "a busy handler");
    peer.destroy();
    const { code } = await withTimeout(conn.closed, 5_000, "the end");
    assertEquals(code, 1006);
    // Its handler has failed by then.
    await until(() => server.conns.size === 0, "an end of the connection");
    assertEquals(reported, []);
  });
}
