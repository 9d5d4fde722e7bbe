/** Routes and paths, as servers, handlers and listeners take them. */

import http from "node:http";
import { once } from "node:events";
import type { Duplex } from "node:stream";

import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";

import { Dialer } from "../../../src/client/dialer.ts";
import type { HandshakeError } from "../../../src/peer_errors.ts";
import { endpointOf } from "../../../src/server/endpoint.ts";
import type { Routes } from "../../../src/server/routes.ts";
import type { OnConn } from "../../../src/server/run_handler.ts";
import { serve } from "../../../src/server/serve.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import { test, withTimeout } from "../../support/helper.ts";
import { ca, connectRaw, head, UPGRADE } from "../../support/http_server.ts";
import { startServer } from "../../support/native.ts";
import { PLACES, portOf, serveAt, wsUrl } from "../../support/servers.ts";
import { listen } from "../../support/sockets.ts";

const dialer = new Dialer({ tls: { ca } });

const ROUTES: Routes = {
  "/rooms/:name": (conn, request, { params }) =>
    conn.send(`${params["name"]} of ${new URL(request.url).pathname}`),
  "/rooms/lobby": async (conn, _request, info) => {
    await conn.send(`lobby ${JSON.stringify(info)}`);
  },
};

async function firstText(url: string): Promise<unknown> {
  const { conn } = await dialer.dial(url);
  const { data } = await conn.readMessage();
  conn.terminate();
  await conn.closed;
  return data;
}

async function answerTo(target: string, port: number): Promise<string> {
  const peer = await connectRaw("TCP", port);
  peer.send(head(`GET ${target} HTTP/1.1`, ...UPGRADE.slice(1)));
  const answer = await withTimeout(peer.readHead(), 5_000, target);
  peer.destroy();
  await peer.closed;
  return answer.slice(9, 12);
}

for (const place of PLACES) {
  test(`serve() takes routes; ${place.name}`, async () => {
    const refused: HandshakeError[] = [];
    await using server = await serveAt(place, ROUTES, {
      onRefused: (error) => void refused.push(error),
      fetch: () => new Response("page"),
    });
    const at = (path: string) => firstText(wsUrl(place, server, path));
    assertEquals(await at("/rooms/42?x=1"), "42 of /rooms/42");
    assertEquals(await at("/rooms/b%C3%BCro"), "b%C3%BCro of /rooms/b%C3%BCro");
    assertEquals(await at("/rooms/lobby"), 'lobby {"params":{}}');
    assertEquals(refused, []);
    const error = await dialer.dial(wsUrl(place, server, "/rooms"))
      .catch((error) => error);
    assertEquals(error.response.status, 404);
    assertEquals(refused.map(({ message }) => message), [
      'Cannot upgrade request: there is no endpoint at path "/rooms"',
    ]);
  });
}

for (const place of PLACES.filter(({ carrier }) => carrier === "TCP")) {
  test(`serve() finds routes whatever the target; ${place.name}`, async () => {
    await using server = await serveAt(place, {
      "/echo": (conn) => conn.terminate(),
      "/rooms/:name": (conn) => conn.terminate(),
    });
    for (
      const [target, status] of [
        ["/echo", "101"],
        ["/echo?/rooms", "101"],
        ["/rooms/x", "101"],
        ["/rooms/../echo", "101"],
        ["http://other.example/echo", "101"],
        ["http://other.example/rooms/x", "101"],
        ["//host/echo", "404"],
        ["//rooms/x", "404"],
        ["/echo/", "404"],
        ["/%65cho", "404"],
        ["/__proto__", "404"],
        ["/constructor", "404"],
        ["/", "404"],
        ["*", "400"],
        [`/rooms/${"x".repeat(8_000)}`, "404"],
      ] as const
    ) {
      assertEquals(await answerTo(target, portOf(server)), status, target);
    }
  });

  test(`serve() refuses bad routes at once; ${place.name}`, async () => {
    const { engine } = place;
    const options = { port: 0, hostname: "127.0.0.1", engine };
    for (
      const [routes, message] of [
        [{ "/:": () => {} }, 'Cannot serve route "/:"'],
        [{ echo: () => {} }, 'Cannot serve route "echo"'],
        [{}, "Cannot serve routes: there are none"],
        [null, "Cannot use null as the handler"],
        [undefined, "Cannot use undefined as the handler"],
        ["/echo", "Cannot use a string as the handler"],
      ] as const
    ) {
      await assertRejects(
        () => serve(routes as unknown as OnConn, options),
        TypeError,
        message,
      );
    }
    await assertRejects(
      () => serve(ROUTES, { ...options, path: "/rooms" }),
      TypeError,
      "Cannot use option path beside routes",
    );
  });
}

test("Upgrader.handler() takes routes", async () => {
  const refused: HandshakeError[] = [];
  const { fetch, websocket } = new Upgrader().handler(ROUTES, {
    fetch: () => new Response("page"),
    onRefused: (error) => void refused.push(error),
  });
  await using server = startServer(fetch, websocket);
  const url = `ws://127.0.0.1:${server.port}`;
  assertEquals(await firstText(`${url}/rooms/42`), "42 of /rooms/42");
  assertEquals(await firstText(`${url}/rooms/lobby`), 'lobby {"params":{}}');
  assertEquals(await answerTo("/other", server.port), "404");
  assertEquals(refused.length, 1);
  const page = await globalThis.fetch(
    `http://127.0.0.1:${server.port}/rooms/1`,
  );
  assertEquals(await page.text(), "page");
});

test("Upgrader.handler() and listener() refuse bad routes at once", () => {
  const upgrader = new Upgrader();
  for (const routes of [{ "/:": () => {} }, {}, null] as unknown as OnConn[]) {
    assertThrows(() => upgrader.handler(routes), TypeError);
    assertThrows(() => upgrader.listener(routes), TypeError);
  }
  const error = assertThrows(
    () => upgrader.listener(ROUTES, { path: "/rooms" }),
    TypeError,
  );
  assertStringIncludes(error.message, "path beside routes");
});

test("Upgrader.listener() leaves what matches no route to others", async () => {
  const upgrader = new Upgrader();
  const server = http.createServer();
  const sockets = new Set<Duplex>();
  server.on("connection", (socket) => sockets.add(socket));
  server.on("upgrade", upgrader.listener(ROUTES));
  server.on(
    "upgrade",
    upgrader.listener({ "/other": (conn) => conn.send("other") }),
  );
  server.on(
    "upgrade",
    upgrader.listener((conn) => conn.send("by path"), { path: "/path" }),
  );
  const port = await listen(server);
  const url = `ws://127.0.0.1:${port}`;
  assertEquals(await firstText(`${url}/rooms/42`), "42 of /rooms/42");
  assertEquals(await firstText(`${url}/other`), "other");
  assertEquals(await firstText(`${url}/path`), "by path");
  assertEquals(await answerTo("/none", port), "404");
  for (const socket of sockets) socket.destroy();
  await once(server.close(), "close");
});

test("a handler without routes gets two arguments", async () => {
  const counts: number[] = [];
  await using server = await serve((...args) => {
    counts.push(args.length);
    args[0].terminate();
  }, { port: 0, hostname: "127.0.0.1" });
  assertEquals(await answerTo("/", portOf(server)), "101");
  assertEquals(counts, [2]);
});

test("endpointOf() checks the path", () => {
  for (const path of [1, null, {}, "ws", "/a?b"]) {
    assertThrows(() => endpointOf(() => {}, path as string), TypeError, "path");
  }
});
