/**
 * The real packages that `./compat` and `./ws` are for, on this runtime: a round
 * trip, a reconnect and a close of each. They are installed from npm into a folder
 * outside of the checkout, which has no import map that names them.
 */

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";

import { assertEquals } from "@std/assert";
import { Program } from "../examples/program.ts";
import { test } from "../support/helper.ts";

const PEERS: Record<string, string> = {
  "graphql-ws": "^6.4.2",
  "graphql": "^16.15.0",
  "@trpc/server": "^11.25.2",
  "@trpc/client": "^11.25.2",
  "y-websocket": "^3.1.0",
  "yjs": "^13.6.33",
  "partysocket": "^1.3.0",
  "reconnecting-websocket": "^4.4.0",
  "capnweb": "^0.12.0",
  "socket.io": "^4.8.4",
  "socket.io-client": "^4.8.4",
  "mqtt": "^5.16.0",
  "mqtt-packet": "^9.0.2",
  "http-proxy": "^1.18.1",
};
const NAMES: readonly string[] = [
  "graphql-ws",
  "trpc",
  "y-websocket",
  "partysocket",
  "reconnecting-websocket",
  "capnweb",
  "socket.io",
  "mqtt",
  "http-proxy",
];
const INSTALL_LIMIT = 180_000;

const folder = mkdtempSync(`${tmpdir()}/packages-`);
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const lacks = install();

/** Installs them; what is missing where that cannot be done. */
function install(): string | undefined {
  writeFileSync(
    `${folder}/package.json`,
    JSON.stringify({ private: true, type: "module", dependencies: PEERS }),
  );
  copyFileSync(
    fileURLToPath(new URL("packages_driver.ts", import.meta.url)),
    `${folder}/driver.ts`,
  );
  const { status } = spawnSync(
    "npm",
    [
      "install",
      "--no-audit",
      "--no-fund",
      "--legacy-peer-deps",
      "--ignore-scripts",
      "--silent",
    ],
    {
      cwd: folder,
      timeout: INSTALL_LIMIT,
      shell: process.platform === "win32",
    },
  );
  return status === 0 ? undefined : "npm, or its registry";
}

for (const name of NAMES) {
  test(`${name} makes a round trip, reconnects and closes`, async () => {
    const src = new URL("../../src/", import.meta.url).href;
    await using driver = new Program("driver.ts", [src, name], {
      folder,
      allow: ["--allow-all"],
    });
    const [line] = await driver.untilPrinted(/^\{"name".*\n/m);
    assertEquals(JSON.parse(line), { name });
  }, { lacks, timeout: 60_000 });
}
