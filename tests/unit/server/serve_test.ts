import net from "node:net";

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";

import type { Conn } from "../../../src/conn/conn.ts";
import { Dialer } from "../../../src/client/dialer.ts";
import { UnsupportedError } from "../../../src/errors.ts";
import { serve, type Server } from "../../../src/server/serve.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import type { UpgradeInfo } from "../../../src/server/upgrader_options.ts";
import {
  answerOf,
  ca,
  connectRaw,
  head,
  UPGRADE,
  upgradeBut,
} from "../../support/http_server.ts";
import {
  echo,
  everywhere,
  peerOf,
  type Place,
  portOf,
  serveAt,
  WIRE_PLACES,
  wsUrl,
} from "../../support/servers.ts";
import { deferred, runtime, test } from "../../support/helper.ts";
import { listen } from "../../support/sockets.ts";
import { until } from "../../suite/fixture.ts";

const dialer = new Dialer({ tls: { ca } });

everywhere("serve() carries messages both ways", async (place) => {
  await using server = await serveAt(place, echo);
  const { conn } = await dialer.dial(wsUrl(place, server));
  conn.send("Hello");
  conn.send(new Uint8Array(100_000).fill(7));
  assertEquals(await conn.readMessage(), { type: 1, data: "Hello" });
  const { type, data } = await conn.readMessage();
  assertEquals([type, data.length], [2, 100_000]);
  await until(() => server.conns.size === 1, "the connection");
  const [served] = server.conns;
  assertEquals(served!.engine, place.engine);
  await conn.close();
  await until(() => server.conns.size === 0, "the end of the connection");
});

everywhere("serve() takes the handshakes of odd devices", async (place) => {
  await using server = await serveAt(place, (conn) => conn.terminate());
  for (
    const request of [
      upgradeBut(
        "Sec-WebSocket-K",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZf==",
      ),
      head(...UPGRADE, 'Sec-WebSocket-Extensions: a;b="'),
      head(...UPGRADE, "Expect: 100-continue"),
    ]
  ) {
    const peer = await connectRaw(place.carrier, portOf(server));
    peer.send(request);
    const first = await peer.readHead();
    const last = first.includes(" 100 ") ? await peer.readHead() : first;
    assertStringIncludes(last, "HTTP/1.1 101 ", request);
    peer.destroy();
    await peer.closed;
  }
});

everywhere(
  "serve() tells its callbacks the client's address",
  async (place) => {
    const told: UpgradeInfo[] = [];
    const accepted = deferred<Conn>();
    const tell = (_request: Request, info: UpgradeInfo) => void told.push(info);
    await using server = await serveAt(
      place,
      (conn) => accepted.resolve(conn),
      {
        upgrader: {
          checkOrigin: (request, info) => {
            tell(request, info);
            return true;
          },
          authorize: tell,
        },
      },
    );
    const { conn } = await dialer.dial(wsUrl(place, server));
    const { remoteAddr } = await accepted.promise;
    const info = { remoteAddr, clientAddr: remoteAddr };
    assertEquals(told, [info, info]);
    const { localAddr } = conn;
    assert(localAddr?.transport === "tcp" && remoteAddr?.transport === "tcp");
    assertEquals(remoteAddr.port, localAddr.port);
    assertStringIncludes(remoteAddr.hostname, "127.0.0.1");
    await conn.close();
  },
);

everywhere("serve() tells the port and calls onListen", async (place) => {
  const told: unknown[] = [];
  await using server = await serveAt(place, echo, {
    onListen: (addr) => told.push(addr),
  });
  const port = portOf(server);
  assert(port > 0);
  assertEquals(told, [{ transport: "tcp", hostname: "127.0.0.1", port }]);
  assertEquals(server.addr, told[0]);
});

everywhere("serve() rejects when the address is in use", async (place) => {
  const taken = net.createServer();
  const port = await listen(taken);
  try {
    const error = await assertRejects(
      () => serveAt(place, echo, { port }),
      Error,
      `Cannot listen on 127.0.0.1:${port}: EADDRINUSE`,
    );
    assert(error.cause instanceof Error);
  } finally {
    taken.close();
  }
});

everywhere("serve() shuts down when onListen throws", async (place) => {
  let port = 0;
  await assertRejects(
    () =>
      serveAt(place, echo, {
        onListen: (addr) => {
          if (addr.transport === "tcp") port = addr.port;
          throw new Error("of onListen");
        },
      }),
    Error,
    "of onListen",
  );
  const again = net.createServer();
  again.listen(port, "127.0.0.1");
  const { promise, resolve, reject } = deferred();
  again.once("listening", resolve).once("error", reject);
  await promise;
  again.close();
});

everywhere("serve() answers upgrades off its path with 404", async (place) => {
  await using server = await serveAt(place, echo, { path: "/ä b" });
  const answers: number[] = [];
  for (const target of ["/", "/x", "/%C3%A4%20b/", "//%C3%A4%20b"]) {
    const lines = head(`GET ${target} HTTP/1.1`, ...UPGRADE.slice(1));
    answers.push(await statusOf(place, server, lines));
  }
  assertEquals(answers, [404, 404, 404, 404]);
  for (const target of ["/%C3%A4%20b", "/x/../%C3%A4%20b?query"]) {
    const lines = head(`GET ${target} HTTP/1.1`, ...UPGRADE.slice(1));
    assertEquals(await statusOf(place, server, lines), 101, target);
  }
});

everywhere("serve() answers other requests with 426", async (place) => {
  await using server = await serveAt(place, echo);
  const request = head("GET / HTTP/1.1", "Host: a", "Connection: close");
  const answer = await answerOf(place.carrier, portOf(server), request);
  assertEquals(answer.status, 426);
  assertStringIncludes(answer.body, "Upgrade Required\n");
  assertStringIncludes(answer.head.toLowerCase(), "\r\nupgrade: websocket\r\n");
});

everywhere(
  "serve() answers 400 to an Upgrade without a Connection",
  async (place) => {
    await using server = await serveAt(place, echo);
    assertEquals(await statusOf(place, server, upgradeBut("Connection")), 400);
  },
);

everywhere("serve() shuts down by its signal", async (place) => {
  const abort = new AbortController();
  const server = await serveAt(place, () => {}, { signal: abort.signal });
  const peer = await peerOf(place, server);
  await until(() => server.conns.size === 1, "the connection");
  abort.abort();
  await peer.expectClose(1001);
  peer.sendFrame({ opcode: 8, payload: new Uint8Array([3, 233]) });
  await peer.ended;
  peer.end();
  await server.finished;
  assertEquals(server.conns.size, 0);
});

everywhere(
  "serve() rejects with the reason of an aborted signal",
  async (place) => {
    const reason = new Error("too late");
    const signal = AbortSignal.abort(reason);
    const error = await serveAt(place, echo, { signal }).catch((error) =>
      error
    );
    assertEquals(error, reason);
    // Between the call and the listening.
    const abort = new AbortController();
    const pending = serveAt(place, echo, {
      signal: abort.signal,
      onListen: () => abort.abort(reason),
    });
    await (await pending).finished;
  },
);

everywhere(
  "serve() reports what handlers throw, and goes on",
  async (place) => {
    const reported: [string, boolean][] = [];
    await using server = await serveAt(place, () => {
      throw new Error("of onConn");
    }, {
      fetch: () => {
        throw new Error("of fetch");
      },
      onError: (error, conn) => {
        reported.push([(error as Error).message, conn !== undefined]);
        throw new Error("of onError");
      },
    });
    const logged: string[] = [];
    const log = console.error;
    console.error = (error: Error) => void logged.push(error.message);
    try {
      for (let i = 0; i < 2; i++) {
        const peer = await peerOf(place, server);
        await peer.expectClose(1011, "");
        peer.destroy();
        await peer.closed;
        const request = head("GET / HTTP/1.1", "Host: a", "Connection: close");
        const answer = await answerOf(place.carrier, portOf(server), request);
        assertEquals([answer.status, answer.body], [
          500,
          "Internal Server Error\n",
        ]);
      }
    } finally {
      console.error = log;
    }
    assertEquals(reported, [
      ["of onConn", true],
      ["of fetch", false],
      ["of onConn", true],
      ["of fetch", false],
    ]);
    const told = reported.flatMap(([of]) => ["of onError", of]);
    assertEquals(logged, told);
  },
);

everywhere("serve() takes an Upgrader or its options", async (place) => {
  const options = { checkOrigin: () => false };
  for (const upgrader of [options, new Upgrader(options)]) {
    await using server = await serveAt(place, echo, { upgrader });
    assertEquals(await statusOf(place, server, head(...UPGRADE)), 403);
  }
});

test("serve() rejects options that are wrong", async () => {
  for (const path of ["", "ws", "/a?b", "/a#b", "http://a/b"]) {
    await assertRejects(() => serve(echo, { path }), TypeError, "slash");
  }
  await assertRejects(
    () => serve(echo, { engine: "other" as "wire" }),
    TypeError,
    '"other"',
  );
  await assertRejects(() => serve(echo, { port: 70_000 }), RangeError);
});

test("serve() rejects when the engine lacks what is required", async () => {
  if (runtime === "deno") {
    await assertRejects(
      () => serve(echo, { engine: "native", upgrader: { require: ["ping"] } }),
      UnsupportedError,
      "ping",
    );
  } else {
    await assertRejects(
      () =>
        serve(echo, {
          engine: "native",
          upgrader: { require: ["closeHandshake"] },
        }),
      UnsupportedError,
      "closeHandshake",
    );
  }
});

for (const place of WIRE_PLACES) {
  test(`serve() cuts who sends no head; ${place.name}`, async () => {
    await using server = await serveAt(place, echo, {
      upgrader: { handshakeTimeout: 1000 },
    });
    for (const sent of ["", "GET / HTTP/1.1\r\nHost: a\r\n"]) {
      const peer = await connectRaw(place.carrier, portOf(server));
      peer.send(sent);
      const rest = new TextDecoder().decode(await peer.readRest());
      assertStringIncludes(rest, "HTTP/1.1 408 ");
      peer.destroy();
      await peer.closed;
    }
  });

  test(`serve() answers what is no HTTP; ${place.name}`, async () => {
    await using server = await serveAt(place, echo);
    for (
      const [request, status] of [
        ["\0\x01\x02\r\n\r\n", 400],
        ["GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400],
        [head("GET / HTTP/1.1", `X: ${"x".repeat(100_000)}`), 431],
      ] as const
    ) {
      const answer = await answerOf(place.carrier, portOf(server), request);
      assertEquals(answer.status, status, request.slice(0, 20));
      assertStringIncludes(answer.head, "Connection: close");
    }
    assertEquals(await statusOf(place, server, head(...UPGRADE)), 101);
  });

  test(`serve() gives other upgrades to fetch; ${place.name}`, async () => {
    await using server = await serveAt(place, echo, {
      fetch: async (request) => new Response(`got ${await request.text()}`),
    });
    const request = head(
      "POST / HTTP/1.1",
      "Host: a",
      "Connection: Upgrade, HTTP2-Settings, close",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
      "Content-Length: 3",
    ) + "abc";
    const answer = await answerOf(place.carrier, portOf(server), request);
    assertEquals(answer.status, 200);
    assertStringIncludes(answer.body, "got abc");
  });
}

test("serve() cuts who does not finish the TLS handshake", async () => {
  await using server = await serveAt(WIRE_PLACES[1]!, echo, {
    upgrader: { handshakeTimeout: 200 },
  });
  for (const sent of ["", "\x16\x03\x01"]) {
    const socket = net.connect(portOf(server), "127.0.0.1");
    const { promise, resolve } = deferred();
    socket.on("error", () => {}).on("data", () => {}).on("close", resolve);
    socket.write(sent);
    await promise;
  }
}, { only: "deno" }); // Bun tells nobody of such a connection, and cuts it itself after 12 s.

test("serve() speaks nothing but HTTP/1.1 over TLS", async () => {
  const [, place] = WIRE_PLACES;
  await using server = await serveAt(place!, echo);
  const tls = await import("node:tls");
  const { promise, resolve } = deferred<string>();
  const socket = tls.connect({
    port: portOf(server),
    host: "127.0.0.1",
    ca,
    ALPNProtocols: ["h2", "http/1.1"],
  }, () => resolve(String(socket.alpnProtocol)));
  // Bun agrees on nothing, which means the same.
  assertEquals(await promise, runtime === "deno" ? "http/1.1" : "false");
  socket.destroy();
});

/** The status of the answer; the connection is then cut. */
async function statusOf(
  place: Place,
  server: Server,
  request: string,
): Promise<number> {
  const peer = await connectRaw(place.carrier, portOf(server));
  try {
    peer.send(request);
    return Number((await peer.readHead()).slice(9, 12));
  } finally {
    peer.destroy();
    await peer.closed;
  }
}
