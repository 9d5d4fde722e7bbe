/**
 * The forms in which users of Bun write a server, for `./types_test.ts`, which
 * checks them against Bun's own types. Never run; Deno's checker leaves it out.
 */

import { createServer } from "node:http";
import { createSecureServer } from "node:http2";

import { serve, Upgrader } from "../../../mod.ts";

const upgrader = new Upgrader({ handshakeTimeout: 5_000 });
const handler = upgrader.handler(async (conn) => {
  await conn.send("hello");
});

export function serveHandler(): void {
  Bun.serve(handler);
  Bun.serve({ port: 0, ...handler });
  Bun.serve({ ...handler, hostname: "127.0.0.1", tls: { cert: "", key: "" } });
  Bun.serve({ unix: "/run/echo.sock", ...handler });
  Bun.serve(handler).reload(handler);
}

export function serveRoutes(): void {
  Bun.serve({ routes: { "/": new Response("home") }, ...handler });
  Bun.serve({ routes: { "/ws": handler.fetch }, websocket: handler.websocket });
  Bun.serve({
    routes: {
      "/ws/:room": (request, server) => handler.fetch(request, server),
      "/post": { POST: () => new Response("posted") },
    },
    fetch: () => new Response("elsewhere", { status: 404 }),
    websocket: upgrader.websocket,
  });
}

interface Data {
  user: string;
}

export function serveWithData(): void {
  Bun.serve<Data>({ ...handler });
  Bun.serve<Data>({
    fetch: (request, server) => handler.fetch(request, server),
    websocket: handler.websocket,
  });
}

export function serveByHand(): void {
  Bun.serve({
    async fetch(request, server) {
      const { conn, response } = await upgrader.upgrade(request, server);
      await conn?.send("hello");
      return response;
    },
    websocket: upgrader.websocket,
  });
  Bun.serve<Data>({
    async fetch(request, server) {
      return (await upgrader.upgrade(request, server)).response;
    },
    websocket: upgrader.websocket,
  });
}

export function serveOnHttp2(): void {
  const server = createSecureServer({ allowHTTP1: true });
  const listener = upgrader.listener((conn) => conn.send("hello"));
  server.on("upgrade", listener);
  server.on("connect", listener);
  createServer().on("connect", listener);
}

export function serveOnNode(): void {
  const server = createServer();
  server.on("upgrade", upgrader.listener((conn) => conn.send("hello")));
  server.on("upgrade", async (request, socket, head) => {
    const conn = await upgrader.upgradeSocket(request, socket, head);
    await conn?.send("hello");
  });
}

/** A handler of Bun's, with the types of Bun. */
export function serveFetch(): void {
  const fetch = (request: Request, server: Bun.Server<undefined>): Response =>
    new Response(server.requestIP(request)?.address);
  serve((conn) => conn.send("hello"), { engine: "native", fetch });
  upgrader.handler((conn) => conn.send("hello"), { fetch });
}

export function misuse(): void {
  // @ts-expect-error -- shows that the types are checked at all
  Bun.serve({ fetch: handler.fetch, websocket: handler.fetch });
  // @ts-expect-error -- as above
  upgrader.upgrade(new Request("http://localhost"), {});
  // @ts-expect-error -- as above
  new Upgrader({ handshakeTimeout: "5 s" });
}

export default handler satisfies Bun.Serve.Options<undefined>;
