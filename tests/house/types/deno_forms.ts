/**
 * The forms in which users of Deno write a server, for `./types_test.ts`,
 * which checks them against Deno's own types. Never run.
 */

import { createServer } from "node:http";
import { createSecureServer } from "node:http2";

import { serve, Upgrader } from "../../../mod.ts";

const upgrader = new Upgrader({ handshakeTimeout: 5_000 });
const handler = upgrader.handler(async (conn) => {
  await conn.send("hello");
});

export function serveHandler(): void {
  Deno.serve(handler.fetch);
  Deno.serve({ port: 0 }, handler.fetch);
  Deno.serve({ port: 0, cert: "", key: "" }, handler.fetch);
  Deno.serve({ port: 0, handler: handler.fetch });
  Deno.serve({ path: "/run/echo.sock" }, handler.fetch);
  Deno.serve((request, info) => handler.fetch(request, info));
  Deno.serve((request) => handler.fetch(request));
}

export function serveByHand(): void {
  Deno.serve(async (request, info) => {
    const { conn, response } = await upgrader.upgrade(request, info);
    await conn?.send("hello");
    return response;
  });
  Deno.serve(async (request) => (await upgrader.upgrade(request)).response);
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

/** A handler of Deno's, with the types of Deno. */
export function serveFetch(): void {
  const fetch: Deno.ServeHandler<Deno.NetAddr> = (_request, info) =>
    new Response(info.remoteAddr.hostname);
  serve((conn) => conn.send("hello"), { engine: "native", fetch });
  upgrader.handler((conn) => conn.send("hello"), { fetch });
}

export function misuse(): void {
  // @ts-expect-error -- shows that the types are checked at all
  Deno.serve(handler.websocket);
  // @ts-expect-error -- as above
  upgrader.upgrade(new Request("http://localhost"), {});
  // @ts-expect-error -- as above
  new Upgrader({ handshakeTimeout: "5 s" });
}

export default handler satisfies Deno.ServeDefaultExport;
