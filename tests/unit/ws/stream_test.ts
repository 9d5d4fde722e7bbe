import { Buffer } from "node:buffer";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";

import { assert, assertEquals } from "@std/assert";
import { pipe } from "../../../src/testing/mod.ts";
import WebSocket, { createWebSocketStream, toWs } from "../../../src/ws/mod.ts";
import { deferred, test } from "../../support/helper.ts";
import { next, withPair, withServer } from "./support.ts";

test("createWebSocketStream() echoes through a pipe of itself", async () => {
  await withPair(async ({ ws, peer }) => {
    const echo = createWebSocketStream(peer);
    echo.pipe(echo);
    const duplex = createWebSocketStream(ws, { encoding: "utf8" });
    const over = next(duplex, "close");
    duplex.write("Hello");
    assertEquals(await next(duplex, "data"), ["Hello"]);
    duplex.end();
    await over;
    assertEquals(ws.readyState, 3);
  });
});

test("createWebSocketStream() writes once the connection is there", async () => {
  await withServer(async (url, wss) => {
    wss.on("connection", (ws) => {
      ws.on("message", (data: unknown, isBinary: boolean) => {
        ws.send(`${data} ${isBinary}`);
      });
    });
    const duplex = createWebSocketStream(new WebSocket(url));
    duplex.write("early");
    assertEquals(String((await next(duplex, "data"))[0]), "early true");
    const over = next(duplex, "close");
    duplex.end();
    duplex.resume();
    await over;
  });
});

test("createWebSocketStream() waits for who reads slowly", async () => {
  const [client, server] = pipe();
  const duplex = createWebSocketStream(toWs(client));
  const ws = toWs(server);
  let taken = 0;
  const chunk = Buffer.alloc(65_536);
  const feed = () => {
    while (taken < 400 && ws.bufferedAmount < 1_000_000) {
      ws.send(chunk);
      taken++;
    }
  };
  feed();
  // Nobody reads: what is under way is bounded.
  for (let i = 0; i < 50; i++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    feed();
  }
  assert(taken < 100, `${taken} were taken`);
  const over = Promise.all([next(duplex, "close"), next(ws, "close")]);
  duplex.destroy();
  await over;
});

test("createWebSocketStream() carries a pipeline to its end", async () => {
  await withPair(async ({ ws, peer }) => {
    let bytes = 0;
    peer.on("message", (data) => bytes += (data as Buffer).length);
    const over = next(peer, "close");
    const duplex = createWebSocketStream(ws);
    duplex.resume();
    const chunks = Array.from({ length: 50 }, () => Buffer.alloc(10_000));
    await pipeline(Readable.from(chunks), duplex);
    await over;
    assertEquals(bytes, 500_000);
  });
});

test("createWebSocketStream() is destroyed by the error of its WebSocket", async () => {
  const duplex = createWebSocketStream(new WebSocket("ws://127.0.0.1:1"));
  const over = deferred();
  duplex.on("close", over.resolve);
  const [error] = await next(duplex, "error");
  assertEquals(error.code, "ECONNREFUSED");
  await over.promise;
});

test("createWebSocketStream() cuts the connection when it is destroyed", async () => {
  await withPair(async ({ ws, peer }) => {
    const closed = next(peer, "close");
    const duplex = createWebSocketStream(ws);
    const over = next(duplex, "close");
    duplex.destroy();
    await over;
    assertEquals((await closed)[0], 1006);
  });
});

test("createWebSocketStream() emits error before close", async () => {
  for (const state of ["OPEN", "CLOSED"] as const) {
    await withPair(async ({ ws }) => {
      const duplex = createWebSocketStream(ws);
      duplex.resume();
      if (state === "CLOSED") {
        // Its writing side is open still, so the stream is not over.
        const over = next(ws, "close");
        ws.close();
        await over;
      }
      const events: string[] = [];
      duplex.on("error", () => events.push("error"));
      duplex.on("close", () => events.push("close"));
      const closed = next(duplex, "close");
      duplex.destroy(new Error("destroyed"));
      await closed;
      assertEquals([state, ...events], [state, "error", "close"]);
    });
  }
});
