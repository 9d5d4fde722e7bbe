/**
 * TCP for pages (websockify): noVNC's, for one, with its subprotocol `binary`.
 *
 *     deno run --allow-net --no-prompt examples/tcp.ts [OPTIONS] HOST:PORT...
 *     bun run examples/tcp.ts [OPTIONS] HOST:PORT...
 *
 * Pages reach the targets that are named, and no others: by /HOST:PORT, or by any
 * path where there is one target. What comes in messages goes out as bytes, and what
 * comes as bytes goes out in messages, as fast as the slower side takes it. Either
 * end ends both. The options:
 *
 *     --port N       listens there; default: 6080
 *     --origin URL   pages of it may connect; default: those of this host
 */

import net from "node:net";
import { once } from "node:events";

import { byteStreams, type Conn, serve } from "../mod.ts";
import { beforeExit, expect, port, run, text } from "./shared/command_line.ts";

const options = { port: port(6080), origin: text("URL", undefined) };

await run(
  "tcp.ts HOST:PORT [HOST:PORT...]",
  options,
  async ({ port, origin }, targets) => {
    expect(targets.length > 0 && targets.every((it) => /^.+:\d+$/.test(it)));
    const targetOf = ({ url }: Request): string | undefined => {
      const path = new URL(url).pathname.slice(1);
      return targets.length === 1
        ? targets[0]
        : targets.find((it) => it === path);
    };
    const server = await serve(
      (conn, request) => join(conn, targetOf(request)!),
      {
        port,
        upgrader: {
          subprotocols: ["binary"],
          authorize: (request) =>
            targetOf(request) ? undefined : new Response(null, { status: 404 }),
          ...(origin === undefined ? {} : {
            checkOrigin: ({ headers }) => headers.get("origin") === origin,
          }),
        },
      },
    );
    console.log(`Listening on ws://localhost:${server.addr.port}`);
    beforeExit(() => server.shutdown());
  },
);

/** Joins a connection to a target, until either ends. */
async function join(conn: Conn, target: string): Promise<void> {
  const [, host = "", port] = /^\[?(.+?)\]?:(\d+)$/.exec(target)!;
  const socket = net.connect(Number(port), host);
  conn.closed.then(() => {
    if (socket.connecting) socket.destroy(new Error("The page has gone"));
  });
  try {
    await once(socket, "connect");
    const { readable, writable } = byteStreams(socket);
    // The end of either ends `bytes`. What the page sent before it still goes out,
    // so that the socket must not be destroyed by its readable half.
    readable.pipeTo(conn.writable, { preventCancel: true }).catch(() => {});
    await conn.bytes.pipeTo(writable);
  } catch (error) {
    if (conn.state === "open") await conn.close(1014, String(error));
  } finally {
    socket.destroy();
  }
}
