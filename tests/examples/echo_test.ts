import { assertEquals, assertStringIncludes } from "@std/assert";

import {
  closePayload,
  RawPeer,
  UPGRADE_HEADERS,
} from "../fixtures/raw_peer.ts";
import { runtime, test } from "../helper.ts";
import { lacksInterrupt, Program, START_LIMIT } from "./program.ts";

const RUN: Record<typeof runtime, readonly string[]> = {
  deno: ["run", "--no-check", "--allow-net", "--no-prompt"],
  bun: ["run"],
};
const WAYS: [command: readonly string[], args: readonly string[]][] = [
  [RUN[runtime], ["--port", "0"]],
  [RUN[runtime], ["--port", "0", "--engine", "wire"]],
];
if (runtime === "deno") {
  WAYS.push([["serve", "--no-check", "--no-prompt", "--port", "0"], []]);
}

for (const [command, args] of WAYS) {
  const engine = args.includes("wire") ? " on the wire engine" : "";
  test(
    `the example echo serves under ${runtime} ${command[0]}${engine}`,
    async () => {
      await using echo = new Program("echo.ts", args, { command });
      const port = await echo.port();
      const page = await fetch(`http://127.0.0.1:${port}/`);
      assertStringIncludes(await page.text(), `ws://127.0.0.1:${port}/ws`);

      using stray = await RawPeer.connect(port);
      stray.request(UPGRADE_HEADERS, { path: "/other" });
      assertStringIncludes(await stray.head(), " 404 ");
      stray.end();

      using peer = await RawPeer.connect(port);
      peer.request(UPGRADE_HEADERS, { path: "/ws" });
      assertStringIncludes(await peer.head(), " 101 ");
      peer.send(1, "hello");
      peer.send(2, new Uint8Array([1, 2, 3]));
      const text = await peer.frame();
      assertEquals(text?.opcode, 1);
      assertEquals(text?.payload, new TextEncoder().encode("hello"));
      const binary = await peer.frame();
      assertEquals(binary?.opcode, 2);
      assertEquals(binary?.payload, new Uint8Array([1, 2, 3]));

      echo.interrupt();
      const bye = await peer.frame();
      assertEquals(bye?.payload.slice(0, 2), closePayload(1001));
      peer.send(8, closePayload(1001));
      peer.end();
      assertEquals(await echo.exited, 0, echo.stderr);
    },
    { timeout: START_LIMIT, lacks: lacksInterrupt },
  );
}
