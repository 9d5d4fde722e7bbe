/**
 * An echo server on the runtime's own WebSocket, at /ws. Ctrl-C tells every
 * client good-bye.
 *
 *     deno run --allow-net examples/echo.ts [--port 8080]
 *     bun run examples/echo.ts [--port 8080]
 *     deno serve examples/echo.ts
 */

import process from "node:process";

import { type Conn, type Handler, Upgrader } from "../mod.ts";

interface Server extends Handler {
  readonly port: number;
  readonly onListen: (address: { port?: number }) => void;
}

const conns = new Set<Conn>();

const handler = new Upgrader().handler(async (conn) => {
  conns.add(conn);
  conn.closed.then(() => conns.delete(conn));
  for await (const { type, data } of conn) {
    await conn.writeMessage(type, data);
  }
});

const flag = process.argv.indexOf("--port");
let listening = false;

const server: Server = {
  ...handler,
  port: flag < 0 ? 8080 : Number(process.argv[flag + 1]),
  fetch(request, target) {
    const { host, pathname } = new URL(request.url);
    if (pathname === "/ws") return handler.fetch(request, target);
    return new Response(
      `This is an echo server: connect a WebSocket to ws://${host}/ws\n`,
      { status: pathname === "/" ? 200 : 404 },
    );
  },
  onListen({ port }) {
    listening = true;
    console.log(`Listening on ws://localhost:${port}/ws`);
  },
};

// What `deno serve` and `bun run` serve.
export default server;

// `deno run` does not: it only warns of the export.
if (import.meta.main && "Deno" in globalThis) {
  setTimeout(() => {
    if (!listening) Deno.serve(server, server.fetch);
  });
}

process.on("SIGINT", async () => {
  await Promise.all(Array.from(conns, (conn) => conn.close(1001)));
  process.exit(0);
});
