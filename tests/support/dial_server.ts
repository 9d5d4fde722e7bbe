import net from "node:net";
import tls from "node:tls";

import { acceptKey } from "../../src/handshake/accept.ts";
import { RawPeer } from "../../src/testing/raw_peer.ts";
import { socketStream } from "../../src/runtime/sockets/socket_stream.ts";
import type { Certificate } from "./certificates.ts";
import { deferred } from "./helper.ts";
import { listen } from "./sockets.ts";

/** What a server of {@linkcode withServer} does with a connection. */
export type Serve = (
  peer: RawPeer,
  socket: net.Socket | tls.TLSSocket,
) => Promise<void>;

export interface ServerOptions {
  readonly tls?: tls.TlsOptions & Certificate;
  /** How many connections come. Default 1. */
  readonly count?: number;
}

/**
 * Runs a server that says what it is told to, and ends each connection with the
 * function. Fails if the function fails.
 */
export async function withServer(
  serve: Serve,
  fn: (url: string) => Promise<void>,
  options: ServerOptions = {},
): Promise<void> {
  const { tls: tlsOptions, count = 1 } = options;
  const served = deferred();
  served.promise.catch(() => {}); // unless the function fails first
  const sockets = new Set<net.Socket>();
  let left = count;
  const onSocket = (socket: net.Socket) => {
    const peer = new RawPeer(socketStream(socket), "server");
    serve(peer, socket).finally(() => peer.destroy()).then(
      () => --left === 0 && served.resolve(),
      served.reject,
    );
  };
  const server = tlsOptions === undefined
    ? net.createServer({ allowHalfOpen: true }, onSocket)
    : tls.createServer(tlsOptions, onSocket);
  server.on("tlsClientError", () => {});
  // Of TLS: the ones that get no further than the handshake, too.
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  const port = await listen(server);
  const scheme = tlsOptions === undefined ? "ws" : "wss";
  try {
    await fn(`${scheme}://127.0.0.1:${port}/`);
    if (count > 0) await served.promise;
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** The answer that accepts the request of this head. */
export function accepting(
  head: string,
  ...headers: string[]
): string {
  const key = /\r\nSec-WebSocket-Key: (.*)\r\n/.exec(head)?.[1] ?? "";
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptKey(key)}`,
    ...headers,
    "\r\n",
  ].join("\r\n");
}

/** Answers with the text, which may be made of the request's head. */
export function answering(
  answer: string | ((head: string) => string | Promise<string>),
): Serve {
  return async (peer) => {
    const head = await peer.readHead();
    peer.send(typeof answer === "string" ? answer : await answer(head));
    await peer.ended;
  };
}
