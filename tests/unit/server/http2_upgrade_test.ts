import type { Duplex } from "node:stream";

import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { Dialer } from "../../../src/client/dialer.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import { deferred, hex, test } from "../../support/helper.ts";
import {
  DATA,
  END_STREAM,
  GOAWAY,
  HEADERS,
  type Http2Peer,
  PING,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from "../../support/http2_peer.ts";
import {
  askHttp2,
  connectHttp2,
  HTTP2_CARRIERS,
  type Http2Server,
  onHttp2,
  startHttp1,
  startHttp2,
} from "../../support/http2_server.ts";
import { ca, connectRaw } from "../../support/http_server.ts";
import { turn, until } from "../../suite/fixture.ts";

// A close frame of code 1000, masked with zeros, and one that is not masked.
const CLOSE = hex("88 82 00000000 03e8");
const CLOSED = hex("88 02 03e8");

/** The runtime ends the stream or the session, and asks nobody. */
const MALFORMED = "malformed";

type Row = readonly [
  what: string,
  changes: Record<string, string | null>,
  status: number | string,
  flags?: number,
];

/** What is answered how. */
const REQUESTS: readonly Row[] = [
  ["as it should be", {}, 200],
  ["its own origin", { origin: "https://localhost" }, 200],
  ["its own Host", { host: "LOCALHOST" }, 200],
  ["another scheme", { ":scheme": "http" }, 200],
  ["a key, which means nothing", { "sec-websocket-key": "x" }, 200],
  ["several versions", { "sec-websocket-version": "8, 13" }, 200],
  ["another protocol", { ":protocol": "connect-udp" }, 501],
  ["its protocol in capitals", { ":protocol": "WebSocket" }, 501],
  ["a tunnel", { ":protocol": null, ":scheme": null, ":path": null }, 501],
  ["no version", { "sec-websocket-version": null }, 400],
  ["another version", { "sec-websocket-version": "8" }, 400],
  ["a length", { "content-length": "0" }, 400],
  ["the end of its stream", {}, 400, END_STREAM],
  ["another Host", { host: "localhost:1" }, 400],
  ["an empty Host", { host: "" }, MALFORMED],
  ["Connection", { connection: "upgrade" }, MALFORMED],
  ["Upgrade", { upgrade: "websocket" }, MALFORMED],
  ["Transfer-Encoding", { "transfer-encoding": "x" }, MALFORMED],
  ["user info", { ":authority": "a@localhost" }, MALFORMED],
  ["a path in its authority", { ":authority": "a/b" }, MALFORMED],
  ["a fragment", { ":path": "/a#b" }, 400],
  ["a path that is none", { ":path": "*" }, MALFORMED],
  ["a tab in its path", { ":path": "/a\tb" }, MALFORMED],
  ["another origin", { origin: "https://evil.example" }, 403],
  ["an origin at another port", { origin: "https://localhost:1" }, 403],
  ["the null origin", { origin: "null" }, 403],
];

onHttp2("listener() answers an extended CONNECT", async (carrier) => {
  const conns: Conn[] = [];
  const listener = new Upgrader().listener((conn) => void conns.push(conn));
  await using server = await startHttp2(carrier, listener);
  let good = 0;
  for (const [what, changes, expected, flags] of REQUESTS) {
    const peer = await server.connect();
    const stream = peer.connect(changes, flags);
    let status: number | string = MALFORMED;
    try {
      const frame = await peer.next(stream);
      if (frame.type !== RST_STREAM) status = peer.statusOf(frame);
    } catch {
      // Deno ends the session.
    }
    if (status === 200) good++;
    assertEquals(status, expected, what);
  }
  assertEquals(conns.length, good);
  for (const conn of conns) conn.terminate();
});

onHttp2(
  "listener() shows the GET that a CONNECT stands for",
  async (carrier) => {
    const seen: Request[] = [];
    const addresses = new Set<string | undefined>();
    const upgrader = new Upgrader({
      subprotocols: ["b"],
      enableCompression: true,
      authorize: (request, { remoteAddr }) => {
        seen.push(request);
        if (remoteAddr?.transport === "tcp") addresses.add(remoteAddr.hostname);
        const headers: [string, string][] = [
          ["Set-Cookie", "a=1"],
          ["Set-Cookie", "b=2"],
          ["X-A", "1"],
          ["Content-Type", "text/plain"],
          ["Content-Type", "text/html"],
        ];
        return { headers };
      },
    });
    const opened = deferred<[Conn, Request]>();
    const listener = upgrader.listener((...args) => opened.resolve(args));
    await using server = await startHttp2(carrier, listener);
    const session = await connectHttp2(carrier, server.port);
    const stream = askHttp2(session, {
      ":path": "/chat?room=1",
      ":authority": "example.com:8443",
      cookie: ["a=1", "b=2"],
      "x-list": ["1", "2"],
      "sec-websocket-protocol": "a, b",
      "sec-websocket-extensions": "permessage-deflate",
    });
    stream.on("error", () => {});
    const answer = deferred<Record<string, unknown>>();
    stream.on(
      "response",
      (headers) => answer.resolve(Object.fromEntries(Object.entries(headers))),
    );
    const { date: _, ...headers } = await answer.promise;
    assertEquals(headers, {
      ":status": 200,
      "sec-websocket-protocol": "b",
      "sec-websocket-extensions":
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
      "set-cookie": ["a=1", "b=2"],
      "x-a": "1",
      "content-type": "text/plain, text/html",
    });
    const [conn, request] = await opened.promise;
    assert(seen.length === 1 && seen[0] === request);
    const scheme = carrier === "TCP" ? "http" : "https";
    assertEquals(request.method, "GET");
    assertEquals(request.url, `${scheme}://example.com:8443/chat?room=1`);
    const { headers: got } = request;
    assertEquals(got.get("host"), "example.com:8443");
    assertEquals(got.get("cookie"), "a=1; b=2");
    assertEquals(got.get("x-list"), "1, 2");
    assertEquals([...addresses], ["127.0.0.1"]);
    assertEquals(conn.subprotocol, "b");
    assert(conn.remoteAddr?.transport === "tcp");
    assertEquals(conn.remoteAddr.hostname, "127.0.0.1");
    assert(conn.localAddr?.transport === "tcp");
    assertEquals(conn.localAddr.port, server.port);
    conn.terminate();
    await conn.closed;
    session.destroy();
  },
);

onHttp2("listener() answers whom authorize refuses", async (carrier) => {
  const reasons: string[] = [];
  const upgrader = new Upgrader({
    authorize: () =>
      new Response("No entry", {
        status: 401,
        // Of HTTP/1.1: HTTP/2 has none of them.
        headers: { Connection: "close", TE: "x", "Content-Length": "8" },
      }),
  });
  const listener = upgrader.listener(() => {}, {
    onRefused: ({ message }) => void reasons.push(message),
  });
  await using server = await startHttp2(carrier, listener);
  const peer = await server.connect();
  // What a client sends meanwhile is nobody's.
  const stream = peer.connect();
  peer.data(stream, new Uint8Array(1000));
  assertEquals(await peer.status(stream), 401);
  const [body, ends] = await peer.rest(stream);
  assertEquals(new TextDecoder().decode(body), "No entry");
  assertEquals(ends, ["END_STREAM", "RST 0"]);
  assertEquals(reasons, ["Cannot upgrade request: authorize answered 401"]);
  // The session goes on.
  assertEquals((await peer.next(peer.connect())).type, HEADERS);
});

onHttp2("listener() answers 404 and 500 over HTTP/2, too", async (carrier) => {
  const faults: unknown[] = [];
  const fault = new Error("mine");
  const upgrader = new Upgrader({
    authorize() {
      throw fault;
    },
  });
  const listener = upgrader.listener(() => {}, {
    path: "/a",
    onError: (error) => void faults.push(error),
  });
  await using server = await startHttp2(carrier, listener);
  const peer = await server.connect();
  assertEquals(await peer.status(peer.connect({ ":path": "/b" })), 404);
  assertEquals(faults, []);
  assertEquals(await peer.status(peer.connect({ ":path": "/a?x" })), 500);
  assertEquals(faults, [fault]);
});

onHttp2(
  "listener() leaves streams to the listener of their path",
  async (carrier) => {
    const upgrader = new Upgrader();
    await using server = await startHttp2(
      carrier,
      upgrader.listener((conn) => conn.send("a"), { path: "/a" }),
    );
    const { server: node } = server;
    node.on(
      "connect",
      upgrader.listener((conn) => conn.send("b"), { path: "/b" }),
    );
    const peer = await server.connect();
    for (const path of ["a", "b"]) {
      const stream = peer.connect({ ":path": `/${path}` });
      assertEquals(await peer.status(stream), 200);
      const { payload } = await peer.next(stream);
      assertEquals(payload, hex(`81 01 6${path === "a" ? 1 : 2}`));
      peer.reset(stream, 8);
    }
    assertEquals(await peer.status(peer.connect({ ":path": "/c" })), 404);
    assertEquals(await peer.status(peer.connect({ ":protocol": "x" })), 501);
  },
);

onHttp2(
  "listener() leaves other protocols to other listeners",
  async (carrier) => {
    await using server = await startHttp2(
      carrier,
      new Upgrader().listener(() => {}),
    );
    server.server.on("connect", (request, response) => {
      if (request.headers[":protocol"] === "websocket") return;
      response.stream.respond({ ":status": 206 }, { endStream: true });
    });
    const peer = await server.connect();
    const other = peer.connect({ ":protocol": "connect-udp" });
    assertEquals(await peer.status(other), 206);
    const tunnel = peer.connect({
      ":protocol": null,
      ":scheme": null,
      ":path": null,
    });
    assertEquals(await peer.status(tunnel), 206);
    assertEquals(await peer.status(peer.connect()), 200);
  },
);

// How a connection ends, as its peer sees it (RFC 8441, section 5).

interface Ends {
  readonly conn: Conn;
  readonly peer: Http2Peer;
  readonly stream: number;
  readonly server: Http2Server;
}

function ends(what: string, fn: (ends: Ends) => Promise<void>): void {
  onHttp2(`a connection over HTTP/2 ${what}`, async (carrier) => {
    const opened = deferred<Conn>();
    await using server = await startHttp2(
      carrier,
      new Upgrader().listener((conn) => opened.resolve(conn)),
    );
    const peer = await server.connect();
    const stream = peer.connect();
    assertEquals(await peer.status(stream), 200);
    const conn = await opened.promise;
    await fn({ conn, peer, stream, server });
  });
}

ends("ends the stream of a client that does not", async (link) => {
  const { conn, peer, stream } = link;
  peer.data(stream, CLOSE);
  assertEquals(await peer.rest(stream), [CLOSED, ["END_STREAM", "RST 0"]]);
  const start = performance.now();
  assertEquals((await conn.closed).wasClean, true);
  assert(performance.now() - start < 2_000);
  // The session is whole.
  assertEquals(await peer.status(peer.connect()), 200);
});

ends("ends with its client's half", async ({ conn, peer, stream }) => {
  peer.data(stream, CLOSE, END_STREAM);
  assertEquals((await peer.next(stream)).payload, CLOSED);
  const { type, flags, payload } = await peer.next(stream);
  assertEquals([type, flags, payload.length], [DATA, END_STREAM, 0]);
  const { code, wasClean } = await conn.closed;
  assertEquals([code, wasClean], [1000, true]);
});

ends("waits for the client's close frame", async ({ conn, peer, stream }) => {
  conn.close(1000);
  assertEquals((await peer.next(stream)).payload, CLOSED);
  peer.data(stream, CLOSE);
  assertEquals(await peer.rest(stream), [hex(""), ["END_STREAM", "RST 0"]]);
  assertEquals((await conn.closed).wasClean, true);
});

ends("cancels the stream in terminate()", async ({ conn, peer, stream }) => {
  conn.terminate();
  assertEquals(await peer.rest(stream), [hex(""), ["RST 8"]]);
  assertEquals((await conn.closed).code, 1006);
  assertEquals(await peer.status(peer.connect()), 200);
});

ends(
  "tells of a broken rule before it ends",
  async ({ conn, peer, stream }) => {
    peer.data(stream, hex("81 01 41"));
    const { payload } = await peer.next(stream);
    assertEquals([payload[0], ...payload.subarray(2, 4)], [0x88, 0x03, 0xea]);
    const { flags } = await peer.next(stream);
    assertEquals(flags, END_STREAM);
    // Its answer may take its time.
    peer.frame(PING, 0, 0, new Uint8Array(8));
    await peer.next(0, PING);
    assertEquals(peer.count(RST_STREAM), 0);
    peer.data(stream, CLOSE, END_STREAM);
    assertEquals((await conn.closed).code, 1006);
  },
);

ends("is over when the client cancels", async ({ conn, peer, stream }) => {
  peer.reset(stream, 8);
  const { code, initiator } = await conn.closed;
  assertEquals([code, initiator], [1006, "network"]);
});

ends("is over when the client has an error", async ({ conn, peer, stream }) => {
  peer.reset(stream, 2);
  const { code, initiator } = await conn.closed;
  assertEquals([code, initiator], [1006, "network"]);
});

ends("is over at an end without a close frame", async (link) => {
  const { conn, peer, stream } = link;
  peer.data(stream, hex(""), END_STREAM);
  const { code, initiator } = await conn.closed;
  assertEquals([code, initiator], [1006, "network"]);
  assertEquals(await peer.rest(stream), [hex(""), ["RST 8"]]);
});

ends("goes on after GOAWAY", async ({ conn, peer, stream, server }) => {
  server.sessions[0]!.goaway(0);
  peer.data(stream, hex("81 81 00000000 41"));
  assertEquals((await conn.readMessage()).data, "A");
  peer.data(stream, CLOSE);
  assertEquals((await peer.rest(stream))[0], CLOSED);
  await conn.closed;
});

ends("ends with its session", async ({ conn, peer }) => {
  await peer[Symbol.asyncDispose]();
  assertEquals((await conn.closed).code, 1006);
});

onHttp2("shutdown() ends connections over HTTP/2, too", async (carrier) => {
  const upgrader = new Upgrader();
  await using server = await startHttp2(carrier, upgrader.listener(() => {}));
  const peer = await server.connect();
  const stream = peer.connect();
  assertEquals(await peer.status(stream), 200);
  assertEquals(upgrader.conns.size, 1);
  const over = upgrader.shutdown();
  assertEquals((await peer.next(stream)).payload, hex("88 02 03e9"));
  assertEquals(await peer.status(peer.connect()), 503);
  peer.data(stream, CLOSE);
  await over;
  assertEquals(upgrader.conns.size, 0);
});

onHttp2("routes are found over HTTP/2, too", async (carrier) => {
  const upgrader = new Upgrader({ authorize: () => ({ data: "mine" }) });
  const listener = upgrader.listener({
    "/rooms/:name": (conn, _request, { params }) =>
      conn.send(`${params.name} ${conn.data}`),
  });
  await using server = await startHttp2(carrier, listener);
  const peer = await server.connect();
  const stream = peer.connect({ ":path": "/rooms/a" });
  assertEquals(await peer.status(stream), 200);
  assertEquals(
    new TextDecoder().decode((await peer.next(stream)).payload.subarray(2)),
    "a mine",
  );
  assertEquals(await peer.status(peer.connect({ ":path": "/b" })), 404);
});

onHttp2("maxConnsPerAddress counts streams", async (carrier) => {
  const upgrader = new Upgrader({ maxConnsPerAddress: 2 });
  await using server = await startHttp2(carrier, upgrader.listener(() => {}));
  const peer = await server.connect();
  const streams = [peer.connect(), peer.connect()];
  for (const stream of streams) assertEquals(await peer.status(stream), 200);
  assertEquals((await peer.next(peer.connect())).type, HEADERS);
  assertEquals(upgrader.conns.size, 2);
  peer.reset(streams[0]!, 8);
  await until(() => upgrader.conns.size === 1, "the end of the first");
  assertEquals(await peer.status(peer.connect()), 200);
});

onHttp2(
  "listener() counts callbacks that outlive handshakeTimeout",
  async (carrier) => {
    const going = deferred();
    let running = 0;
    let refused = 0;
    const upgrader = new Upgrader({
      handshakeTimeout: 100,
      authorize: () => {
        running++;
        return going.promise;
      },
    });
    const onRefused = () => void refused++;
    await using server = await startHttp2(
      carrier,
      upgrader.listener(() => {}, { onRefused }),
    );
    const peer = await server.connect();
    for (let i = 0; i < 256; i++) peer.connect();
    await until(() => refused === 256, "the time-outs");
    peer.connect();
    await until(() => refused === 257, "the refusal");
    assertEquals(running, 256);
    going.resolve();
    await turn();
    peer.connect();
    await until(() => upgrader.conns.size === 1, "the connection");
  },
);

// Bun's TLS client reads on while it is paused.
test("terminate() waits for no peer that reads nothing", async () => {
  const carrier = HTTP2_CARRIERS.at(-1)!;
  const opened = deferred<Conn>();
  const listener = new Upgrader().listener((conn) => opened.resolve(conn));
  await using server = await startHttp2(carrier, listener);
  const peer = await server.connect();
  // Windows that nothing fills: TCP is what holds it up.
  peer.frame(SETTINGS, 0, 0, hex("0004 7fffffff"));
  peer.frame(WINDOW_UPDATE, 0, 0, hex("7fff0000"));
  const stream = peer.connect();
  assertEquals(await peer.status(stream), 200);
  peer.pause();
  const conn = await opened.promise;
  const filler = new Uint8Array(100_000);
  for (let i = 0; i < 300; i++) conn.send(filler).catch(() => {});
  for (let amount = -1; amount !== conn.bufferedAmount;) {
    amount = conn.bufferedAmount;
    for (let i = 0; i < 20; i++) await turn();
  }
  assert(conn.bufferedAmount > 0);
  conn.terminate();
  assertEquals((await conn.closed).code, 1006);
});

/** Upgrades while `authorize` waits, and the client goes. */
async function gone(
  carrier: "TCP" | "TLS",
  leave: (peer: Http2Peer, stream: number) => void,
): Promise<void> {
  const authorizing = deferred();
  const going = deferred();
  const refused = deferred<string>();
  const upgrader = new Upgrader({
    authorize() {
      authorizing.resolve();
      return going.promise;
    },
  });
  const listener = upgrader.listener(() => {}, {
    onRefused: ({ message }) => refused.resolve(message),
  });
  await using server = await startHttp2(carrier, listener);
  server.server.on("connect", (_request, response) => {
    response.stream.on("close", () => going.resolve());
  });
  const peer = await server.connect();
  const stream = peer.connect();
  await authorizing.promise;
  leave(peer, stream);
  assertEquals(
    await refused.promise,
    "Cannot upgrade request: the client has gone",
  );
  const other = await server.connect();
  assertEquals(await other.status(other.connect()), 200);
}

onHttp2(
  "listener() refuses a stream that is reset meanwhile",
  async (carrier) => {
    await gone(carrier, (peer, stream) => peer.reset(stream, 8));
  },
);

onHttp2(
  "listener() outlives a session that is cut meanwhile",
  async (carrier) => {
    await gone(carrier, (peer) => void peer[Symbol.asyncDispose]());
  },
);

onHttp2("listener() outlives GOAWAY with an error", async (carrier) => {
  await using server = await startHttp2(
    carrier,
    new Upgrader().listener(() => {}),
  );
  for (let i = 0; i < 5; i++) {
    const peer = await server.connect();
    peer.connect();
    peer.frame(GOAWAY, 0, 0, hex("00000000 00000002"));
    await peer[Symbol.asyncDispose]();
  }
  const other = await server.connect();
  assertEquals(await other.status(other.connect()), 200);
});

onHttp2(
  "listener() cuts a refused client that takes nothing",
  async (carrier) => {
    const upgrader = new Upgrader({
      handshakeTimeout: 300,
      authorize: () => new Response("x".repeat(1000), { status: 401 }),
    });
    await using server = await startHttp2(carrier, upgrader.listener(() => {}));
    const peer = await server.connect();
    // SETTINGS_INITIAL_WINDOW_SIZE
    peer.frame(SETTINGS, 0, 0, hex("0004 00000000"));
    const stream = peer.connect();
    assertEquals(await peer.status(stream), 401);
    assertEquals(await peer.rest(stream), [hex(""), ["RST 8"]]);
  },
);

onHttp2(
  "a listener leaves a stream alone that has an owner",
  async (carrier) => {
    const faults: string[] = [];
    const upgrader = new Upgrader();
    const conns: Conn[] = [];
    await using server = await startHttp2(
      carrier,
      upgrader.listener((conn) => void conns.push(conn)),
    );
    server.server.on(
      "connect",
      upgrader.listener(() => {}, {
        onError: (error) => void faults.push((error as Error).name),
      }),
    );
    const peer = await server.connect();
    assertEquals(await peer.status(peer.connect()), 200);
    await until(() => faults.length > 0, "the second listener's fault");
    assertEquals(faults, ["InvalidStateError"]);
    assertEquals(conns.map(({ state }) => state), ["open"]);
  },
);

// CONNECT over HTTP/1.1

const TUNNEL =
  "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n";

onHttp2(
  "listener() refuses a CONNECT of HTTP/1.1 with 501",
  async (carrier) => {
    const listener = new Upgrader().listener(() => {});
    await using server = await startHttp1(carrier, listener);
    const peer = await connectRaw(carrier, server.port);
    peer.send(TUNNEL);
    assertStringIncludes(
      await peer.readHead(),
      "HTTP/1.1 501 Not Implemented\r\n",
    );
    assertEquals(await peer.readRest(), hex(""));
    peer.end();
    await peer.closed;
  },
);

onHttp2(
  "listener() leaves a CONNECT of HTTP/1.1 to others",
  async (carrier) => {
    const upgrader = new Upgrader();
    await using server = await startHttp1(carrier, upgrader.listener(() => {}));
    server.server.on("connect", upgrader.listener(() => {}, { path: "/a" }));
    server.server.on("connect", (_request, socket: Duplex) => {
      socket.end("HTTP/1.1 200 OK\r\n\r\ntunnel");
    });
    const peer = await connectRaw(carrier, server.port);
    peer.send(TUNNEL);
    assertStringIncludes(await peer.readHead(), "HTTP/1.1 200 OK\r\n");
    assertEquals(new TextDecoder().decode(await peer.readRest()), "tunnel");
    peer.end();
    await peer.closed;
  },
);

// What the guide says of servers of node:http2.

onHttp2("node answers 405 where no listener is", async (carrier) => {
  await using server = await startHttp2(carrier, undefined);
  const peer = await server.connect();
  assertEquals(await peer.status(peer.connect()), 405);
});

onHttp2("a server speaks both versions on one port", async (carrier) => {
  if (carrier === "TCP") return;
  const versions: string[] = [];
  const upgrader = new Upgrader();
  const listener = upgrader.listener((conn) => void conn.close());
  await using server = await startHttp2(carrier, listener);
  server.server.on("upgrade", () => void versions.push("1.1"));
  server.server.on("connect", () => void versions.push("2"));
  const { conn } = await new Dialer({ tls: { ca } })
    .dial(`wss://127.0.0.1:${server.port}`);
  await conn.closed;
  const peer = await server.connect();
  assertEquals(await peer.status(peer.connect()), 200);
  assertEquals(versions, ["1.1", "2"]);
});
