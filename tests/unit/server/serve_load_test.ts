/** What one connection can cost the others, and the server's memory. */

import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";

import { assert, assertEquals } from "@std/assert";

import type { Conn } from "../../../src/conn/conn.ts";
import { WriteLimitError } from "../../../src/errors.ts";
import { MessageType } from "../../../src/message.ts";
import { PreparedMessage } from "../../../src/prepared.ts";
import type { RawPeer } from "../../../src/testing/raw_peer.ts";
import type { Server } from "../../../src/server/serve.ts";
import type { BufferPool } from "../../../src/transport/byte_stream.ts";
import { rawDial } from "../../../src/testing/mod.ts";
import { ca } from "../../support/http_server.ts";
import { closePayload, maskedFrame } from "../../support/raw_peer.ts";
import {
  echo,
  peerOf,
  type Place,
  serveAt,
  WIRE_PLACES,
  wsUrl,
} from "../../support/servers.ts";
import { deferred, hex, runtime, test } from "../../support/helper.ts";
import { turn, until } from "../../suite/fixture.ts";

const MiB = 2 ** 20;
const [TCP] = WIRE_PLACES as [Place];

function onWire(name: string, fn: (place: Place) => Promise<void>): void {
  for (const place of WIRE_PLACES) {
    test(`${name}; ${place.name}`, () => fn(place), { timeout: 30_000 });
  }
}

/** The same bytes, so many times. */
function repeat(bytes: Uint8Array, count: number): Uint8Array {
  const all = new Uint8Array(bytes.length * count);
  for (let i = 0; i < count; i++) all.set(bytes, i * bytes.length);
  return all;
}

// Deno has no call for it.
if (runtime === "deno") v8.setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runtime === "bun"
  ? () => (globalThis as unknown as BunScope).Bun.gc(true)
  : vm.runInNewContext("gc");

interface BunScope {
  readonly Bun: { gc(force: boolean): void };
}

/** Resident bytes of this process. */
function resident(): number {
  return process.memoryUsage().rss;
}

async function idle(value: () => number): Promise<number> {
  for (let before = -1; before !== value();) {
    before = value();
    for (let i = 0; i < 50; i++) await turn();
  }
  return value();
}

async function finish(...peers: RawPeer[]): Promise<void> {
  for (const peer of peers) {
    peer.destroy();
    await peer.closed;
  }
}

onWire("a slow reader is cut at writeLimit, and nobody else", async (place) => {
  const writeLimit = 24 * MiB;
  const conns: Conn[] = [];
  await using server = await serveAt(place, (conn) => void conns.push(conn), {
    upgrader: { writeLimit, closeTimeout: 100 },
  });
  const slow = await peerOf(place, server);
  await until(() => conns.length === 1, "the slow connection");
  slow.pause();
  const quick = await Promise.all([1, 2, 3].map(() => peerOf(place, server)));
  await until(() => conns.length === 4, "the connections");
  const message = new PreparedMessage(
    MessageType.Binary,
    new Uint8Array(MiB).fill(1),
  );
  let highest = 0;
  for (let i = 0; i < 64; i++) {
    for (const conn of conns) conn.writePreparedMessage(message);
    highest = Math.max(highest, conns[0]!.bufferedAmount);
    for (const peer of quick) {
      assertEquals((await peer.readFrame()).payload.length, MiB);
    }
  }
  const { cause, wasClean } = await conns[0]!.closed;
  assert(cause instanceof WriteLimitError, String(cause));
  assertEquals(wasClean, false);
  assert(highest <= writeLimit + 2 * MiB, `${highest} bytes were queued`);
  assertEquals(conns.map(({ state }) => state), [
    "closed",
    "open",
    "open",
    "open",
  ]);
  assertEquals(server.conns.size, 3);
  await finish(slow, ...quick);
});

onWire("a flood on one connection does not starve another", async (place) => {
  let floods = 0;
  await using server = await serveAt(place, async (conn, request) => {
    if (request.headers.get("x-flood") === null) return await echo(conn);
    for await (const _message of conn) floods++;
  });
  const calm = await peerOf(place, server);
  const flooding = await floodingPeer(place, server);
  const flood = repeat(maskedFrame(2, new Uint8Array(10)), 20_000);
  let writing = true;
  const pump = (async () => {
    while (writing) await flooding.send(flood);
  })().catch(() => {});
  await until(() => floods > 0, "the flood");
  // However slow the machine is: in each turn of the event loop the server
  // takes one read or a few of the flood, some thousands of messages, and an
  // echo waits for a bounded number of turns. On Deno it is some 120: a busy
  // loop looks for what has come on other sockets only every 61st time.
  let turns = 0;
  let most = 0;
  let before = floods;
  const count = () => {
    most = Math.max(most, floods - before);
    before = floods;
    turns++;
    if (writing) setImmediate(count);
  };
  setImmediate(count);
  for (let i = 0; i < 10; i++) {
    const start = turns;
    calm.send(maskedFrame(1, `${i}`));
    await calm.expectFrame({ opcode: 1, payload: `${i}` });
    assert(turns - start < 1000, `${turns - start} turns came before the echo`);
  }
  assert(most > 0 && most < 200_000, `${most} messages came in one turn`);
  writing = false;
  await finish(calm, flooding);
  await pump;
});

async function floodingPeer(place: Place, server: Server): Promise<RawPeer> {
  const { peer } = await rawDial(wsUrl(place, server), {
    tls: { ca },
    headers: { "X-Flood": "1" },
  });
  return peer;
}

onWire(
  "100,000 pings of a peer that reads nothing cost little",
  async (place) => {
    const opened = deferred<Conn>();
    await using server = await serveAt(place, (conn) => opened.resolve(conn));
    const peer = await peerOf(place, server);
    const conn = await opened.promise;
    peer.pause();
    // Until nothing goes out any more, a write is under way.
    let filled = 0;
    while (filled === 0) {
      conn.send(new Uint8Array(MiB));
      filled = await idle(() => conn.bufferedAmount);
    }
    const buffered = conn.bufferedAmount;
    collectGarbage();
    const before = resident();
    let pings = 0;
    const answer = conn.pingHandler;
    conn.setPingHandler((data) => {
      pings++;
      return answer(data);
    });
    for (let i = 0; i < 100; i++) {
      const payload = new Uint8Array(125).fill(i);
      await peer.send(repeat(maskedFrame(9, payload), 1000));
    }
    await until(() => pings === 100_000, "the pings");
    // Of all pongs, 12 MB, one is kept (RFC 6455, section 5.5.3).
    assert(
      conn.bufferedAmount - buffered < 1000,
      `${conn.bufferedAmount - buffered} bytes of pongs wait`,
    );
    collectGarbage();
    const grown = resident() - before;
    assert(grown < 64 * MiB, `the process has grown by ${grown} bytes`);
    peer.resume();
    let pongs = 0;
    let latest: Uint8Array | undefined;
    conn.send("end");
    for (;;) {
      const { opcode, payload } = await peer.readFrame();
      if (opcode === 1) break;
      if (opcode !== 10) continue;
      pongs++;
      latest = payload;
    }
    assert(pongs < 10, `${pongs} pongs were kept`);
    assertEquals(latest, new Uint8Array(125).fill(99));
    await finish(peer);
  },
);

onWire(
  "100,000 pings of a peer that reads are answered in order",
  async (place) => {
    const opened = deferred<Conn>();
    await using server = await serveAt(place, (conn) => opened.resolve(conn));
    const peer = await peerOf(place, server);
    await opened.promise;
    const flood = repeat(maskedFrame(9, hex("01")), 1000);
    for (let i = 0; i < 100; i++) await peer.send(flood);
    await peer.send(maskedFrame(9, hex("02")));
    let pongs = 0;
    for (let last = 1; last !== 2;) {
      const { opcode, payload } = await peer.readFrame();
      assertEquals(opcode, 10);
      last = payload[0]!;
      pongs++;
    }
    assert(pongs > 0 && pongs <= 100_001);
    await finish(peer);
  },
);

/** A pool that keeps the books. */
class CountingPool implements BufferPool {
  readonly out: Set<Uint8Array> = new Set();
  gets = 0;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];

  get(size: number): Uint8Array<ArrayBuffer> | undefined {
    this.gets++;
    const i = this.#free.findIndex(({ length }) => length >= size);
    const buffer = i < 0 ? new Uint8Array(size) : this.#free.splice(i, 1)[0]!;
    this.out.add(buffer);
    return buffer;
  }

  put(buffer: Uint8Array<ArrayBuffer>): void {
    if (!this.out.delete(buffer)) throw new Error("Returned what is not out");
    this.#free.push(buffer);
  }
}

onWire("an idle connection holds no write buffer", async (place) => {
  const pool = new CountingPool();
  await using server = await serveAt(place, echo, {
    upgrader: { writeBufferPool: pool },
  });
  const peers = await Promise.all([1, 2, 3].map(() => peerOf(place, server)));
  assertEquals([pool.gets, pool.out.size], [0, 0]);
  for (const size of [1, 1000, 20_000, 300_000]) {
    for (const peer of peers) {
      peer.send(maskedFrame(2, new Uint8Array(size)));
      await peer.expectFrame({ opcode: 2 });
    }
    await until(() => pool.out.size === 0, "the buffers' return");
  }
  assert(pool.gets >= 3 * peers.length, `${pool.gets} buffers were taken`);
  await finish(...peers);
});

onWire(
  "a connection that ends in the midst returns its buffers",
  async (place) => {
    const pool = new CountingPool();
    const conns: Conn[] = [];
    await using server = await serveAt(place, (conn) => void conns.push(conn), {
      upgrader: { writeBufferPool: pool },
    });
    for (const how of ["terminate", "reset"] as const) {
      const peer = await peerOf(place, server);
      await until(() => conns.length > 0, "the connection");
      const conn = conns.pop()!;
      peer.pause();
      for (let i = 0; i < 2000; i++) conn.send(new Uint8Array(10_000));
      assert(pool.out.size > 0);
      if (how === "terminate") conn.terminate();
      else peer.reset();
      await conn.closed;
      assertEquals(conn.bufferedAmount, 0);
      // The one that is being written may stay with the socket until it is gone.
      await until(() => pool.out.size === 0, `the buffers' return by ${how}`);
      await finish(peer);
    }
  },
);

onWire("keepalive keeps one timer for all connections", async (place) => {
  const conns: Conn[] = [];
  const server = await serveAt(place, (conn) => void conns.push(conn), {
    upgrader: { keepAlive: { interval: 60_000, timeout: 60_000 } },
  });
  const peers: RawPeer[] = [];
  const setTimer = globalThis.setTimeout;
  const started = new Set<unknown>();
  globalThis.setTimeout = ((fn: () => void, delay: number) => {
    const timer = setTimer(fn, delay);
    // The handshakes' timers are over with them; a period lasts a second.
    if (delay === 1000) started.add(timer);
    return timer;
  }) as typeof setTimeout;
  try {
    for (let i = 0; i < 20; i++) peers.push(await peerOf(place, server));
    await until(() => conns.length === 20, "the connections");
  } finally {
    globalThis.setTimeout = setTimer;
  }
  // One, and once more for each second that this has taken.
  assert(started.size <= 5, `${started.size} timers were started`);
  for (const conn of conns) conn.terminate();
  await finish(...peers);
  await server.shutdown();
});

test("a prepared message is encoded once for all connections", async () => {
  const conns: Conn[] = [];
  await using server = await serveAt(TCP, (conn) => void conns.push(conn), {
    upgrader: { enableCompression: false },
  });
  const peers = await Promise.all(
    Array.from({ length: 20 }, () => peerOf(TCP, server)),
  );
  await until(() => conns.length === 20, "the connections");
  const encode = TextEncoder.prototype.encode;
  const encodeInto = TextEncoder.prototype.encodeInto;
  const text = "é".repeat(3000);
  let encodings = 0;
  TextEncoder.prototype.encode = function (input) {
    if (input === text) encodings++;
    return encode.call(this, input);
  };
  TextEncoder.prototype.encodeInto = function (input, target) {
    if (input === text) encodings++;
    return encodeInto.call(this, input, target);
  };
  try {
    const message = new PreparedMessage(MessageType.Text, text);
    for (let i = 0; i < 2; i++) {
      for (const conn of conns) conn.writePreparedMessage(message);
      for (const peer of peers) {
        await peer.expectFrame({
          opcode: 1,
          payload: encode.call(new TextEncoder(), text),
        });
      }
    }
    assertEquals(encodings, 1);
  } finally {
    TextEncoder.prototype.encode = encode;
    TextEncoder.prototype.encodeInto = encodeInto;
  }
  await finish(...peers);
});

test("connections that have come and gone leave nothing behind", async () => {
  await using server = await serveAt(TCP, echo);
  const rounds = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const peers = await Promise.all(
        Array.from({ length: 25 }, () => peerOf(TCP, server)),
      );
      for (const peer of peers) {
        peer.send(maskedFrame(1, "Hello"));
        await peer.expectFrame({ opcode: 1, payload: "Hello" });
        peer.send(maskedFrame(8, closePayload(1000)));
      }
      for (const peer of peers) {
        await peer.expectClose(1000);
        await finish(peer);
      }
      await until(() => server.conns.size === 0, "the ends");
    }
    collectGarbage();
    await idle(() => 0);
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = await rounds(20);
  const grown = await rounds(60) - before;
  // 1,500 connections; one that stayed would be some kilobytes.
  assert(grown < 2 * MiB, `the heap has grown by ${grown} bytes`);
}, { timeout: 60_000 });
