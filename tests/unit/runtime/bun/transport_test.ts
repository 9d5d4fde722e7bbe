import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";

import type { Conn } from "../../../../src/conn/conn.ts";
import { UnsupportedError } from "../../../../src/errors.ts";
import type { HandshakeError } from "../../../../src/peer_errors.ts";
import type { BunServer } from "../../../../src/runtime/bun/types.ts";
import { Upgrader } from "../../../../src/server/upgrader.ts";
import { startServer, withPair } from "../../../support/native.ts";
import {
  closePayload,
  maskedFrame,
  RawPeer,
} from "../../../support/raw_peer.ts";
import { deferred, test } from "../../../support/helper.ts";

const only = "bun";

test(
  "Upgrader.websocket serves the connections of every Upgrader",
  async () => {
    const chat = new Upgrader({ subprotocols: ["chat"], readLimit: 1000 });
    const conns: (Conn | undefined)[] = [];
    const news = new Upgrader({ subprotocols: ["news"], readLimit: 500 });
    await using server = startServer(async (request, target) => {
      const upgrader = request.url.endsWith("/chat") ? chat : news;
      const { conn, response } = await upgrader.upgrade(request, target);
      if (conn !== undefined) conns.push(conn);
      return response;
    }, chat.websocket);
    for (const path of ["/chat", "/news"]) {
      using peer = await RawPeer.connect(server.port);
      peer.request([
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol: news, chat",
      ], { path });
      assertStringIncludes(
        (await peer.head()).toLowerCase(),
        `sec-websocket-protocol: ${path.slice(1)}\r\n`,
      );
      peer.send(1, path);
      assertEquals((await conns.at(-1)!.readMessage()).data, path);
    }
  },
  { only },
);

test(
  "Upgrader.upgrade() throws for a looser read limit than the server's",
  async () => {
    const strict = new Upgrader({ readLimit: 1000 });
    const loose = new Upgrader({ readLimit: 1001 });
    const thrown = deferred<unknown>();
    await using server = startServer(async (request, target) => {
      try {
        await loose.upgrade(request, target);
      } catch (error) {
        thrown.resolve(error);
      }
      return new Response();
    }, strict.websocket);
    const { peer } = await RawPeer.upgrade(server.port);
    using _ = peer;
    const error = await thrown.promise;
    assertInstanceOf(error, TypeError);
    assertStringIncludes(error.message, "1001");
    assertStringIncludes(error.message, "1000");
    // It has been cut.
    assertEquals(await peer.rest(), new Uint8Array(0));
  },
  { only },
);

test(
  "Upgrader.handler() reports a server that does not fit, and goes on",
  async () => {
    const reported: unknown[] = [];
    const conns: (Conn | undefined)[] = [];
    let handled = 0;
    const { fetch } = new Upgrader().handler(() => {
      handled++;
    }, {
      onError: (error, conn) => {
        reported.push(error);
        conns.push(conn);
      },
    });
    await using server = startServer(
      fetch,
      new Upgrader({ readLimit: 1000 }).websocket,
    );
    for (let i = 0; i < 2; i++) {
      const { peer } = await RawPeer.upgrade(server.port);
      using _ = peer;
      await peer.rest();
      assertEquals((await conns[i]?.closed)?.code, 1006);
    }
    assertEquals(reported.map((error) => error instanceof TypeError), [
      true,
      true,
    ]);
    assertEquals(handled, 0);
  },
  { only },
);

test(
  "Upgrader.upgrade() throws when Bun's websocket is not an Upgrader's",
  async () => {
    const thrown = deferred<unknown>();
    const upgrader = new Upgrader();
    const foreign = { message() {} } as unknown as Upgrader["websocket"];
    await using server = startServer(async (request, target) => {
      await upgrader.upgrade(request, target).catch(thrown.resolve);
      return new Response();
    }, foreign);
    const { peer } = await RawPeer.upgrade(server.port);
    using _ = peer;
    const error = await thrown.promise;
    assertInstanceOf(error, TypeError);
    assertStringIncludes(error.message, "must be the websocket of an Upgrader");
  },
  { only },
);

test("Upgrader.upgrade() answers 500 when Bun has no websocket", async () => {
  const refused = deferred<HandshakeError>();
  const upgrader = new Upgrader();
  await using server = startServer(async (request, target) => {
    const result = await upgrader.upgrade(request, target);
    if (result.conn === undefined) refused.resolve(result.error);
    return result.response;
  }, undefined);
  const { peer, head } = await RawPeer.upgrade(server.port);
  using _ = peer;
  assertStringIncludes(head, " 500 ");
  assertInstanceOf((await refused.promise).cause, Error);
}, { only });

test(
  "Upgrader.websocket closes a socket that no Upgrader has made",
  async () => {
    await using server = startServer((request, target) => {
      (target as BunServer).upgrade(request, { data: { user: 1 } });
      return undefined;
    }, new Upgrader().websocket);
    const { peer } = await RawPeer.upgrade(server.port);
    using _ = peer;
    assertEquals((await peer.frame())?.payload, closePayload(1011));
  },
  { only },
);

test("Upgrader.websocket has the limits of its Upgrader", () => {
  const { websocket } = new Upgrader({
    readLimit: 1000,
    writeLimit: 2000,
    enableCompression: true,
  });
  assertEquals(
    [
      websocket.maxPayloadLength,
      websocket.backpressureLimit,
      websocket.perMessageDeflate,
      websocket.idleTimeout,
      websocket.sendPings,
    ],
    [1000, 2000, true, 0, false],
  );
});

test(
  "BunTransport takes Infinity for the largest limits that Bun has",
  async () => {
    await withPair(async (conn, peer) => {
      // Above Bun's default of 16 MiB.
      peer.send(2, new Uint8Array(17 << 20));
      assertEquals((await conn.readMessage()).data.length, 17 << 20);
      conn.setReadLimit(Infinity);
    }, { readLimit: Infinity, writeLimit: Infinity });
  },
  { only },
);

test(
  "BunTransport.setReadLimit() cannot raise the server's limit",
  async () => {
    await withPair(async (conn) => {
      await Promise.resolve();
      conn.setReadLimit(10);
      conn.setReadLimit(1000);
      const error = assertThrows(
        () => conn.setReadLimit(1001),
        UnsupportedError,
      );
      assertStringIncludes(error.message, "1000");
      assertThrows(() => conn.setReadLimit(Infinity), UnsupportedError);
    }, { readLimit: 1000 });
  },
  { only },
);

test("BunTransport refuses a message before it is buffered", async () => {
  await withPair(async (conn, peer) => {
    // Only the header of a frame of 1,001 bytes.
    peer.write(new Uint8Array([0x82, 0xfe, 0x03, 0xe9, 0, 0, 0, 0]));
    const { cause } = await conn.closed;
    assertEquals((cause as Error).name, "ReadLimitError");
    const frame = await peer.frame();
    assertEquals(frame?.payload.slice(0, 2), closePayload(1009));
  }, { readLimit: 1000 });
}, { only });

test("BunTransport pings a silent peer, and gives it up", async () => {
  await withPair(async (conn, peer) => {
    assertEquals((await peer.frame())?.opcode, 9);
    peer.send(10);
    assertEquals((await peer.frame())?.opcode, 9);
    const error = await assertRejects(() => conn.readMessage(), DOMException);
    assertEquals(error.name, "TimeoutError");
    assertEquals((await conn.closed).cause, error);
    assertEquals((await peer.frame())?.payload, closePayload(1001));
  }, { keepAlive: { interval: 40, timeout: 40 } });
}, { only });

test("BunTransport ends a paused connection", async () => {
  for (const end of ["close", "terminate"] as const) {
    await withPair(async (conn, peer) => {
      const big = new Uint8Array(100_000);
      peer.send(2, big);
      peer.send(2, big);
      // The first is read; reading the second stops the peer.
      assertEquals((await conn.readMessage()).data.length, 100_000);
      peer.send(9);
      assertEquals((await peer.frame())?.opcode, 10);
      for (let i = 0; i < 20; i++) peer.send(2, big);
      conn[end]();
      assertEquals(conn.state, "closed");
      await conn.closed;
    });
  }
}, { only });

test("BunTransport sends what waits before its close frame", async () => {
  await withPair(async (conn, peer) => {
    peer.pause();
    conn.send(new Uint8Array(8 << 20));
    conn.send("last");
    const closed = conn.close(4000);
    peer.resume();
    assertEquals((await peer.frame())?.payload.length, 8 << 20);
    assertEquals((await peer.frame())?.opcode, 1);
    assertEquals((await peer.frame())?.payload, closePayload(4000));
    assertEquals((await closed).code, 4000);
  });
}, { only });

test("BunTransport tells empty messages from dropped ones", async () => {
  await withPair(async (conn, peer) => {
    for (let i = 0; i < 3; i++) {
      await conn.send("");
      const frame = await peer.frame();
      assertEquals([frame?.opcode, frame?.payload.length], [1, 0]);
    }
    await conn.writeControl(9);
    assertEquals((await peer.frame())?.opcode, 9);
    assertEquals(conn.state, "open");
  });
}, { only });

test("BunTransport fails a connection whose message Bun drops", async () => {
  await withPair(async (conn, peer) => {
    peer.pause();
    // One message may be larger than the limit; what Bun holds is over it
    // then, and pings are not queued by us.
    conn.send(new Uint8Array(16 << 20));
    for (let i = 0; i < 10 && conn.state === "open"; i++) {
      conn.writeControl(9, "dropped");
    }
    const info = await conn.closed;
    assertEquals((info.cause as Error).name, "WriteLimitError");
    assert(!info.wasClean);
  }, { writeLimit: 100_000 });
}, { only });

test(
  "BunTransport calls no handler before upgrade()'s caller had its turn",
  async () => {
    const upgrader = new Upgrader({
      authorize: async () => {
        await Promise.resolve();
      },
    });
    const pinged = deferred<Uint8Array>();
    await using server = startServer(async (request, target) => {
      const { conn, response } = await upgrader.upgrade(request, target);
      for (let i = 0; i < 20; i++) await Promise.resolve();
      conn?.setPingHandler(pinged.resolve);
      return response;
    }, upgrader.websocket);
    const { peer } = await RawPeer.upgrade(
      server.port,
      [],
      maskedFrame(9, "early"),
    );
    using _ = peer;
    assertEquals((await pinged.promise).length, 5);
  },
  { only },
);
