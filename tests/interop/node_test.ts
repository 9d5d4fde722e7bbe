/** The wire engine under Node, which runs TypeScript from 22.18 on. */

import { pathToFileURL } from "node:url";

import { assert, assertEquals } from "@std/assert";

import { nodeLacks, outcomeOf, RUN_LIMIT } from "../support/outcome.ts";
import { test } from "../support/helper.ts";

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

test("server and client run under Node from the checkout", async () => {
  const { code, stdout, stderr } = (await outcomeOf("node", [
    "--no-warnings",
    "--input-type=module-typescript",
    "-e",
    CLIENT,
  ]))!;
  assertEquals([code, stderr], [0, ""]);
  assertEquals(JSON.parse(stdout), [
    "Hello",
    100_000,
    true,
    "page",
    1000,
    true,
  ]);
}, { timeout: RUN_LIMIT, lacks: nodeLacks });

// The whole suite needs a test runner; this is what Node does otherwise than
// Deno and Bun: how streams of HTTP/2 end.
const HTTP2 = `
import http2 from "node:http2";
import { once } from "node:events";
import { connOver, socketStream, Upgrader } from "./mod.ts";

const ends = [];
const server = http2.createServer({
  settings: { enableConnectProtocol: true },
}, (_request, response) => response.end("page"));
server.on("connect", new Upgrader().listener(async (conn, { url }) => {
  conn.closed.then(({ code, wasClean }) => ends.push([code, wasClean]));
  if (url.endsWith("/cut")) return conn.terminate();
  for await (const { type, data } of conn) await conn.writeMessage(type, data);
}));
await once(server.listen(0, "127.0.0.1"), "listening");
const session = http2.connect("http://127.0.0.1:" + server.address().port);
await once(session, "remoteSettings");
async function open(path) {
  const stream = session.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "http",
    ":path": path,
    ":authority": "localhost",
    "sec-websocket-version": "13",
  }, { endStream: false });
  const [headers] = await once(stream, "response");
  return [headers[":status"], stream];
}
const [status, stream] = await open("/");
const conn = connOver(socketStream(stream), { side: "client" });
await conn.send(new Uint8Array(100_000).fill(7));
const { data } = await conn.readMessage();
const { code, wasClean } = await conn.close();

// A client that does not end its half, as Firefox.
const [, firefox] = await open("/");
firefox.write(Uint8Array.of(0x88, 0x82, 0, 0, 0, 0, 3, 232));
const frames = [];
firefox.on("data", (chunk) => frames.push(...chunk));
const start = performance.now();
await once(firefox, "close");
const soon = performance.now() - start < 3_000;

const [, cut] = await open("/cut");
cut.on("data", () => {}).on("error", () => {});
await once(cut, "close");
session.close();
server.close();
console.log(JSON.stringify([
  status, data.length, code, wasClean, frames, firefox.rstCode, soon,
  cut.rstCode, ends,
]));
`;

test("listener() serves HTTP/2 under Node from the checkout", async () => {
  const { code, stdout, stderr } = (await outcomeOf("node", [
    "--no-warnings",
    "--input-type=module-typescript",
    "-e",
    HTTP2,
  ]))!;
  assertEquals([code, stderr], [0, ""]);
  assertEquals(JSON.parse(stdout), [
    200,
    100_000,
    1000,
    true,
    [0x88, 2, 3, 232],
    0,
    true,
    8,
    [[1000, true], [1000, true], [1006, false]],
  ]);
}, { timeout: RUN_LIMIT, lacks: nodeLacks });

// Where Bun has found what the tests import.
const HOOKS = `
import { registerHooks } from "node:module";
const url = ${JSON.stringify(assertUrl())};
registerHooks({
  resolve: (name, context, next) =>
    name === "@std/assert" ? { url, shortCircuit: true } : next(name, context),
});
`;

function assertUrl(): string {
  const found = import.meta.resolve("@std/assert");
  return found.startsWith("/") ? pathToFileURL(found).href : found;
}

// Bun alone has the assertions in a file, which Node can import.
test("the suite of Conn runs over HTTP/2 under Node", async () => {
  const { code, stdout } = (await outcomeOf("node", [
    "--no-warnings",
    `--import=data:text/javascript,${encodeURIComponent(HOOKS)}`,
    "--test",
    "--test-isolation=none",
    "--test-reporter=tap",
    "--test-name-pattern=wire server",
    "tests/suite/wire_http2_test.ts",
  ]))!;
  const failed = stdout.split("\n").filter((line) => /^not ok/.test(line));
  assertEquals([code, failed], [0, []]);
  assert(Number(/^# pass (\d+)$/m.exec(stdout)?.[1]) > 200, stdout.slice(-500));
}, { only: "bun", timeout: RUN_LIMIT, lacks: nodeLacks });
