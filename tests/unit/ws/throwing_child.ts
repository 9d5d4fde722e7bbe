/** A client whose listeners throw, in a process whose errors are its own. */

import process from "node:process";

import WebSocket from "../../../src/ws/mod.ts";

const uncaught: string[] = [];
process.on("uncaughtException", ({ message }) => uncaught.push(message));

const heard: string[] = [];
const ws = new WebSocket(process.argv[2]!);
ws.on("open", () => {
  ws.send("a");
  throw new Error("open");
});
ws.on("ping", () => {
  ws.send("b");
  throw new Error("ping");
});
ws.on("message", (data: unknown) => {
  heard.push(String(data));
  if (heard.length === 2) ws.close();
  throw new Error(String(data));
});
ws.on("close", () => {
  setTimeout(() => console.log(JSON.stringify({ heard, uncaught })), 0);
  throw new Error("close");
});
