/** Several who want one socket: which of them has it, and what becomes of it. */

import http from "node:http";
import net, { type Socket } from "node:net";
import { Duplex } from "node:stream";
import { once } from "node:events";

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";

import type { Conn } from "../../../src/conn/conn.ts";
import { Dialer } from "../../../src/client/dialer.ts";
import { DialError } from "../../../src/errors.ts";
import {
  BadHandshakeError,
  type HandshakeError,
} from "../../../src/peer_errors.ts";
import { connOver } from "../../../src/conn_over.ts";
import { pipeStreams } from "../../../src/testing/pipe_stream.ts";
import { socketStream } from "../../../src/runtime/sockets/socket_stream.ts";
import type { ByteStream } from "../../../src/transport/byte_stream.ts";
import {
  type UpgradeListener,
  Upgrader,
} from "../../../src/server/upgrader.ts";
import { connectRaw, head, UPGRADE } from "../../support/http_server.ts";
import { echo } from "../../support/servers.ts";
import { deferred, test, withTimeout } from "../../support/helper.ts";
import { listen } from "../../support/sockets.ts";
import { until } from "../../suite/fixture.ts";

const dialer = new Dialer();
const upgrader = new Upgrader();

/** What node:http calls, ours or another library's. */
type Listener = (
  message: http.IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
) => void;

/** A server with listeners for its upgrade event. */
async function serveHttp(...listeners: Listener[]): Promise<
  AsyncDisposable & { readonly port: number; readonly server: http.Server }
> {
  const server = http.createServer();
  const sockets = new Set<Duplex>();
  for (const listener of listeners) server.on("upgrade", listener);
  server.on("connection", (socket) => sockets.add(socket));
  const port = await listen(server);
  return {
    port,
    server,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

async function statusOf(port: number, path: string): Promise<number> {
  const peer = await connectRaw("TCP", port);
  peer.send(head(`GET ${path} HTTP/1.1`, ...UPGRADE.slice(1)));
  const answer = await withTimeout(
    peer.readHead(),
    5_000,
    `an answer to ${path}`,
  );
  peer.destroy();
  await peer.closed;
  return Number(answer.slice(9, 12));
}

function assertOwned(error: unknown): void {
  assertInstanceOf(error, DOMException);
  assertEquals(error.name, "InvalidStateError");
}

test("Upgrader.listener() leaves a socket to the first that has taken it", async () => {
  const errors: unknown[] = [];
  const conns: Conn[] = [];
  const onError = (error: unknown) => void errors.push(error);
  const onConn = (conn: Conn) => {
    conns.push(conn);
    return echo(conn);
  };
  await using server = await serveHttp(
    upgrader.listener(onConn),
    upgrader.listener(onConn, { onError }),
  );
  const { conn } = await dialer.dial(`ws://127.0.0.1:${server.port}`);
  await conn.send("once");
  assertEquals((await conn.readMessage()).data, "once");
  assertEquals([conns.length, errors.length], [1, 1]);
  assertOwned(errors[0]);
  await conn.close();
  assertEquals(
    (await withTimeout(conns[0]!.closed, 5_000, "the end")).code,
    1000,
  );
});

test("Upgrader.upgradeSocket() rejects for a socket that has an owner", async () => {
  const outcome = deferred<unknown>();
  await using server = await serveHttp(
    upgrader.listener(echo),
    (message, socket, head) => {
      upgrader.upgradeSocket(message, socket, head).then(
        outcome.resolve,
        outcome.resolve,
      );
    },
  );
  const { conn } = await dialer.dial(`ws://127.0.0.1:${server.port}`);
  assertOwned(await outcome.promise);
  await conn.send("still");
  assertEquals((await conn.readMessage()).data, "still");
  await conn.close();
});

test("Upgrader.upgradeSocket() rejects a head that is no bytes", async () => {
  const outcome = deferred<unknown>();
  await using server = await serveHttp((message, socket) => {
    upgrader.upgradeSocket(message, socket, "text" as never).then(
      outcome.resolve,
      (error) => {
        outcome.resolve(error);
        socket.destroy();
      },
    );
  });
  await assertRejects(() => dialer.dial(`ws://127.0.0.1:${server.port}`));
  assertInstanceOf(await outcome.promise, TypeError);
});

/** The two ends of a TCP connection. */
async function tcp(): Promise<[Socket, Socket]> {
  const server = net.createServer();
  const port = await listen(server);
  const here = net.connect(port, "127.0.0.1");
  const [[there]] = await Promise.all([
    once(server, "connection"),
    once(here, "connect"),
  ]);
  server.close();
  return [here, there];
}

test("socketStream() throws for a socket that has an owner, whose end is told", async () => {
  const [here, there] = await tcp();
  const client = connOver(socketStream(here), { side: "client" });
  assertOwned(assertThrows(() => socketStream(here)));
  const server = connOver(socketStream(there), { side: "server" });
  assertOwned(assertThrows(() => socketStream(there)));
  await client.send("hi");
  assertEquals((await server.readMessage()).data, "hi");
  await client.close();
  assertEquals((await server.closed).code, 1000);
});

test("socketStream() refuses what gives no bytes", async () => {
  const [here, there] = await tcp();
  there.setEncoding("utf8");
  const error = assertThrows(() => socketStream(there), TypeError);
  assertStringIncludes(error.message, '"utf8"');
  assertThrows(() => socketStream(here, "x" as never), TypeError, "head");
  here.destroy();
  there.destroy();
});

test("socketStream() fails with a TypeError once the socket gives strings", async () => {
  const [here, there] = await tcp();
  const client = connOver(socketStream(here), { side: "client" });
  const server = connOver(socketStream(there), { side: "server" });
  there.setEncoding("latin1");
  client.send("hi");
  const { code, cause } = await withTimeout(server.closed, 5_000, "the end");
  assertEquals(code, 1006);
  assertInstanceOf(cause, TypeError);
  assertStringIncludes(cause.message, "setEncoding()");
  await withTimeout(client.closed, 5_000, "the other end");
});

test("Dialer.dial() refuses a netDial's socket that gives strings, and cuts it", async () => {
  await using server = await serveHttp(upgrader.listener(echo));
  const sockets: Socket[] = [];
  for (const scheme of ["ws", "wss"]) {
    const failing = new Dialer({
      netDial: async () => {
        const socket = net.connect(server.port, "127.0.0.1");
        socket.setEncoding("utf8");
        sockets.push(socket);
        await once(socket, "connect");
        return socket;
      },
    });
    const error = await failing.dial(`${scheme}://127.0.0.1:1`)
      .catch((error) => error);
    assertInstanceOf(error, DialError);
    assertInstanceOf(error.cause, TypeError);
    assertStringIncludes(error.cause.message, "setEncoding()");
  }
  for (const socket of sockets) assert(socket.destroyed);
});

test("Dialer.dial() refuses a netDial's socket that has an owner", async () => {
  await using server = await serveHttp(upgrader.listener(echo));
  const socket = net.connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  const dialing = new Dialer({ netDial: () => socket });
  const { conn } = await dialing.dial("ws://127.0.0.1");
  const error = await dialing.dial("ws://127.0.0.1").catch((error) => error);
  assertInstanceOf(error, DialError);
  assertOwned(error.cause);
  await conn.send("still");
  assertEquals((await conn.readMessage()).data, "still");
  await conn.close();
});

for (const give of ["a string", "an object"] as const) {
  test(`connOver() fails with a TypeError when the stream gives ${give}`, async () => {
    const [here, there] = pipeStreams();
    const stream = Object.create(here) as ByteStream;
    for (const key of ["pause", "resume", "write", "end", "destroy"] as const) {
      stream[key] = here[key].bind(here) as never;
    }
    stream.start = (receiver) =>
      here.start({
        data: () =>
          receiver.data(give === "a string" ? "x" as never : {} as never),
        end: () => receiver.end(),
        closed: (error) => receiver.closed(error),
      });
    const conn = connOver(stream, { side: "server" });
    const other = connOver(there, { side: "client" });
    other.send("hi");
    const { code, cause } = await withTimeout(conn.closed, 5_000, "the end");
    assertEquals(code, 1006);
    assertInstanceOf(cause, TypeError);
    await withTimeout(other.closed, 5_000, "the other end");
  });
}

test("socketStream() fails with a TypeError when a duplex gives objects", async () => {
  const duplex = new Duplex({
    objectMode: true,
    read() {},
    write: (_chunk, _encoding, done) => done(),
  });
  const conn = connOver(socketStream(duplex), { side: "server" });
  duplex.push({ a: 1 });
  const { cause } = await withTimeout(conn.closed, 5_000, "the end");
  assertInstanceOf(cause, TypeError);
});

/** Answers as a development server does, by a protocol of its own. */
const foreign: Listener = (message, socket) => {
  if (message.url === "/hmr") socket.end("HTTP/1.1 299 Foreign\r\n\r\n");
};

/** A listener at a path, which says so. */
function at(
  path: string | ((url: URL) => boolean),
  told: { errors?: unknown[]; refused?: HandshakeError[] } = {},
): UpgradeListener {
  return upgrader.listener((conn) => conn.terminate(), {
    path,
    onError: (error) => told.errors?.push(error),
    onRefused: (error) => told.refused?.push(error),
  });
}

test("Upgrader.listener() leaves other paths to other listeners", async () => {
  for (const order of [[at("/ws"), foreign], [foreign, at("/ws")]]) {
    await using server = await serveHttp(...order);
    assertEquals(await statusOf(server.port, "/ws?a=b"), 101);
    assertEquals(await statusOf(server.port, "/hmr"), 299);
  }
});

test("Upgrader.listener() answers 404 to other paths where it is alone", async () => {
  const refused: HandshakeError[] = [];
  await using server = await serveHttp(at("/ws", { refused }));
  assertEquals(await statusOf(server.port, "/ws"), 101);
  assertEquals(await statusOf(server.port, "/wss"), 404);
  assertEquals(refused.map(({ message }) => message), [
    'Cannot upgrade request: there is no endpoint at path "/wss"',
  ]);
});

test("Upgrader.listener() answers 404 once where no listener has the path", async () => {
  const refused: HandshakeError[] = [];
  await using server = await serveHttp(
    at("/a", { refused }),
    at("/b", { refused }),
    at(({ pathname }) => pathname.startsWith("/c/"), { refused }),
  );
  for (const path of ["/a", "/b", "/c/d"]) {
    assertEquals(await statusOf(server.port, path), 101, path);
  }
  assertEquals(await statusOf(server.port, "/c"), 404);
  assertEquals(refused.length, 1);
});

test("Upgrader.listener() gives path the URL with its query", async () => {
  const urls: string[] = [];
  await using server = await serveHttp(at((url) => {
    urls.push(url.pathname + url.search);
    return url.searchParams.has("yes");
  }));
  assertEquals(await statusOf(server.port, "/x?yes"), 101);
  assertEquals(await statusOf(server.port, "/x?no"), 404);
  assertEquals(urls, ["/x?yes", "/x?no"]);
});

test("Upgrader.listener() answers 500 when path fails, and tells", async () => {
  const failures: ((url: URL) => boolean)[] = [
    () => {
      throw "thrown";
    },
    (() => Promise.resolve(true)) as never,
    // Which nobody else handles.
    (() => Promise.reject(new Error("path"))) as never,
    (() => undefined) as never,
  ];
  for (const path of failures) {
    const told = { errors: [] as unknown[], refused: [] as HandshakeError[] };
    await using server = await serveHttp(at(path, told));
    assertEquals(await statusOf(server.port, "/"), 500);
    await until(() => told.refused.length > 0, "the refusal");
    assertEquals(told.errors.length, 1);
    assert(told.refused[0]!.cause === told.errors[0]);
    if (path === failures[0]) assertEquals(told.errors, ["thrown"]);
    else assertInstanceOf(told.errors[0], TypeError);
  }
});

test("Upgrader.listener() answers 400 to what has no URL, whatever its path", async () => {
  await using server = await serveHttp(at("/ws"));
  const peer = await connectRaw("TCP", server.port);
  peer.send(
    head("GET /ws HTTP/1.1", "Host: host:99999", ...UPGRADE.slice(2)),
  );
  assertStringIncludes(await peer.readHead(), " 400 ");
  peer.destroy();
  await peer.closed;
});

test("Upgrader.listener() refuses a path that is none", () => {
  for (const path of ["ws", "", "/ws?a", "/ws#a", 1, null, {}]) {
    assertThrows(() => at(path as never), TypeError);
  }
});

test("Upgrader.listener() called by hand answers 404 to other paths", async () => {
  const listener = at("/ws");
  await using server = await serveHttp((message, socket, head) =>
    listener(message, socket, head)
  );
  assertEquals(await statusOf(server.port, "/ws"), 101);
  assertEquals(await statusOf(server.port, "/other"), 404);
});

test("Upgrader.listener() without a path answers all", async () => {
  await using server = await serveHttp(
    upgrader.listener((conn) => conn.terminate()),
  );
  assertEquals(await statusOf(server.port, "/any/where"), 101);
  const error = await dialer.dial(`ws://127.0.0.1:${server.port}`, {
    headers: { Origin: "https://evil.example" },
  }).catch((error) => error);
  assertInstanceOf(error, BadHandshakeError);
});
