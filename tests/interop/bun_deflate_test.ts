/** permessage-deflate against Bun's own client and server. */

import { assert, assertEquals } from "@std/assert";
import type { CompressionOptions } from "../../src/deflate/options.ts";
import { Dialer } from "../../src/client/dialer.ts";
import { serve } from "../../src/server/serve.ts";
import { jsonBytes, noiseBytes } from "../unit/deflate/samples.ts";
import { echo, portOf } from "../support/servers.ts";
import { deferred, test, withTimeout } from "../support/helper.ts";

interface BunSocket {
  send(data: string | Uint8Array, compress: boolean): number;
}

interface BunServe {
  (options: unknown): { port: number; stop(force: boolean): Promise<void> };
}

const SIZES = [0, 1, 125, 126, 65_535, 65_536, 1_048_576];
const MODES: readonly CompressionOptions[] = [
  { threshold: 0 },
  {
    threshold: 0,
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
  },
  { threshold: 0, level: 9, serverMaxWindowBits: 9 },
];

function samples(): (string | Uint8Array)[] {
  return SIZES.flatMap((size) => [
    new TextDecoder().decode(jsonBytes(size)),
    jsonBytes(size),
    noiseBytes(size),
  ]);
}

for (const mode of MODES) {
  test(
    `our server compresses for Bun's client: ${JSON.stringify(mode)}`,
    async () => {
      await using server = await serve(echo, {
        port: 0,
        hostname: "127.0.0.1",
        upgrader: { enableCompression: mode },
      });
      const socket = new WebSocket(`ws://127.0.0.1:${portOf(server)}/`);
      socket.binaryType = "arraybuffer";
      const opened = deferred();
      let received = deferred<unknown>();
      socket.onopen = () => opened.resolve();
      socket.onmessage = ({ data }) => received.resolve(data);
      socket.onclose = ({ code }) =>
        received.reject(new Error(`close ${code}`));
      await withTimeout(opened.promise, 5000, "the connection");
      assert(socket.extensions.includes("permessage-deflate"));
      for (const data of samples()) {
        received = deferred();
        socket.send(data as string);
        const answer = await withTimeout(received.promise, 5000, "the echo");
        same(answer, data);
      }
      const closed = deferred();
      socket.onclose = () => closed.resolve();
      socket.close();
      await withTimeout(closed.promise, 5000, "the close");
    },
    { only: "bun", timeout: 30_000 },
  );
}

for (const mode of MODES.slice(0, 2)) {
  test(
    `our client compresses for Bun's server: ${JSON.stringify(mode)}`,
    async () => {
      const bun = (globalThis as unknown as { Bun: { serve: BunServe } }).Bun;
      const server = bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: (request: Request, server: { upgrade(r: Request): boolean }) =>
          server.upgrade(request)
            ? undefined
            : new Response("", { status: 400 }),
        websocket: {
          perMessageDeflate: true,
          message: (socket: BunSocket, data: string | Uint8Array) =>
            socket.send(data, true),
        },
      });
      try {
        const dialer = new Dialer({ enableCompression: mode });
        const { conn, response } = await dialer.dial(
          `ws://127.0.0.1:${server.port}/`,
        );
        const agreed = response.headers.get("sec-websocket-extensions") ?? "";
        assert(agreed.startsWith("permessage-deflate"), agreed);
        for (const data of samples()) {
          await conn.send(data);
          same((await conn.readMessage()).data, data);
          const writer = conn.nextWriter(typeof data === "string" ? 1 : 2)
            .getWriter();
          const half = data.length >> 1;
          await writer.write(data.slice(0, half));
          await writer.write(data.slice(half));
          await writer.close();
          same((await conn.readMessage()).data, data);
        }
        await conn.close();
      } finally {
        await server.stop(true);
      }
    },
    { only: "bun", timeout: 30_000 },
  );
}

function same(actual: unknown, expected: string | Uint8Array): void {
  if (typeof expected === "string") {
    assertEquals(actual === expected, true);
    return;
  }
  const bytes = new Uint8Array(actual as ArrayBuffer);
  assertEquals(bytes.length, expected.length);
  assertEquals(bytes.every((byte, index) => byte === expected[index]), true);
}
