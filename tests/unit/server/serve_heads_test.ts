/**
 * What is taken for a request to upgrade: the table of
 * `.github/guides/ENGINES.md`, cell by cell.
 */

import { assertEquals } from "@std/assert";

import { serve } from "../../../src/server/serve.ts";
import { RawPeer } from "../../support/raw_peer.ts";
import { runtime, test } from "../../support/helper.ts";
import { portOf } from "../../support/servers.ts";

const encoder = new TextEncoder();
const HOST = "Host: a.example\r\n";
const UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const ORIGIN = "Origin: http://a.example\r\n";
const large = (kibibytes: number) => `X: ${"x".repeat(kibibytes * 1024)}\r\n`;

type Engine = "wire" | "native Deno" | "native Bun";

/** The lines beside those of every upgrade, and the status of the answer. */
const HEADS: readonly [lines: string, Record<Engine, number>][] = [
  [HOST + ORIGIN, { wire: 101, "native Deno": 101, "native Bun": 101 }],
  [
    HOST + "Content-Length: 0\r\n",
    { wire: 101, "native Deno": 400, "native Bun": 101 },
  ],
  ["", { wire: 400, "native Deno": 101, "native Bun": 400 }],
  ["Host:\r\n", { wire: 400, "native Deno": 400, "native Bun": 400 }],
  [ORIGIN, { wire: 400, "native Deno": 403, "native Bun": 400 }],
  [HOST + HOST, { wire: 400, "native Deno": 400, "native Bun": 400 }],
  [HOST + large(15), { wire: 101, "native Deno": 101, "native Bun": 101 }],
  [HOST + large(17), { wire: 431, "native Deno": 101, "native Bun": 431 }],
  [HOST + large(70), { wire: 431, "native Deno": 400, "native Bun": 431 }],
];

for (const engine of ["wire", "native"] as const) {
  const name: Engine = engine === "wire"
    ? "wire"
    : runtime === "deno"
    ? "native Deno"
    : "native Bun";
  test(`serve() on the ${engine} engine takes heads as its guide says`, async () => {
    await using server = await serve(() => {}, {
      port: 0,
      hostname: "127.0.0.1",
      engine,
    });
    for (const [lines, statuses] of HEADS) {
      using peer = await RawPeer.connect(portOf(server));
      peer.write(
        encoder.encode(`GET / HTTP/1.1\r\n${lines}${UPGRADE}\r\n`),
      );
      const [, status] = (await peer.head()).split(" ");
      assertEquals(Number(status), statuses[name], lines.slice(0, 99));
    }
  });
}
