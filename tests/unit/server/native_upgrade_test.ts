import { readdirSync } from "node:fs";

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";

import { CloseError, type CloseInfo } from "../../../src/close.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import { ReadLimitError, UnsupportedError } from "../../../src/errors.ts";
import { PreparedMessage } from "../../../src/prepared.ts";
import type { Capabilities } from "../../../src/transport/transport.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import {
  serveNative,
  startNative,
  startServer,
  withPair,
} from "../../support/native.ts";
import {
  closePayload,
  RawPeer,
  UPGRADE_HEADERS,
} from "../../support/raw_peer.ts";
import { deferred, runtime, test, withTimeout } from "../../support/helper.ts";
import { turn, until } from "../../suite/fixture.ts";

const EXPECTED: Record<"deno" | "bun", Capabilities> = {
  deno: {
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
  },
  bun: {
    ping: true,
    controlHandlers: true,
    closeHandler: true,
    streaming: false,
    compression: true,
    readBackpressure: true,
    readLimit: true,
    writeLimit: true,
    closeHandshake: false,
    terminate: true,
  },
};

const UTF8 = new TextEncoder();

test("native engine declares the capabilities of its runtime", async () => {
  await withPair(async (conn) => {
    await Promise.resolve();
    assertEquals(conn.engine, "native");
    assertEquals(conn.capabilities, EXPECTED[runtime]);
    assert(Object.isFrozen(conn.capabilities));
  });
});

test("native engine keeps its word on ping", async () => {
  await withPair(async (conn, peer) => {
    if (conn.capabilities.ping) {
      const roundTrip = conn.ping("hey");
      const frame = await peer.frame();
      assertEquals([frame?.opcode, frame?.payload], [9, UTF8.encode("hey")]);
      peer.send(10, "hey");
      assert(await roundTrip >= 0);
      await conn.writeControl(10, "unasked");
      assertEquals((await peer.frame())?.opcode, 10);
    } else {
      assertThrows(() => conn.ping(), UnsupportedError);
      assertThrows(() => conn.writeControl(9), UnsupportedError);
      assertThrows(() => conn.writeControl(10), UnsupportedError);
    }
  });
});

test("native engine keeps its word on controlHandlers", async () => {
  await withPair(async (conn, peer) => {
    conn.setPingHandler(null);
    conn.setPongHandler(null);
    if (conn.capabilities.controlHandlers) {
      const ping = deferred<Uint8Array>();
      const pong = deferred<Uint8Array>();
      conn.setPingHandler(ping.resolve);
      conn.setPongHandler(pong.resolve);
      peer.send(9, "p1");
      peer.send(10, "p2");
      assertEquals(await ping.promise, UTF8.encode("p1"));
      assertEquals(await pong.promise, UTF8.encode("p2"));
    } else {
      assertThrows(() => conn.setPingHandler(() => {}), UnsupportedError);
      assertThrows(() => conn.setPongHandler(() => {}), UnsupportedError);
      peer.send(9, "p1");
    }
    // Answered once, by the runtime.
    const frame = await peer.frame();
    assertEquals([frame?.opcode, frame?.payload], [10, UTF8.encode("p1")]);
    await conn.send("next");
    assertEquals((await peer.frame())?.opcode, 1);
  });
});

test("native engine keeps its word on closeHandler", async () => {
  await withPair(async (conn, peer) => {
    const handled = deferred<[number, string]>();
    conn.setCloseHandler((code, reason) => handled.resolve([code, reason]));
    peer.send(8, closePayload(4321, "so long"));
    assertEquals(await handled.promise, [4321, "so long"]);
    // The runtime has echoed it.
    assertEquals((await peer.frame())?.payload, closePayload(4321, "so long"));
    assertEquals(await conn.closed, {
      code: 4321,
      reason: "so long",
      wasClean: true,
      initiator: "remote",
    });
  });
});

test("native engine keeps its word on streaming", async () => {
  await withPair(async (conn, peer) => {
    assertEquals(conn.capabilities.streaming, false);
    const writer = conn.nextWriter(1).getWriter();
    await writer.write("in ");
    await writer.write("pieces");
    await writer.close();
    const frame = await peer.frame();
    assertEquals([frame?.fin, frame?.opcode], [true, 1]);
    assertEquals(frame?.payload, UTF8.encode("in pieces"));
    let begun = false;
    const reader = conn.nextReader().then((reader) => {
      begun = true;
      return reader;
    });
    peer.send(1, "wh", { fin: false });
    peer.send(9);
    assertEquals((await peer.frame())?.opcode, 10);
    assertEquals(begun, false);
    peer.send(0, "ole");
    assertEquals(await (await reader).text(), "whole");
  });
});

test("native engine keeps its word on compression", async () => {
  await using server = startNative({ enableCompression: { threshold: 10 } });
  const { peer, head } = await RawPeer.upgrade(server.port, [
    "Sec-WebSocket-Extensions: permessage-deflate",
  ]);
  using _ = peer;
  const { conn } = await server.accept();
  const { compression } = conn.capabilities;
  assertEquals(
    head.toLowerCase().includes("permessage-deflate"),
    compression,
  );
  const frames: [rsv: number | undefined, length: number | undefined][] = [];
  const next = async () => {
    const frame = await peer.frame();
    frames.push([frame?.rsv, frame?.payload.length]);
  };
  await conn.send("short");
  await next();
  conn.enableWriteCompression(false);
  await conn.send("a".repeat(1000));
  await next();
  assertEquals(frames, [[0, 5], [0, 1000]]);
  conn.enableWriteCompression(true);
  conn.setCompressionLevel(9);
  await conn.send("a".repeat(1000));
  const frame = await peer.frame();
  assertEquals(frame?.rsv, compression ? 4 : 0);
  assertEquals(frame!.payload.length < 100, compression);
  conn.terminate();
});

test("native engine does not compress unless it is told to", async () => {
  await using server = startNative();
  const { peer, head } = await RawPeer.upgrade(server.port, [
    "Sec-WebSocket-Extensions: permessage-deflate",
  ]);
  using _ = peer;
  assert(!head.toLowerCase().includes("permessage-deflate"));
});

test("native engine keeps its word on readBackpressure", async () => {
  await withPair(async (conn, peer) => {
    const payload = new Uint8Array(1000);
    if (conn.capabilities.readBackpressure) {
      // Far more than is read ahead, far less than the kernel holds: the ping
      // behind it is heard only when somebody reads.
      for (let i = 0; i < 2000; i++) peer.send(2, payload);
      peer.send(9, "behind");
      for (let i = 0; i < 2000; i++) await conn.readMessage();
      const frame = await peer.frame();
      assertEquals([frame?.opcode, frame?.payload], [
        10,
        UTF8.encode("behind"),
      ]);
      assertEquals(conn.state, "open");
    } else {
      for (let i = 0; i < 1025; i++) peer.send(2, payload);
      const frame = await peer.frame();
      assertEquals(frame?.payload, closePayload(1008));
      peer.send(8, closePayload(1008));
      const { code, cause } = await conn.closed;
      assertEquals(code, 1006);
      assertInstanceOf(cause, ReadLimitError);
      assertEquals((await conn.readMessage()).type, 2);
    }
  });
});

test("native engine bounds unread bytes by readLimit", async () => {
  await withPair(async (conn, peer) => {
    if (conn.capabilities.readBackpressure) return;
    for (let i = 0; i < 4; i++) peer.send(2, new Uint8Array(900));
    assertEquals((await peer.frame())?.payload, closePayload(1008));
    peer.send(8, closePayload(1008));
    assertInstanceOf((await conn.closed).cause, ReadLimitError);
  }, { readLimit: 3000 });
});

test("native engine fails a message over the read limit with 1009", async () => {
  const cases: [opcode: number, payload: string | Uint8Array][] = [
    [2, new Uint8Array(101)],
    [1, "a".repeat(101)],
    [1, "ä".repeat(51)],
    [1, "日".repeat(34)],
  ];
  for (const [opcode, payload] of cases) {
    await withPair(async (conn, peer) => {
      peer.send(2, new Uint8Array(100));
      assertEquals((await conn.readMessage()).data.length, 100);
      peer.send(1, "日".repeat(33));
      assertEquals((await conn.readMessage()).data.length, 33);
      peer.send(opcode, payload);
      await assertRejects(() => conn.readMessage(), ReadLimitError);
      const frame = await peer.frame();
      assertEquals(frame?.payload.slice(0, 2), closePayload(1009));
      peer.send(8, closePayload(1009));
      const info = await conn.closed;
      assertEquals([info.code, info.wasClean], [1006, false]);
      assertInstanceOf(info.cause, ReadLimitError);
      await assertRejects(() => conn.readMessage(), ReadLimitError);
    }, { readLimit: 100 });
  }
});

test("native engine's setReadLimit() lowers the limit", async () => {
  await withPair(async (conn, peer) => {
    conn.setReadLimit(10);
    peer.send(2, new Uint8Array(11));
    await assertRejects(() => conn.readMessage(), ReadLimitError);
    assertEquals((await peer.frame())?.payload, closePayload(1009));
    peer.send(8, closePayload(1009));
    await conn.closed;
  });
});

test("native engine keeps its word on terminate", async () => {
  await withPair(async (conn, peer) => {
    conn.terminate();
    // Ours is over at once on both.
    assertEquals(conn.state, "closed");
    const info = await conn.closed;
    assertEquals([info.code, info.wasClean, info.initiator], [
      1006,
      false,
      "local",
    ]);
    if (conn.capabilities.terminate) {
      assertEquals(await peer.rest(), new Uint8Array(0));
    } else {
      // The socket is asked to go: it does when the peer answers.
      assertEquals((await peer.frame())?.payload, closePayload(1011));
      peer.send(8, closePayload(1011));
      assertEquals(await peer.rest(), new Uint8Array(0));
    }
  });
});

test("native engine keeps its word on closeHandshake", async () => {
  await withPair(async (conn, peer) => {
    const closing = conn.close(4000, "bye");
    assertEquals((await peer.frame())?.payload, closePayload(4000, "bye"));
    if (conn.capabilities.closeHandshake) {
      assertEquals(conn.state, "closing");
      peer.send(8, closePayload(4000, "too"));
      assertEquals(await closing, {
        code: 4000,
        reason: "too",
        wasClean: true,
        initiator: "local",
      });
    } else {
      assertEquals(conn.state, "closed");
      assertEquals(await closing, {
        code: 4000,
        reason: "bye",
        wasClean: false,
        initiator: "local",
      });
    }
  });
});

test("native engine sends and reads text and binary whole", async () => {
  await withPair(async (conn, peer) => {
    conn.send("text ✓");
    conn.send(new Uint8Array([1, 2]));
    conn.writeMessage(1, UTF8.encode("\ufeffbytes"));
    conn.writeMessage(2, "string");
    conn.writePreparedMessage(new PreparedMessage(1, "prepared"));
    conn.writePreparedMessage(new PreparedMessage(1, UTF8.encode("\ufeffp")));
    conn.send("");
    conn.send(new Uint8Array(0));
    const got: [number | undefined, Uint8Array | undefined][] = [];
    for (let i = 0; i < 8; i++) {
      const frame = await peer.frame();
      got.push([frame?.opcode, frame?.payload]);
    }
    assertEquals(got, [
      [1, UTF8.encode("text ✓")],
      [2, new Uint8Array([1, 2])],
      [1, UTF8.encode("\ufeffbytes")],
      [2, UTF8.encode("string")],
      [1, UTF8.encode("prepared")],
      [1, UTF8.encode("\ufeffp")],
      [1, new Uint8Array(0)],
      [2, new Uint8Array(0)],
    ]);
    peer.send(1, "text ✓");
    peer.send(2, "\x01\x02");
    peer.send(1, "\ufeffbom");
    assertEquals(await conn.readMessage(), { type: 1, data: "text ✓" });
    const binary = await conn.readMessage();
    assertEquals(binary.data, new Uint8Array([1, 2]));
    assertEquals(Object.getPrototypeOf(binary.data), Uint8Array.prototype);
    assertEquals((await conn.readMessage()).data, "\ufeffbom");
  });
});

test("native engine sends what was written before the socket is open", async () => {
  const upgrader = new Upgrader();
  const info = deferred<CloseInfo>();
  await using server = startServer(async (request, target) => {
    const { conn, response } = await upgrader.upgrade(request, target);
    assert(conn !== undefined);
    conn.send("first");
    const bytes = new Uint8Array([1, 2, 3]);
    conn.send(bytes);
    bytes.fill(9);
    conn.send(new Uint8Array(200_000));
    info.resolve(conn.close(4000, "done"));
    return response;
  }, upgrader.websocket);
  const { peer } = await RawPeer.upgrade(server.port);
  using _ = peer;
  assertEquals((await peer.frame())?.payload, UTF8.encode("first"));
  assertEquals((await peer.frame())?.payload, new Uint8Array([1, 2, 3]));
  assertEquals((await peer.frame())?.payload.length, 200_000);
  assertEquals((await peer.frame())?.payload, closePayload(4000, "done"));
  peer.send(8, closePayload(4000));
  assertEquals((await info.promise).code, 4000);
});

test("native engine takes a reason without a code for one with the default", async () => {
  await withPair(async (conn, peer) => {
    conn.close(undefined, "only");
    assertEquals((await peer.frame())?.payload, closePayload(1000, "only"));
    peer.send(8, closePayload(1000));
    await conn.closed;
  });
});

test("native engine reports a peer that breaks the protocol", async () => {
  const cases: [name: string, frame: Uint8Array, code: number][] = [
    ["RSV1", new Uint8Array([0xc1, 0x80, 0, 0, 0, 0]), 1002],
    ["opcode 3", new Uint8Array([0x83, 0x80, 0, 0, 0, 0]), 1002],
    ["fragmented ping", new Uint8Array([0x09, 0x80, 0, 0, 0, 0]), 1002],
    ["stray continuation", new Uint8Array([0x80, 0x80, 0, 0, 0, 0]), 1002],
    ["invalid UTF-8", new Uint8Array([0x81, 0x81, 0, 0, 0, 0, 0xff]), 1007],
    ["close of 1 byte", new Uint8Array([0x88, 0x81, 0, 0, 0, 0, 3]), 1002],
    [
      "close code 1005",
      new Uint8Array([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed]),
      1002,
    ],
  ];
  for (const [name, frame, code] of cases) {
    await withPair(async (conn, peer) => {
      peer.write(frame);
      const info = await conn.closed;
      assertEquals([info.code, info.wasClean], [1006, false], name);
      const cause = info.cause as { name: string; code: number };
      assertEquals([cause.name, cause.code], ["ProtocolError", code], name);
      const error = await conn.readMessage().catch((error) => error);
      assertEquals(error, cause, name);
    });
  }
});

test("native engine ends once with 1006 when the peer goes, at any stage", async () => {
  const stages: Record<string, (conn: Conn, peer: RawPeer) => unknown> = {
    "idle": () => {},
    "reading": (conn) => void conn.readMessage().catch(() => {}),
    "inside a message": (_, peer) => peer.send(1, "part", { fin: false }),
    "inside a frame": (_, peer) => peer.write(new Uint8Array([0x81, 0xfe])),
    "sending": (conn) => conn.send(new Uint8Array(8 << 20)),
  };
  for (const [stage, prepare] of Object.entries(stages)) {
    for (const cut of ["end", "reset"] as const) {
      await withPair(async (conn, peer) => {
        const name = `${stage}, ${cut}`;
        const sent = prepare(conn, peer);
        peer[cut]();
        const info = await conn.closed;
        assertEquals(
          [info.code, info.wasClean, info.initiator],
          [1006, false, "network"],
          name,
        );
        if (sent !== undefined) await Promise.allSettled([sent]);
        const error = await assertRejects(() => conn.readMessage(), CloseError);
        assertEquals(error.code, 1006, name);
        await assertRejects(() => conn.send("late"), CloseError);
      });
    }
  }
});

test("native engine survives sends to a peer that has reset", async () => {
  await withPair(async (conn, peer) => {
    peer.reset();
    for (let i = 0; i < 1000; i++) conn.send(`message ${i}`);
    for (let i = 0; i < 10; i++) conn.send(new Uint8Array(100_000));
    assertEquals((await conn.closed).code, 1006);
  });
});

test("native engine ends when the peer never answers the close", async () => {
  await withPair(async (conn, peer) => {
    const info = await conn.close(4000, "", { timeout: 30 });
    assertEquals((await peer.frame())?.payload, closePayload(4000));
    assertEquals([info.wasClean, info.initiator], [false, "local"]);
    if (!conn.capabilities.closeHandshake) return;
    assertEquals(info.code, 1006);
    assertInstanceOf(info.cause, DOMException);
    assertEquals(info.cause.name, "TimeoutError");
  });
});

test("native engine waits for a slow reader, and drains", async () => {
  await withPair(async (conn, peer) => {
    peer.pause();
    const chunk = new Uint8Array(1 << 20);
    let sent = 0;
    let settled = false;
    // As much as the kernel takes; then a send waits.
    for (;;) {
      const wait = conn.send(chunk).then(() => settled = true);
      sent++;
      settled = false;
      await Promise.race([
        wait,
        new Promise((resolve) => setTimeout(resolve, 200)),
      ]);
      if (!settled) break;
    }
    assert(conn.bufferedAmount > 65_536);
    const last = conn.send("last");
    peer.resume();
    for (let i = 0; i < sent; i++) {
      assertEquals((await peer.frame())?.payload.length, 1 << 20);
    }
    assertEquals((await peer.frame())?.payload, UTF8.encode("last"));
    await withTimeout(last, 2000, "the last send");
    assertEquals(settled, true);
  });
});

/** Files that this process has open, sockets included; on Linux. */
function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}

/** The runtime has had its time to see what has happened on its sockets. */
async function noticed(): Promise<void> {
  // A busy loop of Deno looks for it only every 61st time.
  for (let i = 0; i < 500; i++) await turn();
}

for (const how of ["end", "reset"] as const) {
  test(`native engine upgrades nobody who has gone before, by ${how}`, async () => {
    const COUNT = 10;
    let asked = 0;
    let errors = 0;
    let conns = 0;
    const go = deferred();
    await using server = serveNative(() => void conns++, {
      checkOrigin: async () => {
        asked++;
        await go.promise;
        return true;
      },
      error: (_request, status) => {
        errors++;
        return new Response(null, { status });
      },
    });
    const before = openFiles();
    for (let i = 0; i < COUNT; i++) {
      using peer = await RawPeer.connect(server.port);
      peer.request(UPGRADE_HEADERS);
      await until(() => asked === i + 1, "the request");
      peer[how]();
    }
    await noticed();
    go.resolve();
    await until(() => openFiles() <= before, "the end of each socket");
    assertEquals([conns, errors], [0, 0]);
  });
}

test("Upgrader.upgrade() says that the client has gone", async () => {
  const asked = deferred();
  const go = deferred();
  const refused = deferred<unknown>();
  const upgrader = new Upgrader({
    authorize: async () => {
      asked.resolve();
      await go.promise;
    },
  });
  await using server = startServer(async (request, target) => {
    const upgraded = await upgrader.upgrade(request, target);
    if (upgraded.conn === undefined) refused.resolve(upgraded.error.message);
    return upgraded.response;
  }, upgrader.websocket);
  using peer = await RawPeer.connect(server.port);
  peer.request(UPGRADE_HEADERS);
  await asked.promise;
  peer.reset();
  await noticed();
  go.resolve();
  assertEquals(
    await refused.promise,
    "Cannot upgrade request: the client has gone",
  );
});

test("native engine keeps the server when handlers throw", async () => {
  await using server = startNative();
  const { peer } = await RawPeer.upgrade(server.port);
  using _ = peer;
  const { conn } = await server.accept();
  conn.setCloseHandler(() => {
    throw new RangeError("handler");
  });
  peer.send(8, closePayload(1000));
  const info = await conn.closed;
  assertEquals(info.code, 1006);
  assertInstanceOf(info.cause, RangeError);
  const { peer: next, head } = await RawPeer.upgrade(server.port);
  using __ = next;
  assert(head.startsWith("HTTP/1.1 101 "));
});

test("native engine serves the runtime's own client", async () => {
  await using server = startNative({ subprotocols: ["chat"] });
  const client = new WebSocket(server.url, ["other", "chat"]);
  const messages: unknown[] = [];
  const closed = deferred<CloseEvent>();
  client.onmessage = (event) => {
    messages.push(event.data);
    if (messages.length === 2) client.close(4002, "enough");
  };
  client.onclose = closed.resolve;
  const { conn } = await server.accept();
  conn.send("one");
  conn.send("two");
  const event = await closed.promise;
  assertEquals(messages, ["one", "two"]);
  assertEquals(client.protocol, "chat");
  assertEquals([event.code, event.reason], [4002, "enough"]);
  const info = await conn.closed;
  assertEquals([info.code, info.reason, info.wasClean], [4002, "enough", true]);
});
