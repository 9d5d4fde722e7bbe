/** How many connections a server takes. */

import { spawnSync } from "node:child_process";
import net from "node:net";

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";

import { Dialer } from "../../../src/client/dialer.ts";
import { UnsupportedError } from "../../../src/errors.ts";
import type { RawPeer } from "../../../src/testing/raw_peer.ts";
import { serve, type Server } from "../../../src/server/serve.ts";
import { commandOf, Program } from "../../support/child.ts";
import { ca, connectRaw, head } from "../../support/http_server.ts";
import {
  echo,
  peerOf,
  type Place,
  portOf,
  serveAt,
  WIRE_PLACES,
  wsUrl,
} from "../../support/servers.ts";
import { deferred, test } from "../../support/helper.ts";

const dialer = new Dialer({ tls: { ca } });
const GET = head("GET / HTTP/1.1", "Host: a");

/** The connection, if the server takes it: it has answered a request. */
async function tryPlace(
  { carrier }: Place,
  server: Server,
): Promise<RawPeer | undefined> {
  try {
    // Over TLS the handshake fails.
    const peer = await connectRaw(carrier, portOf(server));
    peer.send(GET);
    try {
      await peer.readHead();
      return peer;
    } catch {
      // Closed without an answer.
      assertEquals(peer.buffered, 0);
      peer.destroy();
      await peer.closed;
    }
  } catch (error) {
    if (carrier === "TCP") throw error;
  }
  return undefined;
}

for (const place of WIRE_PLACES) {
  test(`serve() takes maxConns connections; ${place.name}`, async () => {
    const reported: unknown[] = [];
    await using server = await serveAt(place, echo, {
      maxConns: 3,
      fetch: () => new Response(null, { status: 204 }),
      onError: (error, conn) => reported.push(error, conn),
    });
    const { conn } = await dialer.dial(wsUrl(place, server));
    const peers = [
      (await tryPlace(place, server))!,
      (await tryPlace(place, server))!,
    ];
    assertEquals(reported, []);
    // Those that there are go on, upgraded or not.
    for (let i = 0; i < 10; i++) {
      assertEquals(await tryPlace(place, server), undefined);
    }
    conn.send("Hello");
    assertEquals((await conn.readMessage()).data, "Hello");
    peers[0]!.send(GET);
    assertStringIncludes(await peers[0]!.readHead(), "HTTP/1.1 204 ");
    // Once in a second, and without a connection.
    assertEquals(reported.length, 2);
    const [error, none] = reported;
    assert(error instanceof Error && none === undefined);
    assertStringIncludes(error.message, "maxConns");
    // Whoever goes makes room.
    await conn.close();
    await conn.closed;
    peers[0]!.destroy();
    await peers[0]!.closed;
    for (let i = 0; i < 2;) {
      const peer = await tryPlace(place, server);
      if (peer === undefined) continue;
      peers.push(peer);
      i++;
    }
    assertEquals(await tryPlace(place, server), undefined);
    for (const peer of peers) {
      peer.destroy();
      await peer.closed;
    }
  });
}

test("serve() tells of too many connections once a second", async () => {
  const place = WIRE_PLACES[0]!;
  let reported = 0;
  await using server = await serveAt(place, echo, {
    maxConns: 1,
    onError: () => void reported++,
  });
  // An idle connection of HTTP would be ended, and its place be free.
  const peer = await peerOf(place, server);
  const { now } = performance;
  try {
    // Whole, so that a second later is no less than that.
    const start = Math.ceil(now.call(performance));
    for (const [ms, count] of [[0, 1], [999, 1], [1000, 2], [1001, 2]]) {
      performance.now = () => start + ms!;
      // The runtime may drop some before anybody can tell of them.
      do {
        assertEquals(await tryPlace(place, server), undefined);
      } while (reported < count!);
      assertEquals(await tryPlace(place, server), undefined);
      assertEquals(reported, count, `after ${ms} ms`);
    }
  } finally {
    performance.now = now;
  }
  peer.destroy();
  await peer.closed;
});

test("serve() checks maxConns", async () => {
  for (const maxConns of [0, -1, 1.5, NaN, -Infinity, 2 ** 53]) {
    await assertRejects(
      () => serve(echo, { port: 0, maxConns }),
      RangeError,
      `maxConns ${maxConns}`,
    );
  }
  for (const maxConns of ["5", 5n, null, {}]) {
    const options = { port: 0, maxConns: maxConns as unknown as number };
    await assertRejects(() => serve(echo, options), TypeError, "maxConns");
  }
  await assertRejects(
    () => serve(echo, { port: 0, engine: "native", maxConns: 5 }),
    UnsupportedError,
    "maxConns",
  );
  for (const engine of ["wire", "native"] as const) {
    const server = await serve(echo, { port: 0, engine, maxConns: Infinity });
    await server.shutdown();
  }
});

const prlimit = spawnSync("prlimit", ["--version"]).status === 0;

test("serve() outlives a crowd that would take all files", async () => {
  const file = new URL("../../support/crowded_server.ts", import.meta.url);
  // 40, about 25 of the runtime's own, and 128 that Deno takes at once.
  const command = ["prlimit", "--nofile=256", ...commandOf(file, ["40"])];
  await using program = new Program(command);
  const port = Number(await program.readLine());
  for (let round = 0; round < 3; round++) {
    const crowd = new Set<net.Socket>();
    const { promise, resolve } = deferred();
    for (let i = 0; i < 600; i++) {
      const socket = net.connect(port, "127.0.0.1", () => socket.write("G"));
      crowd.add(socket);
      socket.on("error", () => {}).on("close", () => {
        crowd.delete(socket);
        if (crowd.size === 40) resolve();
      });
      // Lest the end of one that is not taken goes unseen.
      socket.resume();
    }
    // It ends all others, and those that it takes not before this test is over.
    await promise;
    for (const socket of crowd) socket.destroy();
    // Until the server has seen that they have gone.
    for (;;) {
      const conn = await dialer.dial(`ws://127.0.0.1:${port}/`)
        .then(({ conn }) => conn, () => undefined);
      if (conn === undefined) continue;
      assertEquals((await conn.readMessage()).data, "Welcome");
      await conn.close();
      break;
    }
  }
}, prlimit ? {} : { lacks: "prlimit" });
