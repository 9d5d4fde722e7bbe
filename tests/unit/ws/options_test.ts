import {
  assert,
  assertEquals,
  assertMatch,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { serve, UnsupportedError } from "../../../mod.ts";
import WebSocket, {
  type ClientOptions,
  type ServerOptions,
  WebSocketServer,
} from "../../../src/ws/mod.ts";
import { ca, certificate } from "../../support/http_server.ts";
import { test } from "../../support/helper.ts";
import { polluted } from "../../support/polluted.ts";
import { message, next, withPair, withServer } from "./support.ts";

const NOWHERE = "ws://127.0.0.1:1/";

/** Not what the type says. */
// deno-lint-ignore no-explicit-any -- of any type
function wrong(value: unknown): any {
  return value;
}

/** Gives a client up that has been made. */
async function drop(ws: WebSocket): Promise<void> {
  const over = next(ws, "close");
  ws.on("error", () => {});
  ws.terminate();
  await over;
}

test("WebSocketServer refuses options that it does not know", () => {
  const cases: [options: unknown, way: RegExp][] = [
    [
      { verfyClient: () => false },
      /verfyClient .* did you mean verifyClient\?$/,
    ],
    [{ authorize: () => false }, /authorize .* it belongs in an Upgrader/],
    [{ threshold: 1 }, /threshold .* it belongs in perMessageDeflate/],
    [{ hostname: "localhost" }, /hostname .* it belongs in serve\(\)/],
    [
      { perMessageDeflate: { treshold: 1 } },
      /treshold of perMessageDeflate .* did you mean threshold\?$/,
    ],
    [
      { perMessageDeflate: { zlibDeflateOptions: { levle: 1 } } },
      /levle of zlib.* did you mean level\?$/,
    ],
    [
      { perMessageDeflate: "yes" },
      /the options of perMessage.* an object, got string$/,
    ],
    [{ verifyClient: "x" }, /verifyClient .* must be a function.* a string$/],
    [{ handleProtocols: {} }, /handleProtocols .* function.* an object$/],
  ];
  for (const [options, way] of cases) {
    const { message } = assertThrows(
      () => new WebSocketServer({ noServer: true, ...wrong(options) }),
      TypeError,
    );
    assertMatch(message, way);
  }
  assertThrows(() => new WebSocketServer(wrong(null)), TypeError);
  assertThrows(() => new WebSocketServer(wrong(undefined)), TypeError);
});

test("WebSocketServer takes all options that ws documents", () => {
  const options: Record<keyof ServerOptions, unknown> = {
    noServer: true,
    port: undefined,
    host: "localhost",
    backlog: 1,
    server: null,
    path: "/path",
    clientTracking: false,
    verifyClient: false,
    handleProtocols: null,
    WebSocket,
    allowSynchronousEvents: true,
    autoPong: true,
    closeTimeout: 1,
    maxPayload: 1,
    perMessageDeflate: {
      zlibDeflateOptions: { chunkSize: 1024, memLevel: 7, level: 3 },
      zlibInflateOptions: { chunkSize: 10 * 1024 },
      clientNoContextTakeover: true,
      serverNoContextTakeover: true,
      serverMaxWindowBits: 10,
      clientMaxWindowBits: 10,
      concurrencyLimit: 10,
      threshold: 1024,
    },
    skipUTF8Validation: false,
  };
  const limits = { maxFragments: 1, maxBufferedChunks: 1 };
  const wss = new WebSocketServer(wrong({ ...options, ...limits }));
  assertEquals([wss.options.path, wss.clients], ["/path", undefined]);
  const deflate = wss.options.perMessageDeflate;
  assert(typeof deflate === "object");
  assertEquals(deflate.threshold, 1024);
});

test("WebSocket refuses options that it does not know, or cannot meet", () => {
  const cases: [options: unknown, way: RegExp][] = [
    [{ hedaers: {} }, /hedaers of WebSocket of ws: .* mean headers\?$/],
    [{ rejectUnauthorised: true }, /did you mean rejectUnauthorized\?$/],
    [{ createConnection: {} }, /createConnection .* must be a function/],
  ];
  for (const [options, way] of cases) {
    for (const args of [[options], [[], options], [undefined, options]]) {
      const { message } = assertThrows(
        () => new WebSocket(NOWHERE, ...wrong(args)),
        TypeError,
      );
      assertMatch(message, way);
    }
  }
  const { signal } = new AbortController();
  const unmet = { crl: {}, minVersion: {}, localPort: {}, signal, socket: {} };
  for (const [name, value] of Object.entries(unmet)) {
    const { message } = assertThrows(
      () => new WebSocket(NOWHERE, wrong({ [name]: value })),
      UnsupportedError,
    );
    assertMatch(message, new RegExp(`option ${name} of ws: `));
  }
});

test("WebSocket and WebSocketServer name the option that is out of range", async () => {
  for (const maxPayload of ["1000", "no limit", NaN, 1.5, {}].map(wrong)) {
    for (
      const make of [
        () => new WebSocket(NOWHERE, { maxPayload }),
        () => new WebSocketServer({ noServer: true, maxPayload }),
      ]
    ) {
      assertMatch(
        assertThrows(make, RangeError).message,
        /^Cannot use maxPayload .*: it must be .* bytes, or 0 for no limit$/,
      );
    }
  }
  for (const maxPayload of [0, -1, Infinity]) {
    new WebSocketServer({ noServer: true, maxPayload });
  }
  for (const made of ["socket", Promise.resolve("socket")]) {
    const ws = new WebSocket(NOWHERE, { createConnection: () => wrong(made) });
    const over = next(ws, "close");
    const [error] = await next(ws, "error");
    assertMatch(
      error.cause.message,
      /^Cannot use what createConnection returned: it must be a socket, got string$/,
    );
    await over;
  }
});

test("WebSocket and WebSocketServer take null for nothing", async () => {
  const common = {
    closeTimeout: null,
    maxPayload: null,
    perMessageDeflate: null,
    skipUTF8Validation: null,
  };
  const client = {
    ...common,
    agent: null,
    auth: null,
    ca: null,
    cert: null,
    createConnection: null,
    handshakeTimeout: null,
    headers: null,
    key: null,
    maxRedirects: null,
    origin: null,
    protocols: null,
    protocolVersion: null,
    servername: null,
    signal: null,
  };
  const server = {
    ...common,
    backlog: null,
    handleProtocols: null,
    path: null,
    server: null,
    verifyClient: null,
    WebSocket: null,
  };
  await withPair(
    async ({ ws, peer, wss }) => {
      const closed = new Promise((resolve) => wss.on("close", resolve));
      const came = message(peer);
      ws.send("a", wrong(null), wrong(null));
      ws.send("b", {}, wrong("no function"));
      ws.ping(wrong(null), wrong(null), wrong(null));
      assertEquals(await came, ["a", false]);
      ws.addEventListener("close", () => {}, wrong(null));
      ws.close(1000, wrong(null));
      ws.send("c", wrong(null), wrong(null));
      await next(ws, "close");
      wss.close(wrong(null));
      await closed;
    },
    wrong(server),
    wrong(client),
  );
});

test("WebSocket takes what node's clients take and does not change whom they ask", async () => {
  const options = { agent: false, pfx: null, lookup: undefined, family: null };
  await drop(
    new WebSocket(
      NOWHERE,
      wrong({ ...options, port: 2, host: "x", keepAlive: true, timeout: 3 }),
    ),
  );
  for (const args of [[null], [null, null], [[], null], [undefined, null]]) {
    await drop(new WebSocket(NOWHERE, ...wrong(args)));
  }
});

test("what stands on Object.prototype opens no WebSocket of ws", async () => {
  await using server = await serve((conn) => conn.send("x"), {
    port: 0,
    hostname: "127.0.0.1",
    tls: certificate,
  });
  const url = `wss://127.0.0.1:${server.addr.port}`;
  for (
    const [name, value] of [
      ["rejectUnauthorized", false],
      ["ca", ca],
    ] as const
  ) {
    await polluted(name, value, async () => {
      const ws = new WebSocket(url);
      ws.on("open", () => assert(false));
      const over = next(ws, "close");
      const [error] = await next(ws, "error");
      assertMatch(String(error), /certificate|issuer|UnknownIssuer/i, name);
      await over;
    });
  }
});

test("what stands on Object.prototype is no option of ws's WebSocket", async () => {
  const never = () => {
    throw new Error("polluted");
  };
  await withServer(async (url, wss) => {
    for (
      const [name, value] of [
        ["createConnection", never],
        ["auth", "user:password"],
        ["headers", { "X-Polluted": "1" }],
        ["origin", "http://polluted.example"],
        ["protocols", ["polluted"]],
        ["agent", {}],
        ["protocolVersion", 8],
        ["followRedirects", true],
        ["maxPayload", 1],
        ["perMessageDeflate", false],
        ["threshold", -1],
        ["level", 77],
        ["binary", true],
        ["fin", false],
        ["once", true],
        ["autoPong", false],
      ] as const
    ) {
      await polluted(name, value, async () => {
        const came = next(wss, "connection");
        const ws = new WebSocket(url, {}, {} as ClientOptions);
        const [peer, request] = await came;
        const first = message(peer);
        await next(ws, "open");
        const { headers } = request;
        assertEquals(
          ["authorization", "origin", "x-polluted", "sec-websocket-protocol"]
            .filter((header) => Object.hasOwn(headers, header)),
          [],
          name,
        );
        assert(Object.hasOwn(headers, "sec-websocket-extensions"), name);
        ws.send("hello", {});
        assertEquals(await first, ["hello", false], name);
        const heard: unknown[] = [];
        ws.addEventListener("message", (event: { data: unknown }) => {
          heard.push(event.data);
        }, {});
        for (const text of ["a", "b"]) {
          const echo = message(ws);
          peer.send(text);
          await echo;
        }
        assertEquals(heard, ["a", "b"], name);
        const pong = next(peer, "pong");
        peer.ping();
        await pong;
        ws.close();
        await next(ws, "close");
      });
    }
  });
});

test("what stands on Object.prototype is no option of ws's WebSocketServer", async () => {
  for (
    const [name, value] of [
      ["verifyClient", () => false],
      ["handleProtocols", () => "polluted"],
      ["server", {}],
      ["noServer", true],
      ["clientTracking", false],
      ["WebSocket", class {}],
      ["perMessageDeflate", true],
    ] as const
  ) {
    await polluted(name, value, async () => {
      await withPair(async ({ ws, peer, wss }) => {
        assertStrictEquals(wss.clients?.size, 1, name);
        assertEquals([ws.protocol, ws.extensions], ["", ""], name);
        const echo = message(ws);
        peer.send("hello");
        assertEquals(await echo, ["hello", false], name);
      });
    });
  }
  await polluted("origin", "http://trusted.example", async () => {
    const origins: unknown[] = [];
    await withPair(() => Promise.resolve(), {
      verifyClient: ({ origin }) => origins.push(origin) > 0,
    });
    assertEquals(origins, [undefined]);
  });
  // Bun's own listen() goes by what stands there.
  await polluted("path", "/nowhere", () => {
    const wss = new WebSocketServer({ noServer: true });
    assert(wss.shouldHandle(wrong({ url: "/" })));
  });
});
