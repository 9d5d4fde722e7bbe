/**
 * An echo server at /ws. Ctrl-C tells every client good-bye.
 *
 *     deno run --allow-net examples/echo.ts [--port 8080] [--engine wire]
 *     bun run examples/echo.ts [--port 8080] [--engine wire]
 *     deno serve examples/echo.ts
 *
 * It stands on the runtime's own WebSocket, or, with `--engine wire`, on our own
 * engine; that also runs under Node.
 */

import process from "node:process";

import { type Conn, type Handler, serve, Upgrader } from "../mod.ts";

interface DefaultExport extends Handler {
  readonly port: number;
  readonly onListen: (address: { port?: number }) => void;
}

const port = Number(flag("--port") ?? 8080);
const wire = flag("--engine") === "wire";

function flag(name: string): string | undefined {
  const index = process.argv.indexOf(name);
  return index < 0 ? undefined : process.argv[index + 1];
}

// The same for both engines.
async function onConn(conn: Conn): Promise<void> {
  for await (const { type, data } of conn) {
    await conn.writeMessage(type, data);
  }
}

function onListen({ port }: { port?: number }): void {
  console.log(`Listening on ws://localhost:${port}/ws`);
}

function page(request: Request): Response {
  const { host, pathname } = new URL(request.url);
  return new Response(
    `This is an echo server: connect a WebSocket to ws://${host}/ws\n`,
    { status: pathname === "/" ? 200 : 404 },
  );
}

async function serveOnWire(): Promise<undefined> {
  const server = await serve(onConn, {
    port,
    path: "/ws",
    fetch: page,
    onListen,
  });
  process.on("SIGINT", async () => {
    await server.shutdown();
    process.exit(0);
  });
}

function serveOnNative(): DefaultExport {
  const conns = new Set<Conn>();
  const handler = new Upgrader().handler((conn) => {
    conns.add(conn);
    conn.closed.then(() => conns.delete(conn));
    return onConn(conn);
  });
  process.on("SIGINT", async () => {
    await Promise.all(Array.from(conns, (conn) => conn.close(1001)));
    process.exit(0);
  });
  let listening = false;
  const server: DefaultExport = {
    ...handler,
    port,
    fetch: (request, target) =>
      new URL(request.url).pathname === "/ws"
        ? handler.fetch(request, target)
        : page(request),
    onListen(address) {
      listening = true;
      onListen(address);
    },
  };
  // `deno run` does not serve the default export: it only warns of it.
  if (import.meta.main && "Deno" in globalThis) {
    setTimeout(() => {
      if (!listening) Deno.serve(server, server.fetch);
    });
  }
  // Bun serves it when this has run, and tells of http: alone.
  if ("Bun" in globalThis && port !== 0) onListen({ port });
  return server;
}

const server: DefaultExport | undefined = wire
  ? await serveOnWire()
  : serveOnNative();

// What `deno serve` and `bun run` serve.
export default server;
