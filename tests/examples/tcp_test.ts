import net from "node:net";
import { once } from "node:events";

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";

import { Dialer } from "../../src/client/dialer.ts";
import type { Conn } from "../../src/conn/conn.ts";
import { BadHandshakeError } from "../../src/peer_errors.ts";
import { rawDial } from "../../src/testing/mod.ts";
import { test, withTimeout } from "../support/helper.ts";
import { listen } from "../support/sockets.ts";
import { Program } from "./program.ts";

const BOUND = 16 * 2 ** 20;
const CHUNK = new Uint8Array(65_536);

/** Starts the example in front of a TCP server, and gives the URL of both. */
async function withTcp(
  onSocket: (socket: net.Socket) => void,
  fn: (url: string, target: string) => Promise<void>,
  ...args: string[]
): Promise<void> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    sockets.add(socket);
    onSocket(socket);
  });
  const target = `127.0.0.1:${await listen(server)}`;
  try {
    await using tcp = new Program("tcp.ts", ["--port=0", ...args, target], {
      allow: ["--allow-net"],
    });
    await fn(`ws://127.0.0.1:${await tcp.port()}/`, target);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  }
}

async function dial(url: string): Promise<Conn> {
  const dialer = new Dialer({ subprotocols: ["binary"] });
  return (await dialer.dial(url)).conn;
}

/** How many bytes go until one waits for good. */
async function taken(send: () => Promise<unknown>): Promise<number> {
  let bytes = 0;
  while (bytes <= 2 * BOUND) {
    const sent = await Promise.race([
      send().then(() => true),
      new Promise<false>((resolve) => setTimeout(resolve, 1_000, false)),
    ]);
    if (!sent) return bytes;
    bytes += CHUNK.length;
  }
  return bytes;
}

test("the example tcp joins a page to a TCP server, and ends with either", async () => {
  await withTcp((socket) => {
    socket.on("data", (data) => {
      if (String(data) === "bye") socket.end();
      else socket.write(data);
    });
  }, async (url) => {
    const conn = await dial(url);
    assertEquals(conn.subprotocol, "binary");
    await conn.send("Hello");
    const { data } = await conn.readMessage();
    assertEquals(new TextDecoder().decode(data as Uint8Array), "Hello");
    await conn.send("bye");
    assertEquals((await conn.closed).code, 1000);
    const other = await dial(url);
    assertEquals((await other.close()).wasClean, true);
  });
});

test("the example tcp reaches the targets that are named, and no others", async () => {
  await withTcp((socket) => socket.end("first"), async (url, target) => {
    for (const path of ["", "127.0.0.1:1", "example.com:80"]) {
      const error = await assertRejects(
        () => dial(url + path),
        BadHandshakeError,
      );
      assertEquals(error.response.status, 404);
    }
    const conn = await dial(url + target);
    const { data } = await conn.readMessage();
    assertEquals(new TextDecoder().decode(data as Uint8Array), "first");
    await conn.closed;
    const nobody = await dial(`${url}127.0.0.1:9`);
    const { code, reason } = await nobody.closed;
    assertEquals(code, 1014);
    assertMatch(reason, /ECONNREFUSED/);
  }, "127.0.0.1:9");
});

test("the example tcp refuses pages of other origins", async () => {
  await withTcp((socket) => socket.end(), async (url) => {
    const headers = { Origin: "https://evil.example" };
    const error = await assertRejects(
      () => new Dialer().dial(url, { headers }),
      BadHandshakeError,
    );
    assertEquals(error.response.status, 403);
    const { conn } = await new Dialer().dial(url, {
      headers: { Origin: "https://app.example" },
    });
    await conn.closed;
  }, "--origin=https://app.example");
});

test("the example tcp hands over all that a page has sent before it closed", async () => {
  const came = Promise.withResolvers<net.Socket>();
  await withTcp((socket) => {
    socket.pause();
    came.resolve(socket);
  }, async (url) => {
    const conn = await dial(url);
    // More than the systems' buffers and the example's own take at once.
    const SIZE = 12 * 2 ** 20;
    for (let sent = 0; sent < SIZE; sent += CHUNK.length) conn.send(CHUNK);
    const closed = conn.close(1000, "", { timeout: 20_000 });
    const socket = await came.promise;
    let bytes = 0;
    socket.on("data", (data) => {
      bytes += data.length;
      // It reads more slowly than the page sends, to the end.
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
    const ended = once(socket, "end");
    socket.resume();
    await ended;
    assertEquals(bytes, SIZE);
    assertEquals((await closed).code, 1000);
  });
});

test("the example tcp waits for a TCP server that reads nothing", async () => {
  await withTcp((socket) => socket.pause(), async (url) => {
    const conn = await dial(url);
    const bytes = await taken(() => conn.send(CHUNK));
    assert(bytes < BOUND, `${bytes} bytes were taken`);
    conn.terminate();
    await conn.closed;
  });
});

test("the example tcp waits for a page that reads nothing", async () => {
  const came = Promise.withResolvers<net.Socket>();
  await withTcp(came.resolve, async (url) => {
    const { peer } = await rawDial(url);
    peer.pause();
    const socket = await withTimeout(came.promise, 10_000, "the connection");
    const bytes = await taken(() =>
      new Promise<void>((resolve) => socket.write(CHUNK, () => resolve()))
    );
    assert(bytes < BOUND, `${bytes} bytes were taken`);
    peer.destroy();
  });
});
