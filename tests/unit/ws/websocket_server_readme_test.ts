/** The programs of `ws`'s README, with our import. */

import {
  createServer as createHttpServer,
  type IncomingMessage,
} from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import { assert, assertEquals, assertMatch } from "@std/assert";
import WebSocket, {
  createWebSocketStream,
  WebSocketServer,
} from "../../../src/ws/mod.ts";
import { deferred, test } from "../../support/helper.ts";
import { ca, certificate } from "../../support/http_server.ts";
import { listen } from "../../support/sockets.ts";
import { message, next } from "./support.ts";

async function portOf(wss: WebSocketServer): Promise<number> {
  await next(wss, "listening");
  return (wss.address() as AddressInfo).port;
}

async function end(
  wss: WebSocketServer,
  ...clients: WebSocket[]
): Promise<void> {
  for (const ws of clients) {
    const over = next(ws, "close");
    ws.close();
    await over;
  }
  const over = next(wss, "close");
  wss.close();
  await over;
}

test("WebSocketServer: the README's simple server", async () => {
  const wss = new WebSocketServer({
    port: 0,
    perMessageDeflate: {
      zlibDeflateOptions: { level: 3 },
      zlibInflateOptions: { chunkSize: 10 * 1024 },
      clientNoContextTakeover: true,
      serverNoContextTakeover: true,
      serverMaxWindowBits: 10,
      concurrencyLimit: 10,
      threshold: 1024,
    },
  });
  const received = deferred<string>();
  wss.on("connection", function connection(ws) {
    ws.on("error", console.error);
    ws.on("message", function message(data) {
      received.resolve(`${data}`);
    });
    ws.send("something");
  });
  const ws = new WebSocket(`ws://127.0.0.1:${await portOf(wss)}`);
  ws.on("error", console.error);
  ws.on("open", function open() {
    const array = new Float32Array(5);
    for (let i = 0; i < array.length; ++i) array[i] = i / 2;
    ws.send(array);
  });
  assertEquals(await message(ws), ["something", false]);
  assertEquals((await received.promise).length > 0, true);
  assertEquals(ws.extensions, "permessage-deflate");
  await end(wss, ws);
});

test("WebSocketServer: the README's external HTTP/S server", async () => {
  const server = createServer({ ...certificate });
  const wss = new WebSocketServer({ server });
  wss.on("connection", function connection(ws, request) {
    ws.on("error", console.error);
    ws.on("message", (data) => ws.send(`received: ${data}`));
    assertMatch(request.socket.remoteAddress ?? "", /127\.0\.0\.1$/);
  });
  const port = await listen(server);
  const ws = new WebSocket(`wss://127.0.0.1:${port}`, { ca });
  ws.on("open", () => ws.send("Hello"));
  assertEquals(await message(ws), ["received: Hello", false]);
  await end(wss, ws);
  server.close();
  await next(server, "close");
});

test("WebSocketServer: the README's client authentication", async () => {
  function onSocketError(error: Error): void {
    console.error(error);
  }
  function authenticate(
    request: IncomingMessage,
    done: (error: Error | null, client?: string) => void,
  ): void {
    const { authorization } = request.headers;
    queueMicrotask(() =>
      authorization === undefined
        ? done(new Error("No"))
        : done(null, authorization)
    );
  }
  const server = createHttpServer();
  const wss = new WebSocketServer({ noServer: true });
  (wss as unknown as WebSocketServer & {
    on(name: string, run: (...args: never[]) => void): void;
  }).on(
    "connection",
    (ws: WebSocket, _request: IncomingMessage, client: string) => {
      ws.on("error", console.error);
      ws.on("message", (data) => ws.send(`${data} from ${client}`));
    },
  );
  server.on("upgrade", function upgrade(request, socket: Duplex, head) {
    socket.on("error", onSocketError);
    authenticate(request, function next(error, client) {
      if (error || !client) {
        socket.write("HTTP/1.1 401 Unauthorized\r\n\r\n");
        socket.destroy();
        return;
      }
      socket.removeListener("error", onSocketError);
      wss.handleUpgrade(request, socket, head, function done(ws) {
        (wss as unknown as { emit(...args: unknown[]): void })
          .emit("connection", ws, request, client);
      });
    });
  });
  const port = await listen(server);
  const url = `ws://127.0.0.1:${port}`;
  const refused = new WebSocket(url);
  const over = next(refused, "close");
  assertEquals(
    (await next(refused, "error"))[0].message,
    "Unexpected server response: 401",
  );
  await over;
  const ws = new WebSocket(url, { headers: { Authorization: "Alice" } });
  ws.on("open", () => ws.send("Hello"));
  assertEquals(await message(ws), ["Hello from Alice", false]);
  await end(wss, ws);
  server.close();
  await next(server, "close");
});

test("WebSocketServer: the README's broadcast, to all but the sender", async () => {
  const wss = new WebSocketServer({ port: 0 });
  wss.on("connection", function connection(ws) {
    ws.on("error", console.error);
    ws.on("message", function message(data, isBinary) {
      wss.clients.forEach(function each(client) {
        if (client !== ws && client.readyState === WebSocket.OPEN) {
          client.send(data, { binary: isBinary });
        }
      });
    });
  });
  const url = `ws://127.0.0.1:${await portOf(wss)}`;
  const clients = [1, 2, 3].map(() => new WebSocket(url));
  await Promise.all(clients.map((ws) => next(ws, "open")));
  const [a, b, c] = clients as [WebSocket, WebSocket, WebSocket];
  a.on("message", () => assert(false));
  const heard = Promise.all([message(b), message(c)]);
  a.send("news");
  assertEquals(await heard, [["news", false], ["news", false]]);
  await end(wss, ...clients);
});

test("WebSocketServer: the README's round-trip time, and its stream", async () => {
  const wss = new WebSocketServer({ port: 0 });
  wss.on("connection", (ws) => {
    const duplex = createWebSocketStream(ws, { encoding: "utf8" });
    duplex.on("error", console.error);
    duplex.pipe(duplex);
  });
  const ws = new WebSocket(`ws://127.0.0.1:${await portOf(wss)}`, {
    origin: "https://websocket-echo.com",
  });
  ws.on("open", () => ws.send(Date.now()));
  const [data, isBinary] = await message(ws);
  assert(Date.now() - Number(data) < 10_000);
  assertEquals(isBinary, true);
  await end(wss, ws);
});

test("WebSocketServer: the README's broken connections are detected and closed", async () => {
  const alive = new WeakSet<WebSocket>();
  const wss = new WebSocketServer({ port: 0 });
  wss.on("connection", function connection(ws) {
    alive.add(ws);
    ws.on("error", console.error);
    ws.on("pong", () => alive.add(ws));
  });
  const interval = setInterval(function ping() {
    wss.clients.forEach(function each(ws) {
      if (!alive.has(ws)) return ws.terminate();
      alive.delete(ws);
      ws.ping();
    });
  }, 100);
  wss.on("close", () => clearInterval(interval));
  const url = `ws://127.0.0.1:${await portOf(wss)}`;
  // One that answers no pings, and one that does.
  const silent = new WebSocket(url, { autoPong: false });
  const ws = new WebSocket(url);
  const pings = deferred();
  let count = 0;
  ws.on("ping", () => ++count === 4 && pings.resolve());
  assertEquals((await next(silent, "close"))[0], 1006);
  await pings.promise;
  assertEquals(ws.readyState, WebSocket.OPEN);
  await end(wss, ws);
});
