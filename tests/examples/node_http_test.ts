import { assertEquals, assertStringIncludes } from "@std/assert";

import { rawDial } from "../../src/testing/mod.ts";
import { test } from "../support/helper.ts";
import { Program, START_LIMIT, waysWithNode } from "./program.ts";

const WAYS = waysWithNode(["--allow-net"]);

for (const { name, lacks, ...way } of WAYS) {
  test(`the example node_http serves its endpoints under ${name}`, async () => {
    await using example = new Program("node_http.ts", ["--port=0"], way);
    const port = await example.port();
    const page = await fetch(`http://127.0.0.1:${port}/`);
    assertStringIncludes(await page.text(), "/echo or /time");

    const url = `ws://127.0.0.1:${port}`;
    const { peer: echo } = await rawDial(`${url}/echo?a=b`);
    const { peer: time } = await rawDial(`${url}/time`);
    const { peer: stray } = await rawDial(url, { handshake: false });
    try {
      echo.sendFrame({ opcode: 2, payload: new Uint8Array([1, 2]) });
      await echo.expectFrame({ opcode: 2, payload: new Uint8Array([1, 2]) });
      const { payload } = await time.expectFrame({ opcode: 1 });
      const { now } = JSON.parse(new TextDecoder().decode(payload));
      assertEquals(new Date(now).toJSON(), now);

      stray.send(
        "GET /other HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n" +
          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      );
      assertStringIncludes(await stray.readHead(), "HTTP/1.1 404 ");

      example.interrupt();
      for (const peer of [echo, time]) {
        for (;;) {
          const { opcode, payload } = await peer.readFrame();
          if (opcode !== 8) continue;
          await peer.sendFrame({ opcode, payload });
          break;
        }
        peer.end();
      }
      assertEquals(await example.exited, 0, example.stderr);
    } finally {
      for (const peer of [echo, time, stray]) peer.destroy();
    }
  }, { timeout: START_LIMIT, lacks });
}

test("the example node_http explains its arguments", async () => {
  await using example = new Program("node_http.ts", ["--port=a"]);
  assertEquals(await example.exited, 2);
  assertStringIncludes(example.stderr, "Usage: node_http.ts [--port N]");
}, { timeout: START_LIMIT });
