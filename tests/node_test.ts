/** The wire engine under Node, which runs TypeScript from 22.18 on. */

import { assertEquals } from "@std/assert";
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

import { test, withTimeout } from "./helper.ts";

const LIMIT = 30_000;
const ROOT = fileURLToPath(new URL("../", import.meta.url));

// What a user of Node would write first.
const CLIENT = `
import { dial, serve } from "./mod.ts";

const server = await serve(async (conn) => {
  for await (const { type, data } of conn) await conn.writeMessage(type, data);
}, {
  port: 0,
  hostname: "127.0.0.1",
  fetch: () => new Response("page"),
});
const { port } = server.addr;
const { conn } = await dial("ws://127.0.0.1:" + port + "/");
conn.send("Hello");
conn.send(new Uint8Array(100_000).fill(7));
const text = await conn.readMessage();
const binary = await conn.readMessage();
const trip = await conn.ping();
const page = await (await fetch("http://127.0.0.1:" + port + "/")).text();
const { code, wasClean } = await conn.close();
await server.shutdown();
console.log(JSON.stringify([
  text.data, binary.data.length, trip >= 0, page, code, wasClean,
]));
`;

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs node until it ends; `undefined` if there is none. */
async function node(...args: string[]): Promise<Outcome | undefined> {
  const child: ChildProcess = spawn("node", args, {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  const ended = Promise.withResolvers<Outcome | undefined>();
  let stdout = "";
  let stderr = "";
  child.stdout!.on("data", (data) => stdout += data);
  child.stderr!.on("data", (data) => stderr += data);
  child.on("error", () => ended.resolve(undefined));
  child.on("close", (code) => ended.resolve({ code, stdout, stderr }));
  try {
    return await withTimeout(ended.promise, LIMIT, "node");
  } finally {
    child.kill("SIGKILL");
  }
}

const version = (await node("--version"))?.stdout.trim();

test("server and client run under Node from the checkout", async () => {
  const { code, stdout, stderr } = (await node(
    "--no-warnings",
    "--input-type=module-typescript",
    "-e",
    CLIENT,
  ))!;
  assertEquals([code, stderr], [0, ""]);
  assertEquals(JSON.parse(stdout), [
    "Hello",
    100_000,
    true,
    "page",
    1000,
    true,
  ]);
}, {
  timeout: 2 * LIMIT,
  lacks: runsTypeScript(version)
    ? undefined
    : `Node 22.18 or later on PATH, which has ${version ?? "none"}`,
});

function runsTypeScript(version: string | undefined): boolean {
  const [major = 0, minor = 0] = /^v(\d+)\.(\d+)/.exec(version ?? "")
    ?.slice(1).map(Number) ?? [];
  return major > 22 || major === 22 && minor >= 18;
}
