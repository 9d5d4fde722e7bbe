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
import type { AddressInfo } from "node:net";
import process from "node:process";
import { parseArgs } from "node:util";

import { CloseCode, type Conn, Upgrader } from "../mod.ts";

const USAGE = "Usage: node_http.ts [--port N] [--hostname NAME]";

const conns = new Set<Conn>();
const upgrader = new Upgrader({ readLimit: 1024 * 1024 });

/** Keeps track of the connections: `server.close()` does not know them. */
function track(conn: Conn): void {
  conns.add(conn);
  conn.closed.then(() => conns.delete(conn));
}

const endpoints = new Map([
  [
    "/echo",
    upgrader.listener(async (conn) => {
      track(conn);
      for await (const { type, data } of conn) {
        await conn.writeMessage(type, data);
      }
    }),
  ],
  [
    "/time",
    upgrader.listener(async (conn) => {
      track(conn);
      const tell = () => conn.writeJSON({ now: new Date() });
      tell();
      const timer = setInterval(tell, 1_000);
      try {
        // Nothing is expected, but somebody must read: for the close frame.
        for await (const _message of conn);
      } finally {
        clearInterval(timer);
      }
    }),
  ],
]);

/** Refuses what is for no endpoint. */
const elsewhere = new Upgrader({
  authorize: () => new Response("Not found\n", { status: 404 }),
}).listener(() => {});

function main(): void {
  const args = readArguments(process.argv.slice(2));
  if (args === undefined) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }

  // The server that is there already, with whatever it serves.
  const server = http.createServer((_request, response) => {
    response.setHeader("Content-Type", "text/plain");
    response.end("Connect a WebSocket to /echo or /time\n");
  });

  server.on("upgrade", (request, socket, head) => {
    const [path = ""] = (request.url ?? "").split("?");
    const listener = endpoints.get(path) ?? elsewhere;
    listener(request, socket, head);
  });

  server.on("error", (error) => {
    console.error(`Cannot listen: ${error.message}`);
    process.exitCode = 1;
  });
  server.listen(args.port, args.hostname, () => {
    const { port } = server.address() as AddressInfo;
    console.log(`Listening on ws://${args.hostname}:${port}/echo`);
  });

  process.once("SIGINT", async () => {
    server.close();
    await Promise.all(
      Array.from(conns, (conn) => conn.close(CloseCode.GoingAway)),
    );
    process.exit(0);
  });
}

function readArguments(
  args: string[],
): { port: number; hostname: string } | undefined {
  try {
    const { values } = parseArgs({
      args,
      options: {
        port: { type: "string", default: "8080" },
        hostname: { type: "string", default: "127.0.0.1" },
      },
    });
    const port = Number(values.port);
    if (!(port >= 0 && port <= 65_535)) return undefined;
    return { port, hostname: values.hostname };
  } catch {
    return undefined;
  }
}

main();
