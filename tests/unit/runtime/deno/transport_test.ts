import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";

import type { Conn } from "../../../../src/conn/conn.ts";
import { startNative, startServer, withPair } from "../../../support/native.ts";
import { closePayload, RawPeer } from "../../../support/raw_peer.ts";
import { Upgrader } from "../../../../src/server/upgrader.ts";
import { deferred, test } from "../../../support/helper.ts";

const only = "deno";

const UPGRADE = [
  "Host: localhost",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

test("DenoTransport gives up a silent peer, and says so once", async () => {
  await withPair(async (conn, peer) => {
    const ends: unknown[] = [];
    conn.closed.then((info) => ends.push(info));
    // Its ping comes, and nothing answers.
    assertEquals((await peer.frame())?.opcode, 9);
    const error = await assertRejects(() => conn.readMessage(), DOMException);
    assertEquals(error.name, "TimeoutError");
    assertStringIncludes(error.message, "silent for 1000 ms");
    const info = await conn.closed;
    assertEquals([info.code, info.wasClean], [1006, false]);
    assertEquals(info.cause, error);
    await peer.rest();
    assertEquals(ends, [info]);
  }, { keepAlive: { interval: 500, timeout: 500 } });
}, { only });

test(
  "DenoTransport does not believe a clean end without an answer",
  async () => {
    await withPair(async (conn, peer) => {
      const closing = conn.close();
      assertEquals((await peer.frame())?.payload, closePayload(1000));
      peer.end();
      const info = await closing;
      assertEquals([info.code, info.wasClean], [1006, false]);
      assertStringIncludes((info.cause as Error).message, "without an answer");
    });
  },
  { only },
);

test("DenoTransport ends when a message crosses the close", async () => {
  await withPair(async (conn, peer) => {
    const closing = conn.close();
    assertEquals((await peer.frame())?.payload, closePayload(1000));
    peer.send(1, "crossing");
    const info = await closing;
    assertEquals([info.code, info.wasClean], [1006, false]);
    assertStringIncludes((info.cause as Error).message, "Deno cuts");
  });
}, { only });

test("DenoTransport names the error of the network", async () => {
  await withPair(async (conn, peer) => {
    peer.reset();
    const { cause } = await conn.closed;
    assertInstanceOf(cause, Error);
    assertStringIncludes(cause.message, "reset");
  });
}, { only });

test(
  "a handler whose response is lost by what is around it tells onError",
  async () => {
    const upgrader = new Upgrader({ handshakeTimeout: 30 });
    const told = deferred<unknown>();
    const { fetch } = upgrader.handler(() => {}, { onError: told.resolve });
    const held = deferred<void>();
    await using server = startServer(async (request, target) => {
      const response = await fetch(request, target);
      await held.promise;
      return response;
    }, undefined);
    using peer = await RawPeer.connect(server.port);
    peer.request(UPGRADE);
    const error = await told.promise;
    assertInstanceOf(error, DOMException);
    assertStringIncludes(error.message, "Cannot open connection: ");
    held.resolve();
    assertStringIncludes(await peer.head(), " 101 ");
  },
  { only },
);

test("DenoTransport reports a frame over Deno's own limit", async () => {
  await withPair(async (conn, peer) => {
    const head = new Uint8Array(14);
    head.set([0x82, 0xff]);
    new DataView(head.buffer).setBigUint64(2, 2n ** 26n + 1n);
    peer.write(head);
    const { code, cause } = await conn.closed;
    assertEquals(code, 1006);
    assertEquals((cause as Error).name, "ReadLimitError");
  }, { readLimit: Infinity });
}, { only });

test("DenoTransport ends what the server's shutdown closes", async () => {
  let conn: Conn;
  {
    await using server = startNative();
    const { peer } = await RawPeer.upgrade(server.port);
    using _ = peer;
    conn = (await server.accept()).conn;
  }
  assertEquals((await conn.closed).code, 1005);
}, { only });

test(
  "DenoTransport ends a connection whose response was not returned",
  async () => {
    const upgrader = new Upgrader({ handshakeTimeout: 30 });
    const taken = deferred<Conn>();
    const held = deferred<Response>();
    await using server = startServer(async (request, target) => {
      const { conn, response } = await upgrader.upgrade(request, target);
      taken.resolve(conn!);
      await held.promise;
      return response;
    }, undefined);
    using peer = await RawPeer.connect(server.port);
    peer.request(UPGRADE);
    const conn = await taken.promise;
    const sent = conn.send("early");
    const { code, cause } = await conn.closed;
    assertEquals(code, 1006);
    assertEquals((cause as Error).name, "TimeoutError");
    await sent;
    await assertRejects(() => conn.send("late"));
    // It opens after all: it is closed, and nothing of it is heard.
    held.resolve(new Response());
    assertStringIncludes(await peer.head(), " 101 ");
    assertEquals((await peer.frame())?.payload, closePayload(1011));
  },
  { only },
);

test("DenoTransport leaves no traffic to a terminated connection", async () => {
  await withPair(async (conn, peer) => {
    peer.send(1, "one");
    assertEquals((await conn.readMessage()).data, "one");
    conn.terminate();
    peer.send(1, "two");
    await assertRejects(() => conn.readMessage());
    assertEquals((await peer.frame())?.payload, closePayload(1011));
  });
}, { only });
