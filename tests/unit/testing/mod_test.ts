import net from "node:net";
import { fileURLToPath } from "node:url";

import { assertEquals, assertRejects } from "@std/assert";
import { acceptKey } from "../../../src/handshake/accept.ts";
import { RawPeer } from "../../../src/testing/raw_peer.ts";
import { socketStream } from "../../../src/runtime/sockets/socket_stream.ts";
import { pipe, rawDial, rawPeer } from "../../../src/testing/mod.ts";
import { Program } from "../../examples/program.ts";
import { deferred, hex, test } from "../../support/helper.ts";
import { listen } from "../../support/sockets.ts";

for (const options of [{}, { chunkSize: 1 }, { chunkSize: 7, latency: 1 }]) {
  test(`pipe() joins two connections with ${JSON.stringify(options)}`, async () => {
    const [client, server] = pipe({ ...options, subprotocol: "chat" });
    assertEquals([client.engine, server.engine], ["wire", "wire"]);
    assertEquals([client.subprotocol, server.subprotocol], ["chat", "chat"]);
    client.send("Hello");
    client.send(hex("01 02"));
    assertEquals(await server.readMessage(), { type: 1, data: "Hello" });
    assertEquals(await server.readMessage(), { type: 2, data: hex("01 02") });
    server.send("x".repeat(70_000));
    assertEquals((await client.readMessage()).data.length, 70_000);
    const [info, other] = await Promise.all([
      client.close(1000, "done"),
      server.closed,
    ]);
    assertEquals([info.code, info.wasClean, info.initiator], [
      1000,
      true,
      "local",
    ]);
    assertEquals(other, {
      code: 1000,
      reason: "done",
      wasClean: true,
      initiator: "remote",
    });
  });
}

test("pipe() gives each end its options", async () => {
  const [client, server] = pipe({
    client: { readLimit: 10 },
    server: { readLimit: 2 },
  });
  client.send("abc");
  await assertRejects(() => server.readMessage(), Error, "read limit of 2");
  const { code } = await client.closed;
  assertEquals(code, 1009);
});

test("rawPeer() plays a client", async () => {
  const [conn, peer] = rawPeer({ side: "server", chunkSize: 1 });
  peer.sendFrame({ opcode: 1, payload: "Hi", fin: false });
  peer.sendFrame({ opcode: 9, payload: "p" });
  peer.sendFrame({ opcode: 0, payload: "!" });
  assertEquals((await conn.readMessage()).data, "Hi!");
  await peer.expectFrame({ opcode: 10, payload: "p" });
  const closed = conn.close(1001, "bye");
  await peer.expectClose(1001, "bye");
  peer.sendFrame({ opcode: 8, payload: hex("03 e9") });
  await peer.ended;
  peer.end();
  assertEquals((await closed).wasClean, true);
});

test("rawPeer() plays a server", async () => {
  const [conn, peer] = rawPeer({ side: "client" });
  conn.send("Hello");
  await peer.expectFrame({ opcode: 1, fin: true, payload: "Hello" });
  const read = assertRejects(() => conn.readMessage(), Error, "masked");
  peer.sendFrame({ opcode: 1, payload: "Hi", mask: true });
  await peer.expectClose(1002);
  await read;
  peer.end();
  await conn.closed;
});

test("rawPeer() gives faults to a connection", async () => {
  const [conn, peer] = rawPeer({ side: "client" });
  const read = assertRejects(() => conn.readMessage(), Error, "1006");
  peer.reset();
  await read;
  const { cause } = await conn.closed;
  assertEquals((cause as { code?: string }).code, "ECONNRESET");
});

async function withServer(
  serve: (peer: RawPeer) => Promise<void>,
  fn: (url: string) => Promise<void>,
): Promise<void> {
  const served = deferred();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const peer = new RawPeer(socketStream(socket), "server");
    serve(peer).finally(() => peer.destroy())
      .then(served.resolve, served.reject);
  });
  const port = await listen(server);
  try {
    await fn(`ws://127.0.0.1:${port}/path?q=1`);
    await served.promise;
  } finally {
    server.close();
  }
}

test("rawDial() does the handshake by hand", async () => {
  await withServer(async (peer) => {
    const head = await peer.readHead();
    assertEquals(head.startsWith("GET /path?q=1 HTTP/1.1\r\n"), true);
    const key = /\r\nSec-WebSocket-Key: (.*)\r\n/.exec(head)?.[1] ?? "";
    assertEquals(/\r\nX-A: b\r\n/.test(head), true);
    peer.send(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" +
        "Connection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${acceptKey(key)}\r\n\r\n`,
    );
    await peer.expectFrame({ opcode: 9, payload: "a" });
    peer.sendFrame({ opcode: 10, payload: "a" });
    await peer.ended;
  }, async (url) => {
    const { peer, head } = await rawDial(url, { headers: { "X-A": "b" } });
    assertEquals(head.startsWith("HTTP/1.1 101 "), true);
    peer.sendFrame({ opcode: 9, payload: "a" });
    await peer.expectFrame({ opcode: 10, payload: "a" });
    peer.destroy();
    await peer.closed;
  });
});

test("rawDial() leaves the handshake to the test if told so", async () => {
  await withServer(async (peer) => {
    assertEquals(await peer.readRest(), hex("01 02"));
    peer.end();
  }, async (url) => {
    const { peer, head } = await rawDial(url, { handshake: false });
    assertEquals(head, "");
    peer.send(hex("01 02"));
    peer.end();
    await peer.closed;
  });
});

test("rawDial() rejects with the first line of a refusal", async () => {
  await withServer(async (peer) => {
    await peer.readHead();
    await peer.send("HTTP/1.1 403 Forbidden\r\n\r\n");
    await peer.ended;
  }, async (url) => {
    await assertRejects(
      () => rawDial(url),
      Error,
      'Cannot dial: the server answered "HTTP/1.1 403 Forbidden"',
    );
  });
});

test("rawDial() gives up by its signal", async () => {
  const gone = deferred();
  await withServer(async (peer) => {
    await peer.readHead();
    gone.resolve();
    await peer.ended;
  }, async (url) => {
    const controller = new AbortController();
    const reason = new Error("enough");
    gone.promise.then(() => controller.abort(reason));
    const error = await rawDial(url, { signal: controller.signal })
      .catch((error) => error);
    assertEquals(error, reason);
  });
});

test("pipe() and rawPeer() that are forgotten keep no process alive", async () => {
  await using program = new Program("tests/support/forgotten_pipe.ts", [], {
    folder: fileURLToPath(new URL("../../../", import.meta.url)),
  });
  assertEquals([await program.exited, program.stdout, program.stderr], [
    0,
    "forgotten\n",
    "",
  ]);
});
