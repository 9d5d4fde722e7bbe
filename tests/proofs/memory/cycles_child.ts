/**
 * Connects and closes in every way, so many times, in one process; prints how
 * many bytes have been added in the second half, and what is left open.
 *
 *     cycles_child.ts COUNT
 */

import process from "node:process";

import { type Conn, Dialer, serve } from "../../../mod.ts";
import { takeGauge } from "../../support/leak_gauge.ts";
import { collectGarbage } from "../../support/process/garbage.ts";

// Connections at a time.
const AT_ONCE = 32;
const PRACTICE = 1000;

const server = await serve(async (conn: Conn, request) => {
  // The way says who closes, and how.
  const way = new URL(request.url).pathname;
  if (way === "/server") await conn.close(4000, "enough");
  else if (way === "/cut") conn.terminate();
  else for await (const { data } of conn) await conn.send(data);
}, { port: 0, hostname: "127.0.0.1", onError: () => {} });

if (server.addr.transport !== "tcp") throw new Error("Not on a port");
const url = `ws://127.0.0.1:${server.addr.port}`;
const dialer = new Dialer({ keepAlive: { interval: 10_000, timeout: 10_000 } });
const ways = ["client", "server", "cut", "echo", "gone"];

async function cycle(way: string): Promise<void> {
  const { conn } = await dialer.dial(`${url}/${way}`);
  if (way === "echo") {
    await conn.send("hello");
    await conn.readMessage();
  }
  if (way === "client" || way === "echo") await conn.close();
  if (way === "gone") conn.terminate();
  await conn.closed;
}

async function run(count: number): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await cycle(ways[next++ % ways.length]!);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  // The server's side may end a little later.
  while (server.conns.size > 0) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await collectGarbage();
}

/** What the first connections leave open, in words. */
async function practise(): Promise<string> {
  const gauge = takeGauge();
  await run(PRACTICE);
  const left = await gauge.settle().then(() => "", ({ message }) => message);
  gauge.stop();
  return left;
}

const half = Number(process.argv[2]) / 2;
const left = await practise();
// By the middle, V8's heap is as large as it gets.
await run(half - PRACTICE);
const before = process.memoryUsage();
await run(half);
const after = process.memoryUsage();
console.log(JSON.stringify({
  heap: after.heapUsed - before.heapUsed,
  resident: after.rss - before.rss,
  left,
}));
process.exit();
