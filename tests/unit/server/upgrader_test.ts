import http from "node:http";
import { once } from "node:events";

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";

import { defaultDialer } from "../../../src/client/dialer.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import { UnsupportedError } from "../../../src/errors.ts";
import { HandshakeError } from "../../../src/peer_errors.ts";
import { serve } from "../../../src/server/serve.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import type { UpgraderOptions } from "../../../src/server/upgrader_options.ts";
import {
  type RunningServer,
  serveNative,
  startNative,
  startServer,
} from "../../support/native.ts";
import {
  maskedFrame,
  RawPeer,
  UPGRADE_HEADERS,
} from "../../support/raw_peer.ts";
import { deferred, runtime, test } from "../../support/helper.ts";
import { listen } from "../../support/sockets.ts";

/** The headers of a good handshake without some, and with others. */
function headersBut(without: string, ...added: string[]): string[] {
  return [
    ...UPGRADE_HEADERS.filter((line) => !line.startsWith(`${without}:`)),
    ...added,
  ];
}

/** The head of the answer, its names in lower case. */
async function answer(
  port: number,
  headers: readonly string[],
  options: { method?: string; early?: Uint8Array } = {},
): Promise<{ status: number; head: string }> {
  using peer = await RawPeer.connect(port);
  peer.request(headers, options);
  const head = (await peer.head()).toLowerCase();
  return { status: Number(head.slice(9, 12)), head };
}

async function assertAlive(server: RunningServer): Promise<void> {
  assertEquals((await answer(server.port, UPGRADE_HEADERS)).status, 101);
}

function throwError(): never {
  throw new Error("user code");
}

test("Upgrader refuses with gorilla's statuses", async () => {
  await using server = serveNative(() => {});
  const cases: [name: string, headers: string[], status: number][] = [
    ["no Connection", headersBut("Connection"), 400],
    [
      "another Connection",
      headersBut("Connection", "Connection: keep-alive"),
      400,
    ],
    ["no Upgrade", headersBut("Upgrade"), 426],
    ["another Upgrade", headersBut("Upgrade", "Upgrade: h2c"), 426],
    ["no version", headersBut("Sec-WebSocket-Version"), 400],
    [
      "another version",
      headersBut("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"),
      400,
    ],
    [
      "version before origin",
      headersBut("Sec-WebSocket-Version", "Origin: http://evil.example"),
      400,
    ],
    [
      "another origin",
      [...UPGRADE_HEADERS, "Origin: http://evil.example"],
      403,
    ],
    [
      "another port",
      [...UPGRADE_HEADERS, "Origin: http://localhost:81"],
      403,
    ],
    ["no origin's name", [...UPGRADE_HEADERS, "Origin: null"], 403],
    [
      "origin before key",
      headersBut("Sec-WebSocket-Key", "Origin: http://evil.example"),
      403,
    ],
    ["no key", headersBut("Sec-WebSocket-Key"), 400],
    [
      "a short key",
      headersBut("Sec-WebSocket-Key", "Sec-WebSocket-Key: abc"),
      400,
    ],
  ];
  for (const [name, headers, status] of cases) {
    const { head } = await answer(server.port, headers);
    assertStringIncludes(head, `http/1.1 ${status} `, name);
    if (status === 426) assertStringIncludes(head, "upgrade: websocket", name);
    else assertStringIncludes(head, "sec-websocket-version: 13", name);
  }
  await assertAlive(server);
});

test("Upgrader refuses a method that is not GET, and a body", async () => {
  await using server = serveNative(() => {});
  const post = await answer(server.port, [
    ...UPGRADE_HEADERS,
    "Content-Length: 0",
  ], { method: "POST" });
  // Deno answers these two without asking us.
  assertEquals(post.status, runtime === "deno" ? 400 : 405);
  const body = await answer(server.port, [
    ...UPGRADE_HEADERS,
    "Content-Length: 3",
  ], { early: new Uint8Array(3) });
  assertEquals(body.status, 400);
  await assertAlive(server);
});

test("Upgrader allows its own origin", async () => {
  await using server = serveNative(() => {});
  const headers = [...UPGRADE_HEADERS, "Origin: https://LOCALHOST"];
  assertEquals((await answer(server.port, headers)).status, 101);
});

test("Upgrader.upgrade() sends custom headers and each Set-Cookie", async () => {
  const upgrader = new Upgrader({
    authorize: () => ({ headers: [["Set-Cookie", "c=3"]] }),
  });
  await using server = startServer(async (request, target) => {
    const { conn, response } = await upgrader.upgrade(request, target, {
      headers: [
        ["X-App", "one"],
        ["Set-Cookie", "a=1; HttpOnly"],
        ["Set-Cookie", "b=2"],
      ],
    });
    conn?.close();
    return response;
  }, upgrader.websocket);
  const { status, head } = await answer(server.port, UPGRADE_HEADERS);
  assertEquals(status, 101);
  assertStringIncludes(head, "x-app: one\r\n");
  assertEquals(head.match(/set-cookie: .*/g), [
    "set-cookie: a=1; httponly",
    "set-cookie: b=2",
    "set-cookie: c=3",
  ]);
});

test("Upgrader.upgrade() answers 500 for headers of the handshake", async () => {
  const upgrader = new Upgrader();
  const errors: HandshakeError[] = [];
  const bad: [string, string][] = [
    ["Sec-WebSocket-Extensions", "permessage-deflate"],
    ["Sec-WebSocket-Accept", "x"],
    ["Upgrade", "h2c"],
    ["X-Split", "a\r\nb: c"],
  ];
  let header: [string, string] = ["", ""];
  await using server = startServer(async (request, target) => {
    const result = await upgrader.upgrade(request, target, {
      headers: [header],
    });
    if (result.conn === undefined) errors.push(result.error);
    return result.response;
  }, upgrader.websocket);
  for (header of bad) {
    const { status } = await answer(server.port, UPGRADE_HEADERS);
    assertEquals(status, 500, header[0]);
  }
  assertEquals(errors.map((error) => error.status), [500, 500, 500, 500]);
  assertInstanceOf(errors[0], HandshakeError);
});

test("Upgrader agrees on a subprotocol, or on none", async () => {
  const cases: [offered: string, chosen: string | undefined][] = [
    ["b", "b"],
    ["a,b", "b"],
    ["a, b ,c", "b"],
    ["a, d", undefined],
    ["B", undefined],
  ];
  await using server = startNative({ subprotocols: ["c", "b"] });
  for (const [offered, chosen] of cases) {
    const { head } = await answer(server.port, [
      ...UPGRADE_HEADERS,
      `Sec-WebSocket-Protocol: ${offered}`,
    ]);
    const sent = /sec-websocket-protocol: (.*)\r/.exec(head)?.[1];
    assertEquals(sent, chosen, offered);
    const { conn } = await server.accept();
    assertEquals(conn.subprotocol, chosen ?? "", offered);
  }
});

test("Upgrader without subprotocols echoes none of the client's", async () => {
  await using server = startNative();
  const { status, head } = await answer(server.port, [
    ...UPGRADE_HEADERS,
    "Sec-WebSocket-Protocol: a, b",
  ]);
  assertEquals(status, 101);
  assert(!head.includes("sec-websocket-protocol"));
});

test("Upgrader answers 500 for a callback that throws, and goes on", async () => {
  let options: UpgraderOptions = {};
  await using server = startServer(
    (request, target) =>
      new Upgrader(options).handler(() => {})
        .fetch(request, target),
    new Upgrader().websocket,
  );
  const throwing: UpgraderOptions[] = [
    { checkOrigin: throwError },
    { checkOrigin: () => Promise.reject(new Error("user code")) },
    { authorize: throwError },
    { authorize: () => Promise.reject(new Error("user code")) },
    { subprotocols: throwError },
    { checkOrigin: throwError, error: throwError },
    { authorize: throwError, error: () => Promise.reject(new Error()) },
  ];
  for (options of throwing) {
    const { status, head } = await answer(server.port, UPGRADE_HEADERS);
    assertEquals(status, 500, Object.keys(options).join());
    assert(!head.includes("user code"));
  }
  options = {};
  await assertAlive(server);
});

test("Upgrader's error callback makes the answer", async () => {
  const statuses: number[] = [];
  await using server = serveNative(() => {}, {
    checkOrigin: () => false,
    error: (_request, status, reason) => {
      statuses.push(status, reason.status);
      return new Response("no\n", { status: 418 });
    },
  });
  const { status } = await answer(server.port, UPGRADE_HEADERS);
  assertEquals(status, 418);
  assertEquals(statuses, [403, 403]);
});

test("Upgrader's authorize callback may answer instead", async () => {
  await using server = serveNative(() => {}, {
    authorize: async () => {
      await Promise.resolve();
      return new Response(null, {
        status: 401,
        headers: { "WWW-Authenticate": "Basic" },
      });
    },
  });
  const { status, head } = await answer(server.port, UPGRADE_HEADERS);
  assertEquals(status, 401);
  assertStringIncludes(head, "www-authenticate: basic");
});

test("Upgrader answers 503 when callbacks exceed handshakeTimeout", async () => {
  const never = deferred<boolean>();
  let slow = true;
  await using server = serveNative(() => {}, {
    handshakeTimeout: 30,
    checkOrigin: () => slow ? never.promise : true,
  });
  assertEquals((await answer(server.port, UPGRADE_HEADERS)).status, 503);
  slow = false;
  await assertAlive(server);
});

test("Upgrader.upgrade() waits for callbacks and keeps the address", async () => {
  await using server = startNative({
    authorize: async () => {
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
  });
  const { peer } = await RawPeer.upgrade(server.port);
  using _ = peer;
  const { conn } = await server.accept();
  const { remoteAddr } = conn;
  assert(remoteAddr?.transport === "tcp");
  assertStringIncludes(remoteAddr.hostname, "127.0.0.1");
  assert(remoteAddr.port > 0);
});

test("Upgrader reads what the client has sent behind its request", async () => {
  await using server = startNative();
  const { peer } = await RawPeer.upgrade(
    server.port,
    [],
    maskedFrame(1, "early"),
  );
  using _ = peer;
  const { conn } = await server.accept();
  assertEquals((await conn.readMessage()).data, "early");
});

test("Upgrader.handler() gives other requests to fetch", async () => {
  await using server = serveNative(() => {}, {
    fetch: (request) => new Response(`path ${new URL(request.url).pathname}`),
  });
  const response = await fetch(`http://127.0.0.1:${server.port}/page`);
  assertEquals(await response.text(), "path /page");
});

test("Upgrader.handler() answers 426 to other requests by default", async () => {
  await using server = serveNative(() => {});
  const { status, head } = await answer(server.port, ["Host: localhost"]);
  assertEquals(status, 426);
  assertStringIncludes(head, "upgrade: websocket\r\n");
});

test("Upgrader.handler() goes on when fetch throws", async () => {
  await using server = serveNative(() => {}, { fetch: throwError });
  const { status } = await answer(server.port, ["Host: localhost"]);
  assertEquals(status, 500);
  await assertAlive(server);
});

test("Upgrader.upgrade() answers 500 for a copied Request", async () => {
  const upgrader = new Upgrader();
  const errors: HandshakeError[] = [];
  await using server = startServer(async (request, target) => {
    const result = await upgrader.upgrade(new Request(request), target);
    if (result.conn === undefined) errors.push(result.error);
    return result.response;
  }, upgrader.websocket);
  const { status } = await answer(server.port, UPGRADE_HEADERS);
  assertEquals(status, 500);
  assertInstanceOf(errors[0]?.cause, TypeError);
}, { only: "bun" });

test("Upgrader.upgrade() ends a connection from a copied Request", async () => {
  const upgrader = new Upgrader({ handshakeTimeout: 50 });
  const ended = deferred<unknown>();
  await using server = startServer(async (request, target) => {
    const { conn, response } = await upgrader.upgrade(
      new Request(request),
      target,
    );
    conn?.send("lost");
    conn?.closed.then((info) => ended.resolve(info.cause));
    return response;
  }, undefined);
  const { peer } = await RawPeer.upgrade(server.port);
  using _ = peer;
  const cause = await ended.promise;
  assertInstanceOf(cause, DOMException);
  assertEquals(cause.name, "TimeoutError");
  assertStringIncludes(cause.message, "not a copy");
}, { only: "deno" });

test("Upgrader.upgrade() answers 500 to a second upgrade", async () => {
  const upgrader = new Upgrader();
  const second = deferred<unknown>();
  await using server = startServer(async (request, target) => {
    const { response } = await upgrader.upgrade(request, target);
    second.resolve(await upgrader.upgrade(request, target));
    return response;
  }, upgrader.websocket);
  const { peer, head } = await RawPeer.upgrade(server.port);
  using _ = peer;
  assertStringIncludes(head, " 101 ");
  const { conn, error } = await second.promise as {
    conn?: unknown;
    error: HandshakeError;
  };
  assertEquals(conn, undefined);
  assertEquals(error.status, 500);
});

test("Upgrader.handler() and upgrade() throw for a missing capability", async () => {
  const upgrader = new Upgrader({ require: ["closeHandler", "streaming"] });
  const error = assertThrows(
    () => upgrader.handler(() => {}),
    UnsupportedError,
  );
  assertStringIncludes(error.message, '"streaming"');
  assertStringIncludes(error.message, "native engine");
  const request = new Request("http://localhost/");
  await assertRejects(() => upgrader.upgrade(request), UnsupportedError);
});

test("Upgrader.handler() passes what the engine has", () => {
  new Upgrader({ require: ["closeHandler", "writeLimit"] }).handler(() => {});
});

test("Upgrader.upgrade() throws without Bun's server", async () => {
  const request = new Request("http://localhost/");
  const error = await assertRejects(
    () => new Upgrader().upgrade(request),
    TypeError,
  );
  assertStringIncludes(error.message, "pass the server");
}, { only: "bun" });

test("Upgrader checks its options", () => {
  const bad: [options: unknown, error: typeof TypeError | typeof RangeError][] =
    [
      [{ handshakeTimeout: 0 }, RangeError],
      [{ handshakeTimeout: NaN }, RangeError],
      [{ readLimit: 0 }, RangeError],
      [{ checkOrigin: true }, TypeError],
      [{ authorize: "no" }, TypeError],
      [{ error: null }, TypeError],
      [{ subprotocols: "chat" }, TypeError],
      [{ subprotocols: ["a b"] }, TypeError],
      [{ subprotocols: ["a", "a"] }, TypeError],
      [{ require: ["pings"] }, TypeError],
      [{ require: ["__proto__"] }, TypeError],
    ];
  for (const [options, error] of bad) {
    assertThrows(
      () => new Upgrader(options as UpgraderOptions),
      error,
      "Cannot",
      JSON.stringify(options),
    );
  }
});

test("Upgrader does not see later changes of its options", async () => {
  const subprotocols = ["a"];
  await using server = startNative({ subprotocols });
  subprotocols[0] = "b";
  const { head } = await answer(server.port, [
    ...UPGRADE_HEADERS,
    "Sec-WebSocket-Protocol: a",
  ]);
  assertStringIncludes(head, "sec-websocket-protocol: a\r\n");
});

/** Values that must reach the handler as they are, looked at by nobody. */
const DATA: Readonly<Record<string, () => unknown>> = {
  "an object": () => ({ name: "Ada" }),
  "nothing": () => undefined,
  "null": () => null,
  "zero": () => 0,
  "a function": () => () => {},
  "a promise that rejects": () => {
    const promise = Promise.reject(new Error("data"));
    promise.catch(() => {});
    return promise;
  },
  "a then that throws": () => ({
    get then() {
      throw new Error("then");
    },
  }),
  "a revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  "a Response": () => new Response(),
};

for (const [name, make] of Object.entries(DATA)) {
  test(`Upgrader hands data over that is ${name}`, async () => {
    const data = make();
    const upgrader = new Upgrader({ authorize: () => ({ data }) });
    const got: Conn[] = [];
    const take = (conn: Conn) => {
      got.push(conn);
      conn.terminate();
    };
    const { fetch, websocket } = upgrader.handler(take);
    await using native = startServer(async (request, target) => {
      if (!request.url.endsWith("/hand")) return fetch(request, target);
      const { conn, response } = await upgrader.upgrade(request, target);
      if (conn) take(conn);
      return response;
    }, websocket);
    await using served = await serve(take, {
      port: 0,
      hostname: "127.0.0.1",
      upgrader,
    });
    const server = http.createServer();
    const listener = upgrader.listener(take);
    server.on("upgrade", async (request, socket, head) => {
      if (request.url !== "/hand") return listener(request, socket, head);
      const conn = await upgrader.upgradeSocket(request, socket, head);
      if (conn) take(conn);
    });
    const port = await listen(server);
    for (const at of [native.port, served.addr.port, port]) {
      for (const path of ["/", "/hand"]) {
        const { conn } = await defaultDialer.dial(
          `ws://127.0.0.1:${at}${path}`,
        );
        await conn.closed;
      }
    }
    assertEquals(got.length, 6);
    assert(got.every((conn) => Object.is(conn.data, data)));
    for (const conn of got) await conn.closed;
    await once(server.close(), "close");
  });
}

for (
  const [name, make, message] of [
    ["headers alone", () => new Headers(), "{ data, headers }"],
    ["a record of headers", () => ({ "X-A": "b" }), "{ data, headers }"],
    ["pairs of headers", () => [["X-A", "b"]], "{ data, headers }"],
    ["a user", () => ({ id: 1 }), "{ data, headers }"],
    ["a class", () => new (class User {})(), "{ data, headers }"],
    ["data that throws", () => ({
      get data() {
        throw new Error("no data");
      },
    }), "no data"],
    ["headers that throw", () => ({
      get headers() {
        throw new Error("no headers");
      },
    }), "no headers"],
    ["headers that are none", () => ({ headers: 1 }), "Cannot read headers"],
    ["a revoked proxy", () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    }, ""],
  ] as const
) {
  test(`Upgrader answers 500 to ${name} of authorize, and tells`, async () => {
    for (const engine of ["wire", "native"] as const) {
      const errors: unknown[] = [];
      await using server = await serve(() => {}, {
        port: 0,
        hostname: "127.0.0.1",
        engine,
        upgrader: { authorize: () => make() as Response },
        onError: (error) => void errors.push(error),
      });
      const { status } = await answer(server.addr.port, UPGRADE_HEADERS);
      assertEquals([status, errors.length], [500, 1]);
      assertStringIncludes((errors[0] as Error).message, message);
      assertEquals(server.conns.size, 0);
    }
  });
}

test("conn.data is undefined without authorize, and of others' connections", async () => {
  const got = deferred<Conn>();
  await using server = await serve(got.resolve, {
    port: 0,
    hostname: "127.0.0.1",
  });
  const { conn } = await defaultDialer.dial(
    `ws://127.0.0.1:${server.addr.port}`,
  );
  assertEquals([conn.data, (await got.promise).data], [undefined, undefined]);
  await conn.close();
});
