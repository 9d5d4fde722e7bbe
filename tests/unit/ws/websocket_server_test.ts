import http from "node:http";
import type { AddressInfo } from "node:net";

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import WebSocket, { WebSocketServer } from "../../../src/ws/mod.ts";
import { rawDial } from "../../../src/testing/mod.ts";
import { Child } from "../../support/child.ts";
import { deferred, hex, test } from "../../support/helper.ts";
import { listen } from "../../support/sockets.ts";
import { message, next, withPair, withServer } from "./support.ts";

/** Sends a request, and reads the answer to its end. */
async function ask(
  url: string,
  lines: readonly string[],
  method = "GET",
): Promise<string> {
  const { peer } = await rawDial(url, { handshake: false });
  peer.send(
    [
      `${method} ${new URL(url).pathname} HTTP/1.1`,
      "Host: localhost",
      ...lines,
      "\r\n",
    ].join("\r\n"),
  );
  const answer = new TextDecoder().decode(await peer.readRest());
  peer.destroy();
  return answer;
}

const UPGRADE = ["Connection: Upgrade", "Upgrade: websocket"];
const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const VERSION = "Sec-WebSocket-Version: 13";

test("WebSocketServer wants one of port, server and noServer", () => {
  const server = http.createServer();
  for (
    const options of [
      {},
      { port: 0, server },
      { port: 0, noServer: true },
      { server, noServer: true },
    ]
  ) assertThrows(() => new WebSocketServer(options), TypeError);
});

test("WebSocketServer listens, tells its address, and closes", async () => {
  const listening = deferred();
  const wss = new WebSocketServer(
    { port: 0, host: "127.0.0.1", backlog: 5 },
    listening.resolve,
  );
  await Promise.all([listening.promise, next(wss, "listening")]);
  const { address, port } = wss.address() as AddressInfo;
  assertEquals(address, "127.0.0.1");
  const ws = new WebSocket(`ws://127.0.0.1:${port}`);
  await next(ws, "open");
  assertEquals(wss.clients?.size, 1);
  const closed = deferred<unknown>();
  let isOver = false;
  wss.close((error) => {
    isOver = true;
    closed.resolve(error);
  });
  assertEquals(wss.address(), null);
  // Those that are there stay.
  ws.ping();
  await next(ws, "pong");
  assertEquals(isOver, false);
  ws.close();
  await next(ws, "close");
  assertEquals(await closed.promise, undefined);
  const again = deferred<Error | undefined>();
  wss.close(again.resolve);
  assertEquals((await again.promise)?.message, "The server is not running");
});

test("WebSocketServer answers other requests with 426", async () => {
  await withServer(async (url) => {
    const response = await fetch(url.replace("ws:", "http:"));
    assertEquals(response.status, 426);
    assertEquals(await response.text(), "Upgrade Required");
  });
});

test("WebSocketServer emits connection with the request, before any message", async () => {
  await withServer(async (url, wss) => {
    wss.on("connection", (ws, request) => {
      assert(ws instanceof WebSocket);
      ws.send(request.url!);
      ws.on("message", (data: unknown) => ws.send(`got ${data}`));
    });
    const ws = new WebSocket(`${url}path?query`);
    ws.on("open", () => ws.send("a"));
    assertEquals(await message(ws), ["/path?query", false]);
    assertEquals(await message(ws), ["got a", false]);
    ws.terminate();
    await next(ws, "close");
  });
});

test("WebSocketServer.clients holds the connections that are there", async () => {
  await withPair(async ({ wss, ws, peer }) => {
    assertEquals([...wss.clients], [peer]);
    const over = next(peer, "close");
    ws.close();
    await over;
    assertEquals(wss.clients.size, 0);
  });
  await withServer((_url, wss) => {
    assertEquals(wss.clients, undefined);
    return Promise.resolve();
  }, { clientTracking: false });
});

test("WebSocketServer refuses what is no handshake, with ws's statuses", async () => {
  await withServer(async (url) => {
    const cases: [string[], string, string, string][] = [
      [[...UPGRADE, KEY, VERSION], "POST", "405", "Invalid HTTP method"],
      [
        ["Connection: Upgrade", "Upgrade: foo", KEY, VERSION],
        "GET",
        "400",
        "Invalid Upgrade header",
      ],
      [
        [...UPGRADE, VERSION],
        "GET",
        "400",
        "Missing or invalid Sec-WebSocket-Key",
      ],
      [
        [...UPGRADE, KEY],
        "GET",
        "400",
        "Missing or invalid Sec-WebSocket-Version",
      ],
      [
        [...UPGRADE, KEY, "Sec-WebSocket-Version: 12"],
        "GET",
        "400",
        "Missing or invalid Sec-WebSocket-Version",
      ],
      [
        [...UPGRADE, KEY, VERSION, "Sec-WebSocket-Protocol: a,,b"],
        "GET",
        "400",
        "Invalid Sec-WebSocket-Protocol header",
      ],
      [
        [...UPGRADE, KEY, VERSION, "Sec-WebSocket-Extensions: a b"],
        "GET",
        "400",
        "Invalid or unacceptable Sec-WebSocket-Extensions",
      ],
    ];
    for (const [lines, method, status, text] of cases) {
      const answer = await ask(url, lines, method);
      assertMatch(answer, new RegExp(`^HTTP/1.1 ${status} `));
      assertMatch(answer, new RegExp(`\r\n\r\n${text}`));
      assertMatch(answer, /\r\nConnection: close\r\n/);
    }
    assertMatch(
      await ask(url, [...UPGRADE, KEY]),
      /\r\nSec-WebSocket-Version: 13\r\n/,
    );
  }, { perMessageDeflate: true });
});

test("WebSocketServer gives the socket to who listens for wsClientError", async () => {
  await withServer(async (url, wss) => {
    wss.on("wsClientError", (error, socket, request) => {
      socket.end(`HTTP/1.1 418 ${error.message} ${request.method}\r\n\r\n`);
    });
    const answer = await ask(url, [...UPGRADE, VERSION]);
    assertMatch(
      answer,
      /^HTTP\/1\.1 418 Missing or invalid Sec-WebSocket-Key header GET\r\n/,
    );
  });
});

test("WebSocketServer handles its path alone, or what shouldHandle() says", async () => {
  await withServer(async (url, wss) => {
    const ws = new WebSocket(`${url}here?query`);
    await next(ws, "open");
    ws.terminate();
    await next(ws, "close");
    assertMatch(
      await ask(`${url}there`, [...UPGRADE, KEY, VERSION]),
      /^HTTP\/1\.1 400 /,
    );
    wss.shouldHandle = ({ url }) => url === "/there";
    const there = new WebSocket(`${url}there`);
    await next(there, "open");
    there.terminate();
    await next(there, "close");
  }, { path: "/here" });
});

test("WebSocketServer asks verifyClient, at once or later", async () => {
  await withServer(async (url) => {
    const ws = new WebSocket(url, { origin: "https://a.example" });
    await next(ws, "open");
    ws.terminate();
    await next(ws, "close");
    const refused = new WebSocket(url, { origin: "https://b.example" });
    const over = next(refused, "close");
    assertEquals(
      (await next(refused, "error"))[0].message,
      "Unexpected server response: 401",
    );
    await over;
  }, {
    verifyClient: ({ origin, secure, req }) =>
      origin === "https://a.example" && !secure && req.method === "GET",
  });
  await withServer(async (url) => {
    const answer = await ask(url, [...UPGRADE, KEY, VERSION]);
    assertMatch(answer, /^HTTP\/1\.1 403 Forbidden\r\n/);
    assertMatch(answer, /\r\nRetry-After: 9\r\n/);
    assertMatch(answer, /\r\n\r\nNo$/);
    const ws = new WebSocket(`${url}yes`);
    await next(ws, "open");
    ws.terminate();
    await next(ws, "close");
  }, {
    verifyClient: ({ req }, callback) => {
      queueMicrotask(() =>
        req.url === "/yes"
          ? callback(true)
          : callback(false, 403, "No", { "Retry-After": 9 })
      );
    },
  });
});

test("WebSocketServer chooses a subprotocol by handleProtocols, or the first", async () => {
  await withServer(async (url, wss) => {
    const came = next(wss, "connection");
    const ws = new WebSocket(url, ["a", "b"]);
    await next(ws, "open");
    assertEquals(ws.protocol, "a");
    assertEquals((await came)[0].protocol, "a");
    ws.terminate();
    await next(ws, "close");
  });
  await withServer(async (url) => {
    const ws = new WebSocket(url, ["a", "b"]);
    await next(ws, "open");
    assertEquals(ws.protocol, "b");
    ws.terminate();
    await next(ws, "close");
  }, {
    handleProtocols: (protocols, request) => {
      assertEquals([...protocols], ["a", "b"]);
      assertEquals(request.method, "GET");
      return "b";
    },
  });
});

test("WebSocketServer lets headers be changed before they go out", async () => {
  await withServer(async (url, wss) => {
    wss.on("headers", (headers: string[], request) => {
      assertEquals(headers[0], "HTTP/1.1 101 Switching Protocols");
      assertEquals(request.method, "GET");
      headers.push("Set-Cookie: a=1", "Set-Cookie: b=2");
    });
    const ws = new WebSocket(url);
    const upgrade = next(ws, "upgrade");
    await next(ws, "open");
    const [response] = await upgrade;
    assertEquals(response.headers["set-cookie"], ["a=1", "b=2"]);
    ws.terminate();
    await next(ws, "close");
  });
});

test("WebSocketServer serves on a server that is given, and leaves it open", async () => {
  const server = http.createServer((_request, response) =>
    response.end("http")
  );
  const wss = new WebSocketServer({ server, path: "/ws" });
  const listening = next(wss, "listening");
  const port = await listen(server);
  await listening;
  assertEquals((wss.address() as AddressInfo).port, port);
  const response = await fetch(`http://127.0.0.1:${port}`);
  assertEquals(await response.text(), "http");
  const ws = new WebSocket(`ws://127.0.0.1:${port}/ws`);
  await next(ws, "open");
  const over = next(wss, "close");
  wss.close();
  assertEquals(server.listenerCount("upgrade"), 0);
  ws.close();
  await over;
  assertEquals(server.listening, true);
  server.close();
  await next(server, "close");
});

test("WebSocketServer without a server upgrades by handleUpgrade(), at once", async () => {
  const server = http.createServer();
  const [a, b] = [1, 2].map(() => new WebSocketServer({ noServer: true }));
  assertThrows(() => a!.address(), Error, '"noServer" mode');
  server.on("upgrade", (request, socket, head) => {
    const wss = request.url === "/a" ? a! : b!;
    let called = false;
    wss.handleUpgrade(request, socket, head, (ws, same) => {
      called = true;
      assert(same === request);
      wss.emit("connection", ws, request);
    });
    assertEquals(called, true);
    assertThrows(
      () => wss.handleUpgrade(request, socket, head, () => {}),
      Error,
      "more than once with the same socket",
    );
  });
  a!.on("connection", (ws) => ws.send("a"));
  b!.on("connection", (ws) => ws.send("b"));
  const port = await listen(server);
  for (const name of ["a", "b"]) {
    const ws = new WebSocket(`ws://127.0.0.1:${port}/${name}`);
    assertEquals(await message(ws), [name, false]);
    ws.close();
    await next(ws, "close");
  }
  a!.close();
  await next(a!, "close");
  server.close();
  await next(server, "close");
});

test("WebSocketServer answers 503 once it closes", async () => {
  const server = http.createServer();
  const wss = new WebSocketServer({ noServer: true });
  wss.close();
  await next(wss, "close");
  server.on("upgrade", (request, socket, head) => {
    wss.handleUpgrade(request, socket, head, () => assert(false));
  });
  const port = await listen(server);
  assertMatch(
    await ask(`ws://127.0.0.1:${port}/`, [...UPGRADE, KEY, VERSION]),
    /^HTTP\/1\.1 503 /,
  );
  server.close();
  await next(server, "close");
});

test("WebSocketServer emits the errors of its server", async () => {
  await withServer(async (url) => {
    const { port } = new URL(url);
    const other = new WebSocketServer({
      port: Number(port),
      host: "127.0.0.1",
    });
    const [error] = await next(other, "error");
    assertEquals(error.code, "EADDRINUSE");
    other.close();
  });
});

test("WebSocketServer makes connections of the class that it is given", async () => {
  class Named extends WebSocket {
    readonly who = "named";
  }
  await withPair(({ peer }) => {
    assertEquals((peer as Named).who, "named");
    assertEquals(peer.url, undefined);
    return Promise.resolve();
  }, { WebSocket: Named });
});

test("WebSocketServer limits messages by maxPayload", async () => {
  await withPair(async ({ ws, peer }) => {
    const error = next(peer, "error");
    const over = next(ws, "close");
    ws.send("x".repeat(11));
    assertEquals((await error)[0].code, "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH");
    assertEquals((await over)[0], 1009);
  }, { maxPayload: 10 });
});

test("WebSocketServer reads what came behind the request", async () => {
  await withServer(async (url, wss) => {
    const came = deferred<string>();
    wss.on("connection", (ws) => {
      ws.on("message", (data: unknown) => came.resolve(String(data)));
    });
    const { peer } = await rawDial(url, { handshake: false });
    const head = new TextEncoder().encode(
      ["GET / HTTP/1.1", "Host: a", ...UPGRADE, KEY, VERSION, "\r\n"].join(
        "\r\n",
      ),
    );
    peer.send(new Uint8Array([...head, ...hex("81 81 00 00 00 00 61")]));
    assertMatch(
      await peer.readHead(),
      /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/,
    );
    assertEquals(await came.promise, "a");
    peer.destroy();
  });
});

test("WebSocket goes on where its listeners throw", async () => {
  await withServer(async (url) => {
    const file = new URL("./throwing_child.ts", import.meta.url);
    await using child = new Child(file, [url]);
    assertEquals(await child.read(), {
      heard: ["a", "b"],
      uncaught: ["open", "a", "ping", "b", "close"],
    });
  }, {
    WebSocket: class extends WebSocket {
      constructor(...args: ConstructorParameters<typeof WebSocket>) {
        super(...args);
        this.on("message", (data: unknown) => {
          this.send(String(data));
          if (String(data) === "a") this.ping();
        });
      }
    },
  });
});
