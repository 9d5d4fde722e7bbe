/**
 * A server whose connections all subscribe to one topic, a process of its own.
 * Its arguments: the engine, what becomes of slow readers, and the limit of each.
 * A number on its standard input is how many KiB it shall publish: it answers
 * with the bytes that its memory was above the beginning, and who is left.
 */

import process from "node:process";

import { type Engine, serve } from "../../../mod.ts";
import { Hub } from "../../../src/pubsub/mod.ts";
import { answerLines } from "../../support/process/control.ts";
import { PeakGauge } from "./gauge.ts";

const [engine, slow, limit] = process.argv.slice(2) as [
  Engine,
  "cut" | "skip",
  string,
];
// Of a message, in KiB.
const SIZE = 16;

const gauge = new PeakGauge();
const hub = new Hub();
const server = await serve(async (conn) => {
  const options = { slow, backlog: Number(limit) };
  await hub.subscribe("topic", conn, options);
  await conn.send("subscribed");
  await conn.closed;
}, {
  port: 0,
  hostname: "127.0.0.1",
  engine,
  upgrader: slow === "cut" ? { writeLimit: Number(limit) } : {},
});
if (server.addr.transport !== "tcp") throw new Error("Not on a port");
console.log(server.addr.port);

answerLines(async (kilobytes) => {
  await gauge.start();
  for (let rest = Number(kilobytes); rest > 0; rest -= SIZE) {
    await hub.publish("topic", new Uint8Array(SIZE * 1024).fill(rest));
    // As messages come: others have their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const left = hub.subscribers("topic").size;
  return JSON.stringify({ above: gauge.above, left });
});
