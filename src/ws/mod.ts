/**
 * The surface of the npm package `ws` 8, on Deno and Bun: programs and libraries
 * that are written for it change their import.
 *
 * - The default export, {@linkcode WebSocket}, is its client, and what its server
 *   gives for each connection.
 * - {@linkcode WebSocketServer} is its server, of `node:http`.
 * - {@linkcode toWs} makes such an object of a `Conn`: of `serve()`, or of a
 *   `Dialer` with a proxy.
 *
 * What `ws` can do and this cannot throws an `UnsupportedError`, and what differs
 * is told in the guide to migrating.
 *
 * ```ts
 * import WebSocket, { WebSocketServer } from "@silverback/websocket/ws";
 * import { once } from "node:events";
 * import type { AddressInfo } from "node:net";
 * import { assertEquals } from "@std/assert";
 *
 * const wss = new WebSocketServer({ port: 0 });
 * wss.on("connection", (ws) => {
 *   ws.on("error", console.error);
 *   ws.on("message", (data) => ws.send(`got ${data}`));
 * });
 * await once(wss, "listening");
 *
 * const { port } = wss.address() as AddressInfo;
 * const ws = new WebSocket(`ws://127.0.0.1:${port}`);
 * ws.on("open", () => ws.send("Hello"));
 * const [data] = await once(ws, "message");
 * assertEquals(data.toString(), "got Hello");
 *
 * ws.close();
 * wss.close();
 * await once(wss, "close");
 * ```
 *
 * @module
 */

import { createWebSocketStream } from "./stream.ts";
import { toWs, WebSocket } from "./websocket.ts";
import { WebSocketServer } from "./websocket_server.ts";

// As `ws` has them, for those who import the class alone.
WebSocket.WebSocket = WebSocket;
WebSocket.WebSocketServer = WebSocketServer;
WebSocket.Server = WebSocketServer;
WebSocket.createWebSocketStream = createWebSocketStream;

export default WebSocket;
export { createWebSocketStream, toWs, WebSocket, WebSocketServer };
export type {
  CertMeta,
  ClientOptions,
  CommonOptions,
  PerMessageDeflateOptions,
  ZlibOptions,
} from "./client_options.ts";
export type { ClientResponse, RedirectRequest } from "./client.ts";
export type { Data, RawData } from "./data.ts";
export type {
  CloseEvent,
  ErrorEvent,
  Event,
  EventListenerOptions,
  MessageEvent,
  WebSocketEventMap,
  WsListener,
} from "./events.ts";
export type { AnyListener, TypedEmitter } from "./typed_emitter.ts";
export type {
  BinaryType,
  SendCallback,
  SendOptions,
  WebSocketEvents,
} from "./websocket.ts";
export type {
  AddressInfo,
  HttpServer,
  Server,
  ServerOptions,
  UpgradeCallback,
  VerifyClientCallback,
  VerifyClientCallbackAsync,
  VerifyClientCallbackSync,
  VerifyClientInfo,
  WebSocketServerEvents,
} from "./websocket_server.ts";
