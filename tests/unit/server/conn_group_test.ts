/** What an Upgrader has made, and its end, whichever way it came. */

import http from "node:http";
import { once } from "node:events";
import type { Duplex } from "node:stream";

import { assert, assertEquals, assertRejects } from "@std/assert";

import type { CloseInfo } from "../../../src/close.ts";
import { Dialer } from "../../../src/client/dialer.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import type { HandshakeError } from "../../../src/peer_errors.ts";
import type { OnConn, OnError } from "../../../src/server/run_handler.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import type { UpgraderOptions } from "../../../src/server/upgrader_options.ts";
import type { OnRefused } from "../../../src/server/refusals.ts";
import { deferred, test, withTimeout } from "../../support/helper.ts";
import { connectRaw, head, UPGRADE } from "../../support/http_server.ts";
import { startServer } from "../../support/native.ts";
import { PLACES, portOf, serveAt } from "../../support/servers.ts";
import { listen } from "../../support/sockets.ts";
import { until } from "../../suite/fixture.ts";

const NEVER = 60_000;
const SOON = 150;
const dialer = new Dialer();

interface Told {
  readonly onError: OnError;
  readonly onRefused: OnRefused;
}

interface Running extends AsyncDisposable {
  readonly port: number;
}

/** A way that connections come by. */
interface Way {
  readonly name: string;
  /** By hand, there is no handler that is not called. */
  readonly byHand?: boolean;
  readonly native?: boolean;
  start(upgrader: Upgrader, onConn: OnConn, told: Told): Promise<Running>;
}

async function serveHttp(
  onUpgrade: Parameters<http.Server["on"]>[1],
): Promise<Running> {
  const server = http.createServer();
  const sockets = new Set<Duplex>();
  server.on("connection", (socket) => sockets.add(socket));
  server.on("upgrade", onUpgrade);
  const port = await listen(server);
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), "close");
    },
  };
}

const WAYS: readonly Way[] = [
  ...PLACES.filter(({ carrier }) => carrier === "TCP").map((place): Way => ({
    name: `serve(), ${place.engine}`,
    native: place.engine === "native",
    async start(upgrader, onConn, told) {
      const server = await serveAt(place, onConn, { upgrader, ...told });
      return {
        port: portOf(server),
        [Symbol.asyncDispose]: () => server.shutdown(),
      };
    },
  })),
  {
    name: "handler()",
    native: true,
    start(upgrader, onConn, told) {
      const { fetch, websocket } = upgrader.handler(onConn, told);
      return Promise.resolve(startServer(fetch, websocket));
    },
  },
  {
    name: "upgrade()",
    byHand: true,
    native: true,
    start(upgrader, onConn, { onRefused }) {
      return Promise.resolve(startServer(async (request, target) => {
        const upgrade = await upgrader.upgrade(request, target);
        if (upgrade.conn) onConn(upgrade.conn, request);
        else onRefused(upgrade.error, request);
        return upgrade.response;
      }, upgrader.websocket));
    },
  },
  {
    name: "listener()",
    start: (upgrader, onConn, told) =>
      serveHttp(upgrader.listener(onConn, told)),
  },
  {
    name: "upgradeSocket()",
    byHand: true,
    start: (upgrader, onConn, { onRefused }) =>
      serveHttp(async (request: http.IncomingMessage, socket, head) => {
        const options = { onRefused };
        const conn = await upgrader.upgradeSocket(
          request,
          socket,
          head,
          options,
        );
        if (conn) onConn(conn, new Request("http://localhost/"));
      }),
  },
];

/** A server by one way, and what it has told. */
async function startBy(
  way: Way,
  options: UpgraderOptions = {},
  onConn: OnConn = () => {},
) {
  const upgrader = new Upgrader(options);
  const refused: HandshakeError[] = [];
  const errors: unknown[] = [];
  const server = await way.start(upgrader, onConn, {
    onError: (error) => void errors.push(error),
    onRefused: (error) => void refused.push(error),
  });
  return {
    upgrader,
    refused,
    errors,
    port: server.port,
    url: `ws://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function statusAt(port: number): Promise<string> {
  const peer = await connectRaw("TCP", port);
  peer.send(head(...UPGRADE));
  const answer = await withTimeout(peer.readHead(), 5_000, "the answer");
  peer.destroy();
  await peer.closed;
  return answer.slice(9, 12);
}

for (const way of WAYS) {
  test(`Upgrader.conns has what came by ${way.name}`, async () => {
    const made: Conn[] = [];
    await using server = await startBy(
      way,
      {},
      (conn) => void made.push(conn),
    );
    const { upgrader, url } = server;
    assertEquals(upgrader.conns.size, 0);
    const clients = await Promise.all([dialer.dial(url), dialer.dial(url)]);
    await until(() => made.length === 2, "the connections");
    assertEquals(new Set(upgrader.conns), new Set(made));
    await clients[0]!.conn.close();
    await until(() => upgrader.conns.size === 1, "the end of one");
    // Deno keeps the socket of a connection until its peer has gone.
    clients[1]!.conn.terminate();
    await until(() => upgrader.conns.size === 0, "the end of both");
    for (const conn of made) await conn.closed;
  });

  test(`Upgrader.shutdown() ends what came by ${way.name}, and no more comes`, async () => {
    const made: Conn[] = [];
    await using server = await startBy(
      way,
      {},
      (conn) => void made.push(conn),
    );
    const { upgrader, url, refused, errors } = server;
    const clients = await Promise.all([dialer.dial(url), dialer.dial(url)]);
    await until(() => made.length === 2, "the connections");
    const ends = clients.map(({ conn }) => conn.closed);
    await upgrader.shutdown({ code: 1012, reason: "new", timeout: NEVER });
    for (const { code, reason } of await Promise.all(ends)) {
      assertEquals([code, reason], [1012, "new"]);
    }
    assertEquals(upgrader.conns.size, 0);
    assertEquals(await statusAt(server.port), "503");
    assertEquals(refused.map(({ status, message }) => [status, message]), [
      [503, "Cannot upgrade request: the Upgrader has been shut down"],
    ]);
    assertEquals([made.length, errors.length], [2, 0]);
    // Terminal and idempotent.
    await upgrader.shutdown();
    await upgrader.shutdown({ code: 4000 });
    assertEquals(await statusAt(server.port), "503");
  });

  for (const outcome of ["accepts", "rejects", "refuses", "never comes back"]) {
    test(`Upgrader.shutdown() answers 503 to what is pending by ${way.name}, where authorize ${outcome}`, async () => {
      const asked = deferred();
      const go = deferred();
      let conns = 0;
      await using server = await startBy(way, {
        authorize: async () => {
          asked.resolve();
          await go.promise;
          if (outcome === "rejects") throw new Error("late");
          if (outcome === "refuses") return new Response(null, { status: 401 });
          return { data: 1 };
        },
      }, () => void conns++);
      const { upgrader, refused, errors, port } = server;
      const peer = await connectRaw("TCP", port);
      peer.send(head(...UPGRADE));
      await asked.promise;
      const { log, error } = console;
      const shown: unknown[] = [];
      console.error = (...args: unknown[]) => void shown.push(...args);
      try {
        // It does not wait for the callback, nor for the peer.
        await withTimeout(
          upgrader.shutdown({ timeout: NEVER }),
          5_000,
          "shutdown",
        );
        assertEquals((await peer.readHead()).slice(9, 12), "503");
        assertEquals(refused.map(({ status }) => status), [503]);
        if (outcome !== "never comes back") go.resolve();
        if (outcome === "rejects") {
          const told = way.byHand ? shown : errors;
          await until(() => told.length === 1, "the late error");
          assert((told[0] as Error).message === "late");
        }
      } finally {
        Object.assign(console, { log, error });
      }
      peer.destroy();
      await peer.closed;
      assertEquals([conns, upgrader.conns.size], [0, 0]);
    });
  }

  test(`Upgrader.shutdown() takes a write that it overtook by ${way.name} for no mistake`, async () => {
    const ended = deferred<CloseInfo>();
    await using server = await startBy(way, {}, async (conn) => {
      conn.closed.then(ended.resolve);
      try {
        for (;;) {
          await conn.send("tick");
          await new Promise((resolve) => setImmediate(resolve));
        }
      } catch (error) {
        if (!way.byHand) throw error;
      }
    });
    const { conn } = await dialer.dial(server.url);
    await conn.readMessage();
    conn.closeRead();
    await server.upgrader.shutdown({ timeout: NEVER });
    await ended.promise;
    await conn.closed;
    await new Promise((resolve) => setImmediate(resolve));
    assertEquals(server.errors, []);
  });
}

for (const way of WAYS.filter(({ native }) => !native)) {
  test(`Upgrader.shutdown() cuts who does not answer by ${way.name}`, async () => {
    await using server = await startBy(way);
    const peer = await connectRaw("TCP", server.port);
    peer.send(head(...UPGRADE));
    await peer.readHead();
    await until(() => server.upgrader.conns.size === 1, "the connection");
    const [conn] = server.upgrader.conns;
    await server.upgrader.shutdown({ timeout: SOON });
    const { code, wasClean } = await conn!.closed;
    assertEquals([code, wasClean], [1006, false]);
    assertEquals(server.upgrader.conns.size, 0);
    peer.destroy();
    await peer.closed;
  });
}

test("Upgrader.shutdown() rejects what is no code, no reason and no time", async () => {
  const upgrader = new Upgrader();
  for (const code of [0, 999, 1004, 5000]) {
    await assertRejects(() => upgrader.shutdown({ code }), RangeError);
  }
  await assertRejects(() => upgrader.shutdown({ timeout: 0 }), RangeError);
  for (const options of [{ reason: 1 }, { codes: 1000 }, 1000, null]) {
    await assertRejects(() => upgrader.shutdown(options as never), TypeError);
  }
  // None of it has begun its end.
  const way = WAYS.find(({ name }) => name === "listener()")!;
  await using server = await way.start(upgrader, (conn) => conn.terminate(), {
    onError: () => {},
    onRefused: () => {},
  });
  assertEquals(await statusAt(server.port), "101");
});

for (const place of PLACES.filter(({ carrier }) => carrier === "TCP")) {
  test(`Server.conns is the server's share; ${place.name}`, async () => {
    const upgrader = new Upgrader();
    const first = await serveAt(place, () => {}, { upgrader });
    const second = await serveAt(place, () => {}, {
      upgrader,
      fetch: () => new Response("page"),
    });
    const dial = (server: typeof first) =>
      dialer.dial(`ws://127.0.0.1:${portOf(server)}`);
    const one = (await dial(first)).conn;
    const two = (await dial(second)).conn;
    await until(() => upgrader.conns.size === 2, "the connections");
    assertEquals([first.conns.size, second.conns.size], [1, 1]);
    assert(upgrader.conns.has([...first.conns][0]!));
    // The end of a server is not the Upgrader's.
    await first.shutdown();
    assertEquals((await one.closed).code, 1001);
    assertEquals([first.conns.size, second.conns.size], [0, 1]);
    assertEquals(upgrader.conns.size, 1);
    // And the end of the Upgrader is not the server's.
    await upgrader.shutdown({ code: 4001 });
    assertEquals((await two.closed).code, 4001);
    assertEquals([second.conns.size, upgrader.conns.size], [0, 0]);
    const page = await fetch(`http://127.0.0.1:${portOf(second)}`);
    assertEquals(await page.text(), "page");
    assertEquals(await statusAt(portOf(second)), "503");
    await second.shutdown();
  });
}
