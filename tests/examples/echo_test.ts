/** The echo servers, as a newcomer starts them. */

import { readFileSync, writeFileSync } from "node:fs";

import { assertEquals, assertStringIncludes } from "@std/assert";

import { closePayload, RawPeer, UPGRADE_HEADERS } from "../support/raw_peer.ts";
import { runtime, test } from "../support/helper.ts";
import { Folder } from "./chat_app_person.ts";
import { lacksInterrupt, Program, START_LIMIT } from "./program.ts";

const ROOT = new URL("../../", import.meta.url);

/** Connects, and has a text and bytes echoed. */
async function talk(port: number): Promise<RawPeer> {
  const peer = await RawPeer.connect(port);
  peer.request(UPGRADE_HEADERS, { path: "/ws" });
  assertStringIncludes(await peer.head(), " 101 ");
  peer.send(1, "hello");
  peer.send(2, new Uint8Array([1, 2, 3]));
  const [text, binary] = [await peer.frame(), await peer.frame()];
  assertEquals(
    [text?.opcode, text?.payload],
    [1, new TextEncoder().encode("hello")],
  );
  assertEquals(
    [binary?.opcode, binary?.payload],
    [2, new Uint8Array([1, 2, 3])],
  );
  return peer;
}

/** Serves the example on any free port, as its first comment says. */
function startEcho(folder: Folder): Program {
  // Nothing is installed, and nothing can be.
  const env = {
    HOME: folder.path,
    DENO_DIR: `${folder.path}/deno`,
    JSR_URL: "http://127.0.0.1:1/",
    NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/",
  };
  if (runtime === "deno") {
    const { tasks } = JSON.parse(
      readFileSync(new URL("deno.json", ROOT), "utf8"),
    );
    const [deno, ...command] = tasks["example:echo"].split(" ");
    const [file, port] = [command.pop(), command.indexOf("8080")];
    assertEquals([deno, file], ["deno", "examples/echo.ts"]);
    return new Program("echo.ts", [], {
      command: command.with(port, "0"),
      env,
    });
  }
  // Its own port may be somebody else's here.
  writeFileSync(
    `${folder.path}/free_port.ts`,
    `import echo from ${JSON.stringify(new URL("examples/echo.ts", ROOT))};
     export default { ...echo, port: 0 };`,
  );
  return new Program("free_port.ts", [], { folder: folder.path, env });
}

test("the example echo runs with nothing else, and prints a line", async () => {
  using folder = new Folder();
  await using echo = startEcho(folder);
  const [, port] = runtime === "deno"
    ? await echo.untilComplained(/^deno serve: Listening on http:.*:(\d+)\/\n/)
    : await echo.untilPrinted(/^Started development server: http:.*:(\d+)\n/);
  using peer = await talk(Number(port));
  peer.send(8, closePayload(1000));
  const bye = await peer.frame();
  assertEquals([bye?.opcode, bye?.payload], [8, closePayload(1000)]);
  const output = echo.stdout + echo.stderr;
  assertEquals(output.trimEnd().split("\n").length, 1, output);
}, { timeout: START_LIMIT });

test("the example echo names its port for Bun", async () => {
  const { default: echo } = await import("../../examples/echo.ts");
  assertEquals((echo as { port?: number }).port, 8080);
});

test("the example echo_wire echoes, and says good-bye", async () => {
  await using echo = new Program("echo_wire.ts", ["--port=0"], {
    allow: ["--allow-net"],
  });
  const port = await echo.port();
  assertEquals(echo.stdout, `Listening on ws://localhost:${port}\n`);
  using peer = await talk(port);
  echo.interrupt();
  const bye = await peer.frame();
  assertEquals(bye?.payload.slice(0, 2), closePayload(1001));
  peer.send(8, closePayload(1001));
  peer.end();
  assertEquals(await echo.exited, 0, echo.stderr);
}, { timeout: START_LIMIT, lacks: lacksInterrupt });
