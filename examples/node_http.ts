/**
 * WebSocket endpoints on a `node:http` server that is there already: an echo at
 * /echo, the time at /time. Ctrl-C tells every client good-bye.
 *
 *     deno run --allow-net --no-prompt examples/node_http.ts [--port 8080]
 *     bun run examples/node_http.ts [--port 8080]
 *     node examples/node_http.ts [--port 8080]
 *
 * Node runs it from version 22.18 on. Frameworks that stand on `node:http`, such
 * as Express and Fastify, have such a server, too.
 */

import http from "node:http";

import { type Conn, Upgrader } from "../mod.ts";
import { beforeExit, port, run, text } from "./shared/command_line.ts";
import { listen } from "./shared/listen.ts";

const upgrader = new Upgrader({ readLimit: 1024 * 1024 });

async function echo(conn: Conn): Promise<void> {
  for await (const { type, data } of conn) await conn.writeMessage(type, data);
}

async function time(conn: Conn): Promise<void> {
  const tell = () => conn.writeJSON({ now: new Date() });
  tell();
  const timer = setInterval(tell, 1_000);
  try {
    // Nothing is expected, but somebody must read: for the close frame.
    for await (const _message of conn);
  } finally {
    clearInterval(timer);
  }
}

await run("node_http.ts", {
  port: port(8080),
  hostname: text("NAME", "127.0.0.1"),
}, async ({ port, hostname }) => {
  // The server that is there already, with whatever it serves.
  const server = http.createServer((_request, response) => {
    response.setHeader("Content-Type", "text/plain");
    response.end("Connect a WebSocket to /echo or /time\n");
  });

  // What is for neither is answered with 404, or left to other listeners.
  server.on("upgrade", upgrader.listener({ "/echo": echo, "/time": time }));

  const at = await listen(server, port, hostname);
  console.log(`Listening on ws://${hostname}:${at}/echo`);

  beforeExit(() => {
    server.close();
    return upgrader.shutdown();
  });
});
