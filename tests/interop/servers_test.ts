/** Our client against the servers of others. */

import { assert, assertEquals } from "@std/assert";

import {
  Dialer,
  type DialerOptions,
  type DialResult,
} from "../../src/client/dialer.ts";
import { deferred, test } from "../support/helper.ts";
import { bytesOf, digest, digests, SIZES, textOf } from "./payloads.ts";
import { type Peer, PEERS } from "./peers.ts";

/** Dials a path of the server. */
type Dial = (path?: string, options?: DialerOptions) => Promise<DialResult>;

/** Registers a test against each peer's server. */
function against(
  name: string,
  fn: (dial: Dial, peer: Peer) => Promise<void>,
): void {
  for (const peer of PEERS) {
    test(`our client ${name}, server of ${peer.name}`, async () => {
      await using server = await peer.serve();
      await fn(async (path = "/", options = {}) => {
        const dialer = new Dialer({ subprotocols: ["a", "b"], ...options });
        const url = `ws://127.0.0.1:${server.port}${path}`;
        return await dialer.dial(url);
      }, peer);
    }, { lacks: peer.lacks, timeout: 60_000 });
  }
}

against("exchanges text and binary of all sizes", async (dial, peer) => {
  for (const enableCompression of [false, true]) {
    for (const path of ["/", "/fragments"]) {
      const { conn, response } = await dial(path, { enableCompression });
      assertEquals(conn.subprotocol, "b");
      assertEquals(
        response.headers.get("sec-websocket-extensions")?.split(";")[0],
        enableCompression && peer.compresses ? "permessage-deflate" : undefined,
      );
      const back: string[] = [];
      for (const size of SIZES) {
        conn.send(textOf(size));
        conn.send(bytesOf(size));
        for (let i = 0; i < 2; i++) {
          back.push(digest((await conn.readMessage()).data));
        }
      }
      assertEquals(back, digests());
      const { code } = await conn.close(1001);
      assertEquals(code, peer.answer ?? 1001);
    }
  }
});

against("sends fragments that arrive as one message", async (dial) => {
  for (const size of SIZES) {
    // Fragments of at most so many bytes: some twenty, or one.
    const writeBufferSize = Math.ceil(size / 20);
    const { conn } = await dial("/", { writeBufferSize });
    const text = textOf(size);
    const writer = conn.nextWriter(1).getWriter();
    await writer.write(text);
    await writer.close();
    const { data } = await conn.readMessage();
    assertEquals(data === text, true);
    await conn.close();
  }
});

against("is ponged, with its payload, and hears pings", async (dial, peer) => {
  const { conn } = await dial();
  const pong = deferred<string>();
  conn.setPongHandler((data) => pong.resolve(new TextDecoder().decode(data)));
  conn.send("before");
  const trip = conn.ping("x".repeat(125));
  conn.send("behind");
  assertEquals((await conn.readMessage()).data, "before");
  assertEquals((await conn.readMessage()).data, "behind");
  assert(await trip > 0);
  assertEquals(await pong.promise, "x".repeat(125));
  await conn.close();

  const { conn: pinged } = await dial("/pings");
  const ping = deferred<string>();
  pinged.setPingHandler((data) => {
    ping.resolve(new TextDecoder().decode(data));
    return pinged.writeControl(10, data);
  });
  // Deno's pings are those of its idleTimeout, without a payload.
  assertEquals(await ping.promise, peer.name === "deno" ? "" : "knock");
  // The pong has been taken: the connection goes on.
  pinged.send("on");
  assertEquals((await pinged.readMessage()).data, "on");
  await pinged.close();
});

against("closes, and is closed, with code and reason", async (dial, peer) => {
  const ends: [code: number, reason: string][] = [
    [1000, ""],
    [1001, "going"],
    [1011, "é".repeat(61) + "!"],
    [3000, "three"],
    [4999, "four"],
  ];
  for (const [code, reason] of ends) {
    const { conn } = await dial("/told");
    const info = await conn.close(code, reason);
    assertEquals([info.code, info.wasClean, info.initiator], [
      peer.answer ?? code,
      true,
      "local",
    ]);
    const { conn: last } = await dial("/last");
    assertEquals((await last.readMessage()).data, `${code} ${reason}`);
    await last.close();
  }
  for (
    const [code, reason] of [[1000, ""], [3000, "why"], [4999, "é"]] as const
  ) {
    const { conn } = await dial();
    await conn.send(`close ${code} ${reason}`);
    const info = { code, reason, wasClean: true, initiator: "remote" } as const;
    assertEquals(await conn.closed, info);
  }
});
