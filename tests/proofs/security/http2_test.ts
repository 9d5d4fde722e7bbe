/** Attacks on `listener()` over HTTP/2. */

import { assert, assertEquals } from "@std/assert";

import type { Conn } from "../../../src/conn/conn.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import { deferred, hex } from "../../support/helper.ts";
import {
  type Http2Peer,
  PING,
  RST_STREAM,
  SETTINGS,
} from "../../support/http2_peer.ts";
import {
  type Http2Server,
  onHttp2,
  startHttp2,
} from "../../support/http2_server.ts";
import { turn, until } from "../../suite/fixture.ts";

const MAX_STREAMS = 8;
/** Of what a connection holds that nobody reads. */
const LIMIT = 2 ** 18;

/** A message of 1,000 bytes, masked with zeros. */
const MESSAGE = new Uint8Array(1_008);
MESSAGE.set([0x82, 0xfe, 0x03, 0xe8]);

const MESSAGES = Uint8Array.from(
  { length: 66 * MESSAGE.length },
  (_, i) => MESSAGE[i % MESSAGE.length]!,
);

/** Sends messages as long as there is room in the stream's window. */
async function flood(peer: Http2Peer, stream: number): Promise<number> {
  let sent = 0;
  for (let room = 65_535; sent < room && sent < LIMIT;) {
    // From where the message under way goes on.
    const start = sent % MESSAGE.length;
    const part = MESSAGES.subarray(start, start + room - sent);
    await peer.dataWithin(stream, part);
    sent += part.length;
    if (sent < room) continue;
    for (let i = 0; i < 10; i++) await turn();
    await settled(peer);
    room = 65_535 + (peer.windows.get(stream) ?? 0);
  }
  return sent;
}

/** All that was sent has been read by the server. */
async function settled(peer: Http2Peer): Promise<void> {
  peer.frame(PING, 0, 0, new Uint8Array(8));
  await peer.next(0, PING);
}

async function assertServes(server: Http2Server): Promise<void> {
  const peer = await server.connect();
  const stream = peer.connect({ ":path": "/alive" });
  assertEquals(await peer.status(stream), 200);
  peer.data(stream, hex("81 81 00000000 41"));
  assertEquals((await peer.next(stream)).payload, hex("81 01 41"));
}

async function echo(conn: Conn): Promise<void> {
  for await (const { type, data } of conn) await conn.writeMessage(type, data);
}

onHttp2("security 80: streams that are reset at once", async (carrier) => {
  let authorizing = 0;
  const going = deferred();
  const upgrader = new Upgrader({
    authorize: ({ url }) => {
      if (url.endsWith("/alive")) return;
      authorizing++;
      return going.promise;
    },
  });
  await using server = await startHttp2(
    carrier,
    upgrader.listener(echo, { onRefused() {} }),
  );
  const peer = await server.connect();
  try {
    for (let i = 0; i < 600; i++) peer.reset(peer.connect(), 8);
    await settled(peer);
  } catch {
    // Its session was ended for that.
  }
  assert(authorizing > 0 && authorizing <= 256, `${authorizing}`);
  await assertServes(server);
  going.resolve();
});

onHttp2(
  "security 81: more streams than a session may have",
  async (carrier) => {
    const conns: Conn[] = [];
    await using server = await startHttp2(
      carrier,
      new Upgrader().listener((conn) => {
        conns.push(conn);
        return echo(conn);
      }),
      { maxConcurrentStreams: MAX_STREAMS },
    );
    const peer = await server.connect();
    await peer.next(0, SETTINGS);
    await settled(peer);
    for (let i = 0; i < 50; i++) peer.connect();
    try {
      await settled(peer);
    } catch {
      // Its session was ended for that.
    }
    await assertServes(server);
    assert(conns.length <= MAX_STREAMS + 1, `${conns.length}`);
  },
);

onHttp2("security 82: messages that nobody reads", async (carrier) => {
  const conns: Conn[] = [];
  await using server = await startHttp2(
    carrier,
    new Upgrader().listener((conn, { url }) => {
      if (url.endsWith("/alive")) return echo(conn);
      conns.push(conn);
      return conn.closed.then(() => {});
    }),
  );
  const peer = await server.connect();
  const streams = Array.from({ length: 20 }, () => peer.connect());
  for (const stream of streams) {
    assertEquals(await peer.status(stream), 200);
    const sent = await flood(peer, stream);
    assert(sent < LIMIT, `${sent}`);
  }
  // The others of the session go on.
  const other = peer.connect({ ":path": "/alive" });
  assertEquals(await peer.status(other), 200);
  peer.data(other, hex("81 81 00000000 41"));
  assertEquals((await peer.next(other)).payload, hex("81 01 41"));
  for (const conn of conns) conn.terminate();
  await until(() => conns.every(({ state }) => state === "closed"), "the end");
});

onHttp2("security 83: a flood while authorize runs", async (carrier) => {
  const going = deferred();
  const upgrader = new Upgrader({
    authorize: ({ url }) => url.endsWith("/alive") ? undefined : going.promise,
  });
  await using server = await startHttp2(carrier, upgrader.listener(echo));
  const peer = await server.connect();
  const stream = peer.connect();
  const sent = await flood(peer, stream);
  assert(sent < LIMIT, `${sent}`);
  // Past the window: RFC 9113, section 6.9.1.
  await peer.dataWithin(stream, new Uint8Array(1));
  try {
    const { type, payload } = await peer.next(stream);
    assertEquals([type, payload[3]], [RST_STREAM, 3]);
  } catch {
    await peer.closed;
  }
  await assertServes(server);
  going.resolve();
});
