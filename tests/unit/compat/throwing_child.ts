/** A client whose handlers throw, in a process whose errors are its own. */

import process from "node:process";

import { WebSocket } from "../../../src/compat/mod.ts";

const reported: string[] = [];
// Deno tells of it as browsers do, Bun as node does.
globalThis.addEventListener("error", (event) => {
  event.preventDefault();
  reported.push(event.error.message);
});
if ("Bun" in globalThis) {
  process.on("uncaughtException", ({ message }) => reported.push(message));
}

const heard: string[] = [];
const socket = new WebSocket(process.argv[2]!);
socket.onopen = () => {
  socket.send("a");
  throw new Error("open");
};
socket.onmessage = ({ data }) => {
  throw new Error(data);
};
socket.addEventListener("message", ({ data }) => {
  heard.push(data);
  if (data === "a") socket.send("b");
  else socket.close();
});
socket.onclose = () => {
  setTimeout(() => console.log(JSON.stringify({ heard, reported })), 0);
  throw new Error("close");
};
