/** Servers of node:http2 with a listener of ours, and clients of others. */

import http2 from "node:http2";
import type { Duplex } from "node:stream";

import type { UpgradeListener } from "../../src/server/upgrader.ts";
import { runtime, test } from "./helper.ts";
import {
  ca,
  type Carrier,
  certificate,
  type HttpServer,
  startHttp,
} from "./http_server.ts";
import { Http2Peer } from "./http2_peer.ts";
import { listen } from "./sockets.ts";

/** Deno's server without TLS ends its process now and then (deno#36788). */
export const HTTP2_CARRIERS: readonly Carrier[] = runtime === "deno"
  ? ["TLS"]
  : ["TLS", "TCP"];

/** A server that listens on this machine. */
export interface Http2Server extends AsyncDisposable {
  readonly port: number;
  readonly server: http2.Http2Server | http2.Http2SecureServer;
  /** The sessions that have been opened. */
  readonly sessions: readonly http2.ServerHttp2Session[];
  /** A peer, which is cut with the server. */
  connect(): Promise<Http2Peer>;
}

/** Starts a server of pages with a listener; on disposal all is cut. */
export async function startHttp2(
  carrier: Carrier,
  listener: UpgradeListener | undefined,
  settings: http2.Settings = {},
): Promise<Http2Server> {
  const options = {
    settings: { enableConnectProtocol: true, ...settings },
  };
  const server = carrier === "TCP"
    ? http2.createServer(options)
    : http2.createSecureServer({
      ...options,
      ...certificate,
      allowHTTP1: true,
    });
  const sessions: http2.ServerHttp2Session[] = [];
  const sockets: Duplex[] = [];
  server.on("session", (session) => void sessions.push(session));
  server.on("connection", (socket: Duplex) => void sockets.push(socket));
  server.on("secureConnection", (socket) => void sockets.push(socket));
  server.on("request", (_request, response) => void response.end("page\n"));
  if (listener !== undefined) {
    server.on("upgrade", listener);
    server.on("connect", listener);
  }
  const port = await listen(server);
  const peers: Http2Peer[] = [];
  return {
    port,
    server,
    sessions,
    async connect() {
      const peer = await Http2Peer.connect(carrier, port);
      peers.push(peer);
      return peer;
    },
    async [Symbol.asyncDispose]() {
      for (const peer of peers) await peer[Symbol.asyncDispose]();
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      await promise;
    },
  };
}

/** The same for HTTP/1.1, which without TLS has a server of its own. */
export async function startHttp1(
  carrier: Carrier,
  listener: UpgradeListener,
): Promise<HttpServer> {
  const server = await startHttp(carrier, listener);
  server.server.on("connect", listener);
  return server;
}

/** A test over each carrier that the runtime has. */
export function onHttp2(
  name: string,
  fn: (carrier: Carrier) => Promise<void>,
): void {
  for (const carrier of HTTP2_CARRIERS) {
    test(`${name}, ${carrier}`, () => fn(carrier));
  }
}

/** A client's session of node:http2, when the server's settings have come. */
export async function connectHttp2(
  carrier: Carrier,
  port: number,
): Promise<http2.ClientHttp2Session> {
  const scheme = carrier === "TCP" ? "http" : "https";
  const session = http2.connect(`${scheme}://127.0.0.1:${port}`, { ca });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  session.once("remoteSettings", () => resolve());
  session.once("error", reject);
  await promise;
  session.off("error", reject).on("error", () => {});
  return session;
}

/** Asks for a WebSocket, with other headers; the answer has not come yet. */
export function askHttp2(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders = {},
): http2.ClientHttp2Stream {
  return session.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "https",
    ":path": "/",
    ":authority": "localhost",
    "sec-websocket-version": "13",
    ...headers,
  }, { endStream: false });
}

/** The same, answered with 200: a client must send nothing before. */
export async function openHttp2(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders = {},
): Promise<http2.ClientHttp2Stream> {
  const stream = askHttp2(session, headers);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  stream.once("response", ({ ":status": status }) => resolve(status ?? 0));
  stream.once("error", reject);
  const status = await promise;
  stream.off("error", reject);
  if (status !== 200) throw new Error(`Refused with ${status}`);
  return stream;
}
