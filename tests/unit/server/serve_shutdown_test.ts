import { once } from "node:events";
import net from "node:net";

import { assert, assertEquals, assertRejects } from "@std/assert";

import type { CloseInfo } from "../../../src/close.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import { Dialer } from "../../../src/client/dialer.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import type { RawPeer } from "../../../src/testing/raw_peer.ts";
import { ca, connectRaw, head, UPGRADE } from "../../support/http_server.ts";
import {
  echo,
  everywhere,
  peerOf,
  type Place,
  PLACES,
  portOf,
  serveAt,
  WIRE_PLACES,
  wsUrl,
} from "../../support/servers.ts";
import {
  deferred,
  hex,
  runtime,
  test,
  withTimeout,
} from "../../support/helper.ts";
import { until } from "../../suite/fixture.ts";

const NEVER = 60_000;
const SOON = 150;
const dialer = new Dialer({ tls: { ca } });

function onWire(name: string, fn: (place: Place) => Promise<void>): void {
  for (const place of WIRE_PLACES) {
    test(`${name}; ${place.name}`, () => fn(place));
  }
}

everywhere(
  "shutdown() closes every connection and accepts no more",
  async (place) => {
    const ends: CloseInfo[] = [];
    const server = await serveAt(place, (conn) => {
      conn.closed.then((info) => ends.push(info));
      return echo(conn);
    });
    const clients = await Promise.all(
      Array.from({ length: 5 }, () => dialer.dial(wsUrl(place, server))),
    );
    await until(() => server.conns.size === 5, "the connections");
    const port = portOf(server);
    const shutdown = server.shutdown({ code: 1012, reason: "new version" });
    const errors = await Promise.all(
      clients.map(({ conn }) => conn.readMessage().catch((error) => error)),
    );
    for (const { code, reason } of errors) {
      assertEquals([code, reason], [1012, "new version"]);
    }
    await shutdown;
    await server.finished;
    assertEquals(server.conns.size, 0);
    assertEquals(ends.length, 5);
    for (const { conn } of clients) await conn.closed;
    const refused = net.connect(port, "127.0.0.1");
    const { promise, resolve } = deferred<string>();
    refused.on(
      "error",
      (error: Error & { code: string }) => resolve(error.code),
    );
    refused.on("connect", () => resolve("connected"));
    assertEquals(await promise, "ECONNREFUSED");
  },
);

everywhere("shutdown() may be called again, and by disposal", async (place) => {
  const server = await serveAt(place, echo);
  const { conn } = await dialer.dial(wsUrl(place, server));
  const order: string[] = [];
  const both = [
    server.shutdown({ code: 4000 }).then(() => order.push("first")),
    server.shutdown({ code: 4001 }).then(() => order.push("second")),
    server[Symbol.asyncDispose]().then(() => order.push("disposal")),
  ];
  const { code } = await conn.readMessage().catch((error) => error);
  assertEquals(code, 4000);
  await Promise.all(both);
  assertEquals(order.length, 3);
  await server.shutdown();
});

everywhere(
  "shutdown() rejects what is no code, no reason and no time",
  async (place) => {
    await using server = await serveAt(place, echo);
    for (const code of [0, 999, 1004, 2999, 5000]) {
      await assertRejects(
        () => server.shutdown({ code }),
        RangeError,
        `${code}`,
      );
    }
    await assertRejects(
      () => server.shutdown({ reason: 1 as unknown as string }),
      TypeError,
    );
    await assertRejects(() => server.shutdown({ timeout: 0 }), RangeError);
    // None of it has shut anything down.
    const { conn } = await dialer.dial(wsUrl(place, server));
    await conn.close();
  },
);

everywhere("shutdown() cuts a reason that is too long", async (place) => {
  const server = await serveAt(place, echo);
  const { conn } = await dialer.dial(wsUrl(place, server));
  server.shutdown({ reason: "é".repeat(100) });
  assertEquals((await conn.closed).reason, "é".repeat(61));
  await server.finished;
});

onWire("shutdown() cuts who does not answer the close frame", async (place) => {
  const opened = deferred<Conn>();
  const server = await serveAt(place, (conn) => opened.resolve(conn));
  const peer = await peerOf(place, server);
  const conn = await opened.promise;
  const shutdown = server.shutdown({ timeout: SOON });
  await peer.expectClose(1001);
  await shutdown;
  const { code, wasClean, initiator } = await conn.closed;
  assertEquals([code, wasClean, initiator], [1006, false, "local"]);
  peer.destroy();
  await peer.closed;
});

onWire(
  "shutdown() cuts who reads nothing, and a close that had begun",
  async (place) => {
    const conns: Conn[] = [];
    const server = await serveAt(place, (conn) => void conns.push(conn));
    const slow = await peerOf(place, server);
    slow.pause();
    const closing = await peerOf(place, server);
    await until(() => conns.length === 2, "the connections");
    conns[0]!.send(new Uint8Array(32 * 2 ** 20));
    conns[1]!.close(1000, "", { timeout: NEVER });
    await server.shutdown({ timeout: SOON });
    for (const conn of conns) assertEquals(conn.state, "closed");
    for (const peer of [slow, closing]) {
      peer.destroy();
      await peer.closed;
    }
  },
);

everywhere(
  "shutdown() refuses handshakes that it overtakes, without a wait for authorize",
  async (place) => {
    const hang = deferred();
    const upgrader = new Upgrader({
      handshakeTimeout: NEVER,
      authorize: () => {
        asked++;
        return hang.promise;
      },
    });
    let asked = 0;
    let conns = 0;
    const refused: number[] = [];
    const onConn = () => void conns++;
    const server = await serveAt(place, onConn, {
      upgrader,
      onRefused: ({ status }) => void refused.push(status),
    });
    // Its Upgrader may serve others, whose handshakes go on.
    const other = await serveAt(place, onConn, { upgrader });
    const peers = await Promise.all(
      [server, other].map((one) => connectRaw(place.carrier, portOf(one))),
    );
    for (const peer of peers) peer.send(head(...UPGRADE));
    await until(() => asked === 2, "both handshakes");
    const shutdown = server.shutdown({ timeout: NEVER });
    assert((await peers[0]!.readHead()).startsWith("HTTP/1.1 503 "));
    peers[0]!.end();
    await shutdown;
    assertEquals([conns, refused], [0, [503]]);
    hang.resolve();
    assert((await peers[1]!.readHead()).startsWith("HTTP/1.1 101 "));
    await until(() => conns === 1, "the connection");
    for (const peer of peers) {
      peer.destroy();
      await peer.closed;
    }
    await other.shutdown();
  },
);

everywhere("shutdown() lets requests in flight finish", async (place) => {
  const asked = deferred();
  const go = deferred();
  const server = await serveAt(place, echo, {
    fetch: async () => {
      asked.resolve();
      await go.promise;
      return new Response("finished");
    },
  });
  const peer = await connectRaw(place.carrier, portOf(server));
  peer.send(head("GET / HTTP/1.1", "Host: a"));
  await asked.promise;
  const shutdown = server.shutdown({ timeout: NEVER });
  go.resolve();
  assert((await peer.readHead()).startsWith("HTTP/1.1 200 "));
  const body = new TextDecoder().decode(await peer.readRest());
  assert(body.includes("finished"), body);
  peer.destroy();
  await peer.closed;
  await shutdown;
});

everywhere("shutdown() cuts requests that hang", async (place) => {
  const asked = deferred();
  const hang = deferred<Response>();
  const server = await serveAt(place, echo, {
    fetch: () => {
      asked.resolve();
      return hang.promise;
    },
  });
  const peer = await connectRaw(place.carrier, portOf(server));
  peer.send(head("GET / HTTP/1.1", "Host: a"));
  await asked.promise;
  await server.shutdown({ timeout: SOON });
  const answer = new TextDecoder().decode(await peer.readRest());
  assert(!answer.includes(" 200 "), answer);
  peer.destroy();
  await peer.closed;
  hang.resolve(new Response("late"));
});

onWire("shutdown() finishes an answer that has begun", async (place) => {
  const go = deferred();
  const server = await serveAt(place, echo, {
    fetch: () =>
      new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(new Uint8Array([65]));
            await go.promise;
            controller.enqueue(new Uint8Array([66]));
            controller.close();
          },
        }),
      ),
  });
  const peer = await connectRaw(place.carrier, portOf(server));
  peer.send(head("GET / HTTP/1.1", "Host: a"));
  await peer.readHead();
  assertEquals(await peer.readBytes(6), hex("31 0d 0a 41 0d 0a"));
  const shutdown = server.shutdown({ timeout: NEVER });
  go.resolve();
  // The connection goes behind it, although its head did not say so.
  assertEquals(
    await peer.readRest(),
    hex("31 0d 0a 42 0d 0a 30 0d 0a 0d 0a"),
  );
  peer.end();
  await shutdown;
  await peer.closed;
});

onWire(
  "shutdown() does not wait for connections without a request",
  async (place) => {
    const server = await serveAt(place, echo);
    const peers: RawPeer[] = [];
    for (
      const sent of [
        "",
        "GET / HTTP/1.1\r\n",
        head("GET / HTTP/1.1", "Host: a"),
      ]
    ) {
      const peer = await connectRaw(place.carrier, portOf(server));
      peer.send(sent);
      if (sent.endsWith("\r\n\r\n")) await peer.readHead();
      peers.push(peer);
    }
    await server.shutdown({ timeout: NEVER });
    // Bun tells nobody of a TCP connection before its first byte: it stays.
    const untold = runtime === "bun" && place.carrier === "TCP"
      ? peers[0]
      : undefined;
    for (const peer of peers) {
      if (peer !== untold) await peer.ended;
      peer.destroy();
      await peer.closed;
    }
  },
);

for (const place of PLACES.filter(({ carrier }) => carrier === "TLS")) {
  // There, nobody tells us of such a connection, and its server waits for it.
  if (runtime === "deno" && place.engine === "native") continue;
  test(`shutdown() waits for no connection that has not spoken TLS; ${place.name}`, async () => {
    const upgrader = { handshakeTimeout: NEVER };
    const server = await serveAt(place, echo, { upgrader });
    const socket = net.connect(portOf(server), "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    // Whoever comes later is heard behind it.
    const { conn } = await dialer.dial(wsUrl(place, server));
    await server.shutdown({ timeout: NEVER });
    assertEquals((await conn.closed).code, 1001);
    socket.destroy();
  });
}

for (const place of PLACES.filter(({ carrier }) => carrier === "TLS")) {
  if (runtime === "deno" && place.engine === "native") continue;
  test(`shutdown() waits no longer than its timeout for a TLS handshake; ${place.name}`, async () => {
    const upgrader = { handshakeTimeout: NEVER };
    const server = await serveAt(place, echo, { upgrader });
    const socket = net.connect(portOf(server), "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(hex("16 03 01"));
    // Whoever comes later is heard behind it.
    const { conn } = await dialer.dial(wsUrl(place, server));
    conn.terminate();
    await withTimeout(
      server.shutdown({ timeout: SOON }),
      5_000,
      "the server's end",
    );
    socket.destroy();
  });
}

for (const place of WIRE_PLACES) {
  // A TLS handshake costs as much as hundreds of messages.
  const count = place.carrier === "TCP" ? 1000 : 200;
  const name = `shutdown() ends ${count} connections under load; ${place.name}`;
  test(name, async () => {
    const ends: CloseInfo[] = [];
    const server = await serveAt(place, (conn) => {
      conn.closed.then((info) => ends.push(info));
      return echo(conn);
    });
    const clients: Conn[] = [];
    for (let i = 0; i < count; i += 50) {
      const dials = Array.from(
        { length: 50 },
        () => dialer.dial(wsUrl(place, server)),
      );
      for (const { conn } of await Promise.all(dials)) clients.push(conn);
    }
    await until(() => server.conns.size === count, "the connections");
    // Each keeps one message on its way until it is told to go.
    const codes = clients.map(async (conn) => {
      for (;;) {
        conn.send("load");
        try {
          await conn.readMessage();
        } catch (error) {
          return (error as { code?: number }).code;
        }
      }
    });
    await server.shutdown({ timeout: NEVER });
    assertEquals(new Set(await Promise.all(codes)), new Set([1001]));
    assertEquals(server.conns.size, 0);
    assertEquals(ends.length, count);
    assert(
      ends.every(({ wasClean, initiator }) =>
        wasClean && initiator === "local"
      ),
    );
    for (const conn of clients) await conn.closed;
  }, { timeout: 30_000 });
}
