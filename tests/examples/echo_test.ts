import { assertEquals, assertStringIncludes } from "@std/assert";
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

import {
  closePayload,
  RawPeer,
  UPGRADE_HEADERS,
} from "../fixtures/raw_peer.ts";
import { runtime, test, withTimeout } from "../helper.ts";

const LIMIT = 30_000;
const FILE = "examples/echo.ts";

const COMMANDS: Record<typeof runtime, string[][]> = {
  deno: [
    ["run", "--no-check", "--allow-net", "--no-prompt", FILE, "--port", "0"],
    [
      "run",
      "--no-check",
      "--allow-net",
      "--no-prompt",
      FILE,
      "--port",
      "0",
      "--engine",
      "wire",
    ],
    ["serve", "--no-check", "--no-prompt", "--port", "0", FILE],
  ],
  bun: [
    ["run", FILE, "--port", "0"],
    ["run", FILE, "--port", "0", "--engine", "wire"],
  ],
};

/** Starts the example; the port that it prints, and its end. */
async function start(
  args: readonly string[],
): Promise<{ child: ChildProcess; port: number; code: Promise<unknown> }> {
  const child = spawn(process.execPath, [...args], {
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    env: {
      ...process.env,
      NO_COLOR: "1",
      BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
    },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const port = Promise.withResolvers<number>();
  let output = "";
  child.stdout!.on("data", (chunk) => {
    output += chunk;
    const match = /(?:ws|http):\/\/[^:\s]+:(\d+)/.exec(output);
    if (match !== null) port.resolve(Number(match[1]));
  });
  const code = new Promise((resolve) => child.once("close", resolve));
  code.then(() => port.reject(new Error(`The example ended: ${output}`)));
  try {
    return {
      child,
      port: await withTimeout(port.promise, LIMIT, "the port"),
      code,
    };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

for (const args of COMMANDS[runtime]) {
  const engine = args.includes("wire") ? " on the wire engine" : "";
  test(`${FILE} serves under ${runtime} ${args[0]}${engine}`, async () => {
    const { child, port, code } = await start(args);
    try {
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

      // Deno reports whatever child.kill() has been called on as killed.
      process.kill(child.pid!, "SIGINT");
      const bye = await peer.frame();
      assertEquals(bye?.payload.slice(0, 2), closePayload(1001));
      peer.send(8, closePayload(1001));
      peer.end();
      assertEquals(await code, 0);
    } finally {
      child.kill("SIGKILL");
      await code;
    }
  }, { timeout: 2 * LIMIT });
}
