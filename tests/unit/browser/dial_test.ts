import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { serve } from "../../../mod.ts";
import type { Conn as ServerConn, ServeOptions } from "../../../mod.ts";
import {
  CloseError,
  Conn,
  connFrom,
  dial,
  DialError,
  ReadLimitError,
  UnsupportedError,
} from "../../../src/browser/mod.ts";
import { deferred, hex, test } from "../../support/helper.ts";

/** A server, and a connection to it by the platform's own WebSocket. */
async function withConn(
  onConn: (conn: ServerConn) => Promise<void>,
  fn: (conn: Conn, url: string) => Promise<void>,
  options: ServeOptions = {},
): Promise<void> {
  await using server = await serve(onConn, {
    port: 0,
    hostname: "127.0.0.1",
    onError: () => {},
    ...options,
  });
  const url = `ws://127.0.0.1:${server.addr.port}/`;
  const { conn } = await dial(url);
  try {
    await fn(conn, url);
  } finally {
    await conn.close();
  }
}

async function echo(conn: ServerConn): Promise<void> {
  for await (const { type, data } of conn) await conn.writeMessage(type, data);
}

test("dial() gives a Conn, which says what the platform cannot do", async () => {
  await withConn(echo, async (conn) => {
    assertInstanceOf(conn, Conn);
    assertEquals([conn.engine, conn.state], ["native", "open"]);
    assertEquals(conn.capabilities, {
      ping: false,
      controlHandlers: false,
      closeHandler: true,
      streaming: false,
      compression: false,
      readBackpressure: false,
      readLimit: false,
      writeLimit: true,
      closeHandshake: true,
      terminate: false,
    });
    await conn.send("Hello");
    assertEquals(await conn.readMessage(), { type: 1, data: "Hello" });
    await conn.send(hex("00 01"));
    assertEquals(await conn.readMessage(), { type: 2, data: hex("00 01") });
    await conn.writeMessage(1, hex("48 c3 a4"));
    assertEquals((await conn.readMessage()).data, "Hä");
    await conn.writeMessage(2, "text");
    assertEquals((await conn.readMessage()).data, hex("74 65 78 74"));
    await conn.writeJSON([1]);
    assertEquals(await conn.readJSON(), [1]);
    assertThrows(() => conn.ping(), UnsupportedError);
    assertThrows(() => conn.setPingHandler(() => {}), UnsupportedError);
    assertThrows(() => conn.writeControl(9), UnsupportedError);
    for (const code of [1001, 1002, 1011]) {
      const error = assertThrows(() => conn.close(code), UnsupportedError);
      assertMatch(error.message, /use 1000, 1005 for none, or 3000 to 4999/);
    }
    assertEquals(conn.state, "open");
  });
});

test("dial() offers subprotocols", async () => {
  await using server = await serve(echo, {
    port: 0,
    upgrader: { subprotocols: ["b"] },
  });
  const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}`, {
    subprotocols: ["a", "b"],
  });
  assertEquals(conn.subprotocol, "b");
  await conn.close();
});

test("dial() rejects where there is no connection, and with its signal's reason", async () => {
  const error = await assertRejects(() => dial("ws://127.0.0.1:1/"), DialError);
  assertEquals([error.phase, error.address], ["connect", "127.0.0.1:1"]);
  const reason = new Error("Enough");
  const aborted = AbortSignal.abort(reason);
  assertEquals(
    await assertRejects(() => dial("ws://127.0.0.1:1/", { signal: aborted })),
    reason,
  );
  const came = deferred();
  const hold = deferred<Response>();
  await using server = await serve(echo, {
    port: 0,
    upgrader: {
      authorize: () => {
        came.resolve();
        return hold.promise;
      },
    },
  });
  const controller = new AbortController();
  const { signal } = controller;
  const url = `ws://127.0.0.1:${server.addr.port}`;
  const dialing = assertRejects(() => dial(url, { signal }));
  await came.promise;
  controller.abort(reason);
  assertEquals(await dialing, reason);
  hold.resolve(new Response(null, { status: 403 }));
  await assertRejects(() => dial(url, { header: {} } as never), TypeError);
});

test("Conn of a page ends with the peer's code, and closes with its own", async () => {
  const ended = deferred<number>();
  await withConn(async (conn) => {
    const { data } = await conn.readMessage();
    if (data === "close") await conn.close(4001, "bye");
    ended.resolve((await conn.closed).code);
  }, async (conn, url) => {
    await conn.send("close");
    const error = await assertRejects(() => conn.readMessage(), CloseError);
    assertEquals([error.code, error.reason], [4001, "bye"]);
    const { code, wasClean, initiator } = await conn.closed;
    assertEquals([code, wasClean, initiator], [4001, true, "remote"]);
    assertEquals(await ended.promise, 4001);
    const { conn: other } = await dial(url);
    const info = await other.close(4002, "mine");
    assertEquals([info.code, info.initiator], [4002, "local"]);
  });
});

test("Conn of a page that is terminated is over at once", async () => {
  await withConn(echo, async (conn) => {
    conn.terminate();
    assertEquals((await conn.closed).code, 1006);
    await assertRejects(() => conn.send("late"));
  });
});

test("Conn of a page gathers the pieces of a writer, and sends them in its turn", async () => {
  await withConn(echo, async (conn) => {
    const writer = conn.nextWriter(1).getWriter();
    conn.send("behind");
    await writer.write("H");
    await writer.write(hex("c3"));
    await writer.write(hex("a4"));
    await writer.write("\ud83d");
    await writer.write("\ude00");
    await writer.close();
    assertEquals((await conn.readMessage()).data, "Hä\u{1f600}");
    assertEquals((await conn.readMessage()).data, "behind");
    const binary = conn.nextWriter(2).getWriter();
    const bytes = hex("01");
    await binary.write(bytes);
    bytes.fill(9);
    await binary.write("a");
    await binary.close();
    assertEquals((await conn.readMessage()).data, hex("01 61"));
    // One that is given up is not sent, and lets others go on.
    const aborted = conn.nextWriter(1).getWriter();
    await aborted.write("never");
    await aborted.abort();
    const controller = new AbortController();
    conn.nextWriter(1, { signal: controller.signal });
    controller.abort();
    await conn.send("next");
    assertEquals((await conn.readMessage()).data, "next");
    // Piped from a reader, as a copy.
    conn.send("copied");
    const { type, readable } = await conn.nextReader();
    await readable.pipeTo(conn.nextWriter(type));
    assertEquals((await conn.readMessage()).data, "copied");
  });
});

test("Conn of a page is failed by a chunk that is no message", async () => {
  for (const chunk of [1, hex("ff")]) {
    await withConn(echo, async (conn) => {
      const writer = conn.nextWriter(1).getWriter();
      await assertRejects(async () => {
        await writer.write(chunk as never);
        await writer.close();
      }, TypeError);
      await assertRejects(() => conn.readMessage(), TypeError);
    });
  }
});

test("Conn of a page has its streams, bytes and JSON", async () => {
  await withConn(async (conn) => {
    for (const data of ["{", "1", "2"]) await conn.send(data);
    await conn.readMessage();
    await conn.close(1000);
  }, async (conn) => {
    const values: unknown[] = [];
    const json = conn.json(undefined, {
      onInvalid: () => void values.push("!"),
    });
    values.push((await json.next()).value, (await json.next()).value);
    assertEquals(values, ["!", 1, 2]);
    await conn.send("enough");
    assertEquals(await new Response(conn.bytes).text(), "");
  });
});

test("Conn of a page fails a peer of which too much is unread", async () => {
  await withConn(async (conn) => {
    for (let i = 0; i < 1_100; i++) await conn.send("x");
    await conn.closed;
  }, async (conn) => {
    const error = await assertRejects(async () => {
      await conn.closed;
      for (;;) await conn.readMessage();
    }, ReadLimitError);
    assertMatch(error.message, /cannot stop its peer/);
  });
});

test("Conn of a page refuses messages over its read limit", async () => {
  await withConn(echo, async (conn) => {
    conn.setReadLimit(4);
    await conn.send("1234");
    assertEquals((await conn.readMessage()).data, "1234");
    conn.send("ä".repeat(3));
    await assertRejects(() => conn.readMessage(), ReadLimitError);
  });
});

test("connFrom() takes a socket that connects, is open, or is closed", async () => {
  await withConn(echo, async (_, url) => {
    const connecting = new WebSocket(url);
    const early = connFrom(connecting);
    early.send("early");
    assert(early.bufferedAmount > 0);
    assertEquals((await early.readMessage()).data, "early");
    await early.close();

    const socket = new WebSocket(url);
    await new Promise((resolve) => socket.onopen = resolve);
    const conn = connFrom(socket);
    await conn.send("open");
    assertEquals((await conn.readMessage()).data, "open");
    await conn.close();

    const over = new WebSocket(url);
    await new Promise((resolve) => {
      over.onopen = () => over.close();
      over.onclose = resolve;
    });
    assertEquals((await connFrom(over).closed).code, 1006);
  });
});

test("connFrom() refuses what is no WebSocket", () => {
  class Channel extends EventTarget {
    readyState = "open"; // as an RTCDataChannel's
    send() {}
    close() {}
  }
  const none = [
    undefined,
    null,
    {},
    "ws://localhost/",
    new EventTarget(),
    new Channel(),
  ];
  for (const value of none) {
    assertThrows(
      () => connFrom(value as never),
      TypeError,
      "it must be over a WebSocket",
    );
  }
});

test("connFrom() takes a socket once", async () => {
  await withConn(echo, async (_, url) => {
    const socket = new WebSocket(url);
    const conn = connFrom(socket);
    const error = assertThrows(() => connFrom(socket), DOMException);
    assertEquals(error.name, "InvalidStateError");
    // The first has it still, also when it is over.
    await conn.send("a");
    assertEquals((await conn.readMessage()).data, "a");
    await conn.close();
    assertThrows(() => connFrom(socket), DOMException);
  });
});

test("Conn of a page waits for a peer that reads slowly", async () => {
  const read = deferred();
  await withConn(async (conn) => {
    await read.promise;
    for await (const _ of conn);
  }, async (conn) => {
    let isTaken = false;
    const chunk = new Uint8Array(2 ** 20);
    const sends = Array.from({ length: 32 }, () => conn.send(chunk));
    const all = Promise.all(sends).then(() => isTaken = true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assertEquals(isTaken, false);
    read.resolve();
    await all;
    assertEquals(conn.state, "open");
  });
});
