import { assertEquals } from "@std/assert";
import WebSocket from "../../../src/ws/mod.ts";
import type { RawPeer } from "../../../src/testing/raw_peer.ts";
import { withServer as withRaw } from "../../support/dial_server.ts";
import { test } from "../../support/helper.ts";
import { next } from "./support.ts";

test("dialError() has node's code where the server ends the handshake", async () => {
  const cases: [scheme: string, serve: (peer: RawPeer) => void][] = [
    ["ws", (peer) => peer.end()],
    ["ws", (peer) => peer.reset()],
    ["ws", (peer) => {
      peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgr");
      peer.end();
    }],
    ["wss", (peer) => peer.end()],
    ["wss", (peer) => peer.destroy()],
  ];
  for (const [scheme, serve] of cases) {
    await withRaw(async (peer) => {
      await peer.readBytes(1);
      serve(peer);
      await peer.closed;
    }, async (url) => {
      const ws = new WebSocket(url.replace("ws:", `${scheme}:`));
      const over = next(ws, "close");
      const [error] = await next(ws, "error");
      assertEquals([error.code, (await over)[0]], ["ECONNRESET", 1006]);
    });
  }
});
