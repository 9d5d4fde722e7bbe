/** Servers and clients of `./ws`, for its tests. */

import type { EventEmitter } from "node:events";
import type { AddressInfo } from "node:net";

import WebSocket, {
  type ClientOptions,
  type ServerOptions,
  WebSocketServer,
} from "../../../src/ws/mod.ts";

/** A server, a client of it, and the server's end of the connection. */
export interface Pair {
  readonly wss: WebSocketServer;
  readonly ws: WebSocket;
  readonly peer: WebSocket;
  readonly url: string;
}

/** Runs a server on a free port. */
export async function withServer(
  fn: (url: string, wss: WebSocketServer) => Promise<void>,
  options: ServerOptions = {},
): Promise<void> {
  const wss = new WebSocketServer({ port: 0, host: "127.0.0.1", ...options });
  await next(wss, "listening");
  const { port } = wss.address() as AddressInfo;
  try {
    await fn(`ws://127.0.0.1:${port}/`, wss);
  } finally {
    for (const client of wss.clients ?? []) client.terminate();
    const over = next(wss, "close");
    wss.close();
    await over;
  }
}

/** Runs a server with one client, both open. */
export async function withPair(
  fn: (pair: Pair) => Promise<void>,
  options: ServerOptions = {},
  client: ClientOptions = {},
): Promise<void> {
  await withServer(async (url, wss) => {
    const came = next(wss, "connection");
    const ws = new WebSocket(url, client);
    const over = next(ws, "close");
    ws.on("error", () => {});
    await next(ws, "open");
    const [peer] = await came;
    peer.on("error", () => {});
    try {
      await fn({ wss, ws, peer, url });
    } finally {
      ws.terminate();
      await over;
    }
  }, options);
}

/** What the next event brings; an error is one like any other. */
// deno-lint-ignore no-explicit-any -- whatever is emitted
export function next(emitter: EventEmitter, name: string): Promise<any[]> {
  return new Promise((resolve) => {
    emitter.once(name, (...args) => resolve(args));
  });
}

/** The next message of a WebSocket, as text, and whether it is binary. */
export async function message(ws: WebSocket): Promise<[string, boolean]> {
  const [data, isBinary] = await next(ws, "message");
  return [String(data), isBinary];
}
