/** The wire engine under Node, which runs TypeScript from 22.18 on. */

import { assertEquals } from "@std/assert";

import { nodeLacks, outcomeOf, RUN_LIMIT } from "./fixtures/outcome.ts";
import { test } from "./helper.ts";

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
