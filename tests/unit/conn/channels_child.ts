/** A program with a subscriber that throws: the connection is not concerned. */

import { subscribe } from "node:diagnostics_channel";
import process from "node:process";

import { dial, serve } from "../../../mod.ts";

const uncaught: string[] = [];
process.on("uncaughtException", (error) => uncaught.push(error.message));

subscribe("silverback.websocket.open", () => {
  throw new Error("open");
});

const server = await serve(async (conn) => {
  for await (const { data } of conn) await conn.send(data);
}, { port: 0 });
const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}`);
await conn.send("Hello");
console.log(`echo: ${(await conn.readMessage()).data}`);
await conn.close();
await server.shutdown();
console.log(`uncaught: ${uncaught.join(", ")}`);
