/**
 * A reverse proxy for WebSocket connections, in front of another server.
 *
 *     deno run --allow-net --no-prompt examples/proxy.ts TARGET [OPTIONS]
 *     bun run examples/proxy.ts TARGET [OPTIONS]
 *
 * TARGET is a ws: or wss: URL, such as ws://127.0.0.1:8080; the path and the
 * query of each request are put behind it. The options:
 *
 *     --port N         listens there; default: 8090
 *     --hostname NAME  listens there; default: 127.0.0.1
 *     --max N          connections at a time, 503 beyond; default: 1000
 *     --timeout MS     for the target to accept, 504 beyond; default: 8000
 *
 * The target is dialed before the 101: what it refuses is refused with its own
 * answer, a target that cannot be reached is 502, one that does not answer 504.
 * Messages of any size are passed on piece by piece, as fast as the slower side
 * reads. Close codes and reasons are passed on; a side that is lost without a
 * close frame is 1001 to the target and 1014 to the client. Pings are answered
 * here, and both sides are asked for signs of life.
 */

import http, { type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import type { Duplex } from "node:stream";
import { parseArgs } from "node:util";

import {
  BadHandshakeError,
  CloseCode,
  CloseError,
  type Conn,
  Dialer,
  DialError,
  type DialResult,
  MessageType,
  subprotocols,
  Upgrader,
} from "../mod.ts";

const USAGE = "Usage: proxy.ts TARGET [--port N] [--hostname NAME] " +
  "[--max CONNECTIONS] [--timeout MS]";

/** What the target gets to see of a request's headers. */
const REQUEST_HEADERS = [
  "Host",
  "Origin",
  "Authorization",
  "Cookie",
  "User-Agent",
  "Accept-Language",
];
/** What the client gets to see of an answer's headers. */
const RESPONSE_HEADERS = [
  "Content-Type",
  "Location",
  "Retry-After",
  "Set-Cookie",
  "WWW-Authenticate",
];
/** Bad gateway, in IANA's registry of close codes. */
const BAD_GATEWAY = 1014;

/** Of both sides. Nothing is held of a message, so that it needs no limit. */
const CONN_OPTIONS = {
  readLimit: Infinity,
  keepAlive: { interval: 30_000, timeout: 30_000 },
};

interface Target {
  readonly target: URL;
  readonly timeout: number;
}

interface Arguments extends Target {
  readonly port: number;
  readonly hostname: string;
  readonly max: number;
}

/** Two connections that are becoming one. */
interface Pair {
  client?: Conn | undefined;
  upstream?: Conn | undefined;
}

function main(): void {
  const args = readArguments(process.argv.slice(2));
  if (args === undefined) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  const pairs = new Set<Pair>();

  const server = http.createServer((_request, response) => {
    response.writeHead(426, { Upgrade: "websocket" });
    response.end("Only WebSocket connections are passed on\n");
  });
  server.on("upgrade", async (message, socket, head) => {
    const pair: Pair = {};
    pairs.add(pair);
    const full = pairs.size > args.max;
    await connect(pair, full ? undefined : args, message, socket, head);
    pairs.delete(pair);
  });
  server.on("error", (error) => {
    console.error(`Cannot listen: ${error.message}`);
    process.exitCode = 1;
  });
  server.listen(args.port, args.hostname, () => {
    const { port } = server.address() as AddressInfo;
    console.log(`Listening on ws://${args.hostname}:${port}`);
  });

  process.once("SIGINT", async () => {
    server.close();
    await Promise.all(Array.from(
      pairs,
      // The pair's other side is told by what passes it on.
      async ({ client, upstream }) => {
        await client?.close(CloseCode.GoingAway);
        await upstream?.closed;
      },
    ));
    process.exit(0);
  });
}

/** Upgrades the client if there is a target and it accepts; to their end. */
async function connect(
  pair: Pair,
  target: Target | undefined,
  message: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
): Promise<void> {
  const giveUp = new AbortController();
  const upgrader = new Upgrader({
    ...CONN_OPTIONS,
    // Over the dial's, for the answer to be ours.
    handshakeTimeout: 2_000 + (target?.timeout ?? 0),
    // The last step before the 101, when the request has passed the checks.
    async authorize(request) {
      if (target === undefined) return new Response(null, { status: 503 });
      const { remoteAddress = "" } = message.socket;
      try {
        const result = await dial(
          target,
          request,
          remoteAddress,
          giveUp.signal,
        );
        pair.upstream = result.conn;
        return switchingHeaders(result);
      } catch (error) {
        return refusal(error);
      }
    },
  });
  pair.client = await upgrader.upgradeSocket(message, socket, head);
  const { client, upstream } = pair;
  if (client !== undefined && upstream !== undefined) {
    await Promise.all([
      pump(client, upstream, CloseCode.GoingAway),
      pump(upstream, client, BAD_GATEWAY),
    ]);
  } else {
    // Refused, or the client has gone meanwhile.
    giveUp.abort();
    upstream?.terminate();
  }
}

/** Dials the target as the client has dialed the proxy. */
async function dial(
  { target, timeout }: Target,
  request: Request,
  address: string,
  signal: AbortSignal,
): Promise<DialResult> {
  const { pathname, search } = new URL(request.url);
  const url = new URL(target);
  url.pathname = target.pathname.replace(/\/$/, "") + pathname;
  url.search = search;
  const headers: [string, string][] = [["X-Forwarded-For", address]];
  for (const name of REQUEST_HEADERS) {
    const value = request.headers.get(name);
    if (value !== null) headers.push([name, value]);
  }
  const dialer = new Dialer({
    ...CONN_OPTIONS,
    subprotocols: subprotocols(request),
    handshakeTimeout: timeout,
  });
  return await dialer.dial(url, { headers, signal });
}

/** What the 101 takes from the target's. */
function switchingHeaders({ conn, response }: DialResult): [string, string][] {
  const headers: [string, string][] = response.headers.getSetCookie()
    .map((cookie) => ["Set-Cookie", cookie]);
  if (conn.subprotocol !== "") {
    headers.push(["Sec-WebSocket-Protocol", conn.subprotocol]);
  }
  return headers;
}

/** The answer to a request that the target has not accepted. */
function refusal(error: unknown): Response {
  if (error instanceof BadHandshakeError) {
    const { status, headers, body } = error.response;
    // Anything else is no refusal, but a target that is broken.
    if (status >= 300 && status !== 304 && status <= 599) {
      return new Response(body, {
        status,
        headers: [...headers].filter(([name]) =>
          RESPONSE_HEADERS.some((known) => known.toLowerCase() === name)
        ),
      });
    }
    return new Response("Bad gateway\n", { status: 502 });
  }
  if (error instanceof DialError) {
    console.error(error.message);
    return new Response("Bad gateway\n", { status: 502 });
  }
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return new Response("Gateway timeout\n", { status: 504 });
  }
  // A subprotocol that is no token, say.
  if (error instanceof TypeError) return new Response(null, { status: 400 });
  throw error;
}

/** Passes on one side's messages, and then how that side has ended. */
async function pump(from: Conn, to: Conn, lost: number): Promise<void> {
  for (;;) {
    try {
      const { type, readable } = await from.nextReader();
      // A side that ends amid a message is noticed by the next read from it.
      // Until then the other's writer stays: aborting it would say 1011.
      await readable.pipeTo(to.nextWriter(type), { preventAbort: true })
        .catch(() => {});
    } catch (error) {
      await passOn(error, to, lost);
      return;
    }
  }
}

/** Closes a side as the other has been closed. */
async function passOn(error: unknown, to: Conn, lost: number): Promise<void> {
  if (
    !(error instanceof CloseError) ||
    error.code === CloseCode.AbnormalClosure
  ) {
    // Cut, silent for too long, or at fault: that is between it and us.
    await to.close(lost);
  } else if (error.code === CloseCode.NoStatusReceived) {
    // Stands for a close frame without a code.
    to.writeControl(MessageType.Close);
    await to.closed;
  } else {
    await to.close(error.code, error.reason);
  }
}

function readArguments(args: string[]): Arguments | undefined {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        port: { type: "string", default: "8090" },
        hostname: { type: "string", default: "127.0.0.1" },
        max: { type: "string", default: "1000" },
        timeout: { type: "string", default: "8000" },
      },
    });
    const target = new URL(positionals[0] ?? "");
    const [port, max] = [Number(values.port), Number(values.max)];
    const timeout = Number(values.timeout);
    const fits = positionals.length === 1 && /^wss?:$/.test(target.protocol) &&
      target.username === "" && target.hash === "" && port >= 0 &&
      port <= 65_535 && max > 0 && timeout > 0;
    if (!fits) return undefined;
    return { target, port, hostname: values.hostname, max, timeout };
  } catch {
    return undefined;
  }
}

main();
