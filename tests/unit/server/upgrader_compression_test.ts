/** `enableCompression` on both sides, over the network. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { CompressionOptions } from "../../../src/deflate/options.ts";
import { Dialer } from "../../../src/client/dialer.ts";
import { UnsupportedError } from "../../../src/errors.ts";
import { BadHandshakeError } from "../../../src/peer_errors.ts";
import { serve, type Server } from "../../../src/server/serve.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import { accepting, withServer } from "../../support/dial_server.ts";
import { connectRaw, head, UPGRADE } from "../../support/http_server.ts";
import { echo, portOf } from "../../support/servers.ts";
import { hex, test } from "../../support/helper.ts";

const PMD = "permessage-deflate";
const NO_TAKEOVER = `${PMD}; server_no_context_takeover; ` +
  "client_no_context_takeover";
const TAKEOVER: CompressionOptions = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  threshold: 0,
};

function start(
  enableCompression: boolean | CompressionOptions | undefined,
  engine: "wire" | "native" = "wire",
): Promise<Server> {
  return serve(echo, {
    port: 0,
    hostname: "127.0.0.1",
    engine,
    upgrader: enableCompression === undefined ? {} : { enableCompression },
  });
}

for (
  const [server, client, agreed] of [
    [undefined, true, null],
    [false, true, null],
    [true, undefined, null],
    [true, true, NO_TAKEOVER],
    [true, TAKEOVER, NO_TAKEOVER],
    [TAKEOVER, true, NO_TAKEOVER],
    [TAKEOVER, TAKEOVER, PMD],
    [
      { ...TAKEOVER, clientMaxWindowBits: 10 },
      { ...TAKEOVER, serverMaxWindowBits: 9 },
      `${PMD}; server_max_window_bits=9; client_max_window_bits=10`,
    ],
    [{ threshold: 0, level: 9 }, { threshold: 0, level: -2 }, NO_TAKEOVER],
  ] as [
    boolean | CompressionOptions | undefined,
    boolean | CompressionOptions | undefined,
    string | null,
  ][]
) {
  const name = JSON.stringify([server ?? null, client ?? null]);
  test(`enableCompression of server and dialer ${name} agrees on ${agreed}`, async () => {
    await using running = await start(server);
    const dialer = new Dialer(
      client === undefined ? {} : { enableCompression: client },
    );
    const { conn, response } = await dialer.dial(
      `ws://127.0.0.1:${portOf(running)}/`,
    );
    assertEquals(response.headers.get("sec-websocket-extensions"), agreed);
    for (const text of ["", "a", "Hello ".repeat(1000), "Hi"]) {
      await conn.send(text);
      assertEquals((await conn.readMessage()).data, text);
    }
    await conn.close();
  });
}

test("Upgrader answers the offer and compresses", async () => {
  await using server = await start({ threshold: 0 });
  const socket = await connectRaw("TCP", portOf(server));
  socket.send(
    head(
      ...UPGRADE,
      `Sec-WebSocket-Extensions: ${PMD}; client_max_window_bits`,
    ),
  );
  const answer = await socket.readHead();
  assert(answer.includes(`Sec-WebSocket-Extensions: ${NO_TAKEOVER}\r\n`));
  socket.send(hex("c1 87 00 00 00 00 f2 48 cd c9 c9 07 00"));
  assertEquals(await socket.readBytes(9), hex("c1 07 f2 48 cd c9 c9 07 00"));
  socket.destroy();
});

test("Upgrader declines an offer that it cannot meet, and connects", async () => {
  await using server = await start(true);
  for (const offer of [`${PMD}; server_max_window_bits=7`, `${PMD}; x`, "y"]) {
    const socket = await connectRaw("TCP", portOf(server));
    socket.send(head(...UPGRADE, `Sec-WebSocket-Extensions: ${offer}`));
    const answer = await socket.readHead();
    assert(answer.startsWith("HTTP/1.1 101 "));
    assertEquals(/sec-websocket-extensions/i.test(answer), false);
    socket.destroy();
  }
});

for (
  const [enableCompression, answer] of [
    [undefined, PMD],
    [false, NO_TAKEOVER],
    [true, PMD],
    [true, "x-other"],
    [true, `${NO_TAKEOVER}, ${NO_TAKEOVER}`],
    [true, `${NO_TAKEOVER}; server_max_window_bits=16`],
    [true, `${NO_TAKEOVER}; server_max_window_bits=7`],
    [true, `${NO_TAKEOVER}; client_max_window_bits`],
    [true, `${NO_TAKEOVER}; client_max_window_bits=1e1`],
    [{ serverMaxWindowBits: 9 }, `${NO_TAKEOVER}; server_max_window_bits=10`],
    [true, `${NO_TAKEOVER}; server_max_window_bits="`],
  ] as [boolean | CompressionOptions | undefined, string][]
) {
  const name = `${JSON.stringify(enableCompression ?? null)} and ${answer}`;
  test(`Dialer fails an answer that does not fit: ${name}`, async () => {
    await withServer(async (peer) => {
      const request = await peer.readHead();
      peer.send(
        await accepting(request, `Sec-WebSocket-Extensions: ${answer}`),
      );
      await peer.ended;
    }, async (url) => {
      const dialer = new Dialer(
        enableCompression === undefined ? {} : { enableCompression },
      );
      await assertRejects(() => dialer.dial(url), BadHandshakeError);
    });
  });
}

test("Upgrader and Dialer check the options", () => {
  const enableCompression = { level: 10 };
  assertThrows(() => new Upgrader({ enableCompression }), RangeError, "level");
  assertThrows(() => new Dialer({ enableCompression }), RangeError, "level");
});

test("require: compression is there on wire", async () => {
  const upgrader = {
    enableCompression: true,
    require: ["compression"] as const,
  };
  await using server = await serve(echo, { port: 0, upgrader });
  assert(server.addr);
});

test("the native engine on Deno has no compression", async () => {
  const upgrader = new Upgrader({
    enableCompression: true,
    require: ["compression"],
  });
  assertThrows(() => upgrader.handler(echo), UnsupportedError);
  // Where it is not required it is declined.
  await using server = await start(true, "native");
  const { conn, response } = await new Dialer({ enableCompression: true })
    .dial(`ws://127.0.0.1:${portOf(server)}/`);
  assertEquals(response.headers.get("sec-websocket-extensions"), null);
  conn.send("Hello ".repeat(1000));
  assertEquals((await conn.readMessage()).data.length, 6000);
  await conn.close();
}, { only: "deno" });

test("the native engine on Bun has its own compression", async () => {
  await using server = await start(true, "native");
  const { conn, response } = await new Dialer({ enableCompression: true })
    .dial(`ws://127.0.0.1:${portOf(server)}/`);
  const agreed = response.headers.get("sec-websocket-extensions") ?? "";
  assert(agreed.startsWith(PMD), agreed);
  for (const size of [1, 600, 100_000]) {
    conn.send("x".repeat(size));
    assertEquals((await conn.readMessage()).data.length, size);
  }
  conn.terminate();
  await conn.closed;
}, { only: "bun" });
