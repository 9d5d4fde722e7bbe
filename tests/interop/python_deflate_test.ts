/**
 * permessage-deflate against Python's `websockets`: Debian's package
 * python3-websockets, or a newer one.
 */

import { assert, assertEquals } from "@std/assert";
import type { CompressionOptions } from "../../src/deflate/options.ts";
import { Dialer } from "../../src/dialer.ts";
import { serve } from "../../src/serve.ts";
import { jsonBytes, noiseBytes } from "../deflate/samples.ts";
import { echo, portOf } from "../fixtures/servers.ts";
import { test } from "../helper.ts";
import { findPython, PythonProcess } from "./python.ts";

const python = findPython("websockets");
const lacks = python === undefined ? "python3-websockets" : undefined;
const SIZES = [0, 1, 125, 126, 65_535, 65_536, 1_048_576];

// Echoes on a free port, which it prints.
const SERVER = `
import asyncio, sys, websockets
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
async def echo(ws, path=None):
    async for message in ws:
        await ws.send(message)
async def main():
    bits, takeover = int(sys.argv[1]), sys.argv[2] == "true"
    factory = ServerPerMessageDeflateFactory(
        server_no_context_takeover=not takeover,
        client_no_context_takeover=not takeover,
        server_max_window_bits=bits, client_max_window_bits=bits)
    server = await websockets.serve(echo, "127.0.0.1", 0, compression=None,
        extensions=[factory], max_size=None)
    print(list(server.sockets)[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(main())
`;

// Sends messages of all sizes, whole and in fragments, and compares the echoes.
const CLIENT = `
import asyncio, os, sys, websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
async def main():
    url, bits, takeover = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "true"
    factory = ClientPerMessageDeflateFactory(
        server_no_context_takeover=not takeover,
        client_no_context_takeover=not takeover,
        server_max_window_bits=bits, client_max_window_bits=bits)
    async with websockets.connect(url, compression=None, extensions=[factory],
            max_size=None) as ws:
        for size in [0, 1, 125, 126, 65535, 65536, 1048576]:
            json = ('{"id":1234,"name":"user"},' * (size // 26 + 1))[:size]
            for data in [json, json.encode(), os.urandom(size), json]:
                await ws.send(data)
                assert await ws.recv() == data, size
                half = size // 2
                await ws.send([data[:half], data[half:]])
                assert await ws.recv() == data, size
    print("done", flush=True)
asyncio.run(main())
`;

for (const takeover of [false, true]) {
  for (const bits of [9, 12, 15]) {
    const mode = `takeover ${takeover}, window of ${bits} bits`;
    const options: CompressionOptions = {
      threshold: 0,
      serverNoContextTakeover: !takeover,
      clientNoContextTakeover: !takeover,
      serverMaxWindowBits: bits,
      clientMaxWindowBits: bits,
    };

    test(`our client and Python's server: ${mode}`, async () => {
      await using server = PythonProcess.start(python!, SERVER, [
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
      for (const size of SIZES) {
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
    }, { lacks, timeout: 30_000 });

    test(`our server and Python's client: ${mode}`, async () => {
      await using server = await serve(echo, {
        port: 0,
        hostname: "127.0.0.1",
        upgrader: { enableCompression: options },
      });
      await using client = PythonProcess.start(python!, CLIENT, [
        `ws://127.0.0.1:${portOf(server)}/`,
        String(bits),
        String(takeover),
      ]);
      assertEquals(await client.readLine(), "done");
    }, { lacks, timeout: 30_000 });
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
