/**
 * permessage-deflate and its parameters against Python's `websockets` and
 * `autobahn`: Debian's packages, or newer ones.
 */

import { assert, assertEquals } from "@std/assert";
import type { CompressionOptions } from "../../src/deflate/options.ts";
import { Dialer } from "../../src/client/dialer.ts";
import { serve } from "../../src/server/serve.ts";
import { jsonBytes, noiseBytes } from "../unit/deflate/samples.ts";
import { echo, portOf } from "../support/servers.ts";
import { test } from "../support/helper.ts";
import { findPython, PythonProcess } from "./python.ts";

const SIZES = [0, 1, 125, 126, 65_535, 65_536, 1_048_576];

const PEERS = [
  { name: "websockets", windows: [9, 12, 15], sizes: SIZES },
  // It takes a second for each megabyte.
  { name: "autobahn", windows: [9, 15], sizes: SIZES.slice(0, -1) },
] as const;

for (const { name, windows, sizes } of PEERS) {
  const python = findPython(name);
  const lacks = python === undefined ? `python3-${name}` : undefined;
  for (const takeover of [false, true]) {
    for (const bits of windows) {
      const mode = `${name}, takeover ${takeover}, window of ${bits} bits`;
      const options: CompressionOptions = {
        threshold: 0,
        serverNoContextTakeover: !takeover,
        clientNoContextTakeover: !takeover,
        serverMaxWindowBits: bits,
        clientMaxWindowBits: bits,
      };

      test(`our client and the server of ${mode}`, async () => {
        await using server = new PythonProcess(python!, `${name}_server.py`, [
          String(bits),
          String(takeover),
        ]);
        const port = await server.readLine();
        const { conn, response } = await new Dialer({
          enableCompression: options,
          readLimit: Infinity,
        }).dial(`ws://127.0.0.1:${port}/`);
        const agreed = response.headers.get("sec-websocket-extensions") ?? "";
        assert(agreed.startsWith("permessage-deflate"), agreed);
        for (const size of sizes) {
          const json = new TextDecoder().decode(jsonBytes(size));
          for (const data of [json, jsonBytes(size), noiseBytes(size), json]) {
            await conn.send(data);
            same((await conn.readMessage()).data, data);
            const writer = conn.nextWriter(typeof data === "string" ? 1 : 2)
              .getWriter();
            await writer.write(data);
            await writer.close();
            same((await conn.readMessage()).data, data);
          }
        }
        assertEquals((await conn.close()).code, 1000);
      }, { lacks, timeout: 60_000 });

      test(`our server and the client of ${mode}`, async () => {
        await using server = await serve(echo, {
          port: 0,
          hostname: "127.0.0.1",
          upgrader: { enableCompression: options },
        });
        await using client = new PythonProcess(
          python!,
          `${name}_deflate_client.py`,
          [
            `ws://127.0.0.1:${portOf(server)}/`,
            String(bits),
            String(takeover),
            JSON.stringify(sizes),
          ],
        );
        assertEquals(await client.readLine(), "done");
      }, { lacks, timeout: 60_000 });
    }
  }
}

function same(
  actual: string | Uint8Array,
  expected: string | Uint8Array,
): void {
  assertEquals(actual.length, expected.length);
  const equal = typeof expected === "string"
    ? actual === expected
    : expected.every((byte, index) => byte === actual[index]);
  assertEquals(equal, true);
}
