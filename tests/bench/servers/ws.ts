/** An echo by the package `ws`, which the library itself knows nothing of. */

import http from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";

import { installPackages } from "../../support/npm_packages.ts";
import { announce } from "../../support/process/control.ts";

interface WsSocket {
  on(
    event: "message",
    listener: (data: Uint8Array, isBinary: boolean) => void,
  ): void;
  on(event: "error", listener: () => void): void;
  send(data: Uint8Array, options: { binary: boolean }): void;
}

interface WsServer {
  on(event: "connection", listener: (socket: WsSocket) => void): void;
}

const folder = installPackages("ws", { ws: "8.23.0" });
if (folder === undefined) throw new Error("Cannot install ws from npm");
// By its path: for the name, Bun has an implementation of its own.
const { WebSocketServer } = createRequire(import.meta.url)(
  `${folder}/node_modules/ws/index.js`,
);

const server = http.createServer();
const wss: WsServer = new WebSocketServer({
  server,
  // As ours is by default: each message by itself, at level 1.
  perMessageDeflate: {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    zlibDeflateOptions: { level: 1 },
    threshold: 512,
  },
});
wss.on("connection", (socket) => {
  socket.on("message", (data, binary) => socket.send(data, { binary }));
  socket.on("error", () => {});
});
server.listen(0, "127.0.0.1", () => {
  announce((server.address() as AddressInfo).port);
});
