/**
 * A server of the tests, a process of its own: a hub on Redis, with presence. Its
 * arguments are the port of Redis and its name; it prints its port, then who it
 * sees whenever that changes. Ends with its standard input.
 */

import process from "node:process";

import { serve } from "../../../mod.ts";
import { Hub, Presence, redis } from "../../../src/pubsub/mod.ts";
import { nodeRedis } from "./npm_clients.ts";

const [port, name = ""] = process.argv.slice(2);
const { clients } = await nodeRedis(Number(port));
const hub = new Hub({
  broker: redis(clients[0], clients[1]),
  heartbeat: 250,
});
const presence = new Presence(hub);
await hub.ready;

const server = await serve(async (conn) => {
  await hub.subscribe("room", conn);
  await presence.track("room", conn, name);
  for await (const { data } of conn) await hub.publish("room", data);
}, { port: 0, hostname: "127.0.0.1" });

if (server.addr.transport !== "tcp") throw new Error("Not on a port");
console.log(server.addr.port);
let told = "";
setInterval(() => {
  const list = JSON.stringify(presence.list("room"));
  if (list !== told) console.log(told = list);
}, 10);
process.stdin.on("end", () => process.exit());
process.stdin.resume();
