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

import {
  type Addr,
  BadHandshakeError,
  CloseCode,
  CloseError,
  type Conn,
  Dialer,
  DialError,
  type DialResult,
  MessageType,
  serve,
  subprotocols,
} from "../mod.ts";
import {
  beforeExit,
  count,
  expect,
  port,
  run,
  text,
} from "./shared/command_line.ts";

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
/** In milliseconds. */
const HOUR = 3_600_000;

/** Of both sides. Nothing is held of a message, so that it needs no limit. */
const CONN_OPTIONS = {
  readLimit: Infinity,
  keepAlive: { interval: 30_000, timeout: 30_000 },
};

await run("proxy.ts TARGET", {
  port: port(8090),
  hostname: text("NAME", "127.0.0.1"),
  max: count(1_000),
  timeout: count(8_000, HOUR, "MS"),
}, async ({ port, hostname, max, timeout }, [url = ""]) => {
  const target = readTarget(url);
  /** The other side of each request that the target is asked for. */
  const upstreams = new Map<Request, Promise<DialResult>>();

  const server = await serve(async (client, request) => {
    const { conn: upstream } = await upstreams.get(request)!;
    await Promise.all([
      pump(client, upstream, CloseCode.GoingAway),
      pump(upstream, client, BAD_GATEWAY),
    ]);
    upstreams.delete(request);
  }, {
    port,
    hostname,
    upgrader: {
      ...CONN_OPTIONS,
      // Over the dial's, for the answer to be ours.
      handshakeTimeout: 2_000 + timeout,
      // The last step before the 101, when the request has passed the checks.
      async authorize(request, { remoteAddr }) {
        if (upstreams.size >= max) return new Response(null, { status: 503 });
        try {
          const dialing = dial(target, timeout, request, remoteAddr);
          upstreams.set(request, dialing);
          return { headers: switchingHeaders(await dialing) };
        } catch (error) {
          return refusal(error);
        }
      },
    },
    // By the target, or because the client has gone meanwhile.
    onRefused(_error, request) {
      upstreams.get(request)?.then(({ conn }) => conn.terminate(), () => {});
      upstreams.delete(request);
    },
    onListen: (addr) =>
      console.log(`Listening on ws://${hostname}:${addr.port}`),
  });

  beforeExit(async () => {
    const dialed = [...upstreams.values()];
    await server.shutdown();
    // They are told by what passes the end on.
    await Promise.allSettled(
      dialed.map(async (dialing) => (await dialing).conn.closed),
    );
  });
});

function readTarget(text: string): URL {
  expect(URL.canParse(text));
  const target = new URL(text);
  const { protocol, username, hash } = target;
  expect(/^wss?:$/.test(protocol) && username === "" && hash === "");
  return target;
}

/** Dials the target as the client has dialed the proxy. */
async function dial(
  target: URL,
  timeout: number,
  request: Request,
  from: Addr | undefined,
): Promise<DialResult> {
  const { pathname, search } = new URL(request.url);
  const url = new URL(target);
  url.pathname = target.pathname.replace(/\/$/, "") + pathname;
  url.search = search;
  const headers = pick(request.headers, REQUEST_HEADERS);
  if (from?.transport === "tcp") {
    headers.push(["X-Forwarded-For", from.hostname]);
  }
  const dialer = new Dialer({
    ...CONN_OPTIONS,
    subprotocols: subprotocols(request),
    handshakeTimeout: timeout,
  });
  return await dialer.dial(url, { headers });
}

/** The headers of these names, spelt as here. */
function pick(headers: Headers, names: string[]): [string, string][] {
  const spelling = new Map(names.map((name) => [name.toLowerCase(), name]));
  return [...headers].flatMap(([lower, value]): [string, string][] => {
    const name = spelling.get(lower);
    return name === undefined ? [] : [[name, value]];
  });
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
        headers: pick(headers, RESPONSE_HEADERS),
      });
    }
  }
  if (error instanceof DialError) console.error(error.message);
  if (error instanceof DialError || error instanceof BadHandshakeError) {
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
