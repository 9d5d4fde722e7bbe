/** Servers of node:http and node:https, and peers that send them any bytes. */

import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { RawPeer } from "../../src/testing/raw_peer.ts";
import { rawDial } from "../../src/testing/mod.ts";
import { makeAuthority } from "./certificates.ts";
import { deferred, test } from "./helper.ts";
import { listen } from "./sockets.ts";

/** How bytes get to a server. */
export type Carrier = "TCP" | "TLS";

export const CARRIERS: readonly Carrier[] = ["TCP", "TLS"];

const authority = makeAuthority("the tests' authority");
/** The certificate of the tests' servers. */
export const certificate: { cert: string; key: string } = authority.issue(
  "127.0.0.1",
  "localhost",
);
/** What a client must trust. */
export const ca: string = authority.cert;

/** The handshake of a well-behaved client, line by line. */
export const UPGRADE: readonly string[] = [
  "GET / HTTP/1.1",
  "Host: localhost",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/** The lines of a head as one text. */
export function head(...lines: string[]): string {
  return [...lines, "", ""].join("\r\n");
}

/** The good handshake without what begins so, and with other lines. */
export function upgradeBut(without: string, ...added: string[]): string {
  return head(...UPGRADE.filter((line) => !line.startsWith(without)), ...added);
}

/** A server that listens on this machine. */
export interface HttpServer extends AsyncDisposable {
  readonly port: number;
  readonly server: http.Server;
  /** The sockets that came with upgrade events. */
  readonly upgraded: readonly Socket[];
}

/** Starts a server; on disposal all that is left is cut. */
export async function startHttp(
  carrier: Carrier,
  onUpgrade: (
    request: http.IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
  ) => unknown,
): Promise<HttpServer> {
  const server = carrier === "TCP"
    ? http.createServer()
    : https.createServer(certificate);
  const upgraded: Socket[] = [];
  server.on("upgrade", (request, socket, head) => {
    upgraded.push(socket as Socket);
    onUpgrade(request, socket, head);
  });
  server.on("request", (_request, response) => response.end("request\n"));
  const port = await listen(server);
  return {
    port,
    server,
    upgraded,
    async [Symbol.asyncDispose]() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
      await promise;
    },
  };
}

/** Connects to a server of this machine, and sends nothing. */
export async function connectRaw(
  carrier: Carrier,
  port: number,
): Promise<RawPeer> {
  const { peer } = await rawDial(
    `${carrier === "TCP" ? "ws" : "wss"}://127.0.0.1:${port}/`,
    { handshake: false, tls: { ca } },
  );
  return peer;
}

/** The whole answer of a server that closes behind it. */
export async function answerOf(
  carrier: Carrier,
  port: number,
  request: string | Uint8Array,
): Promise<{ status: number; head: string; body: string }> {
  const peer = await connectRaw(carrier, port);
  try {
    peer.send(request);
    const head = await peer.readHead();
    const body = new TextDecoder().decode(await peer.readRest());
    return { status: Number(head.slice(9, 12)), head, body };
  } finally {
    peer.destroy();
    await peer.closed;
  }
}

/** A test over each carrier. */
export function onBoth(
  name: string,
  fn: (carrier: Carrier) => Promise<void>,
): void {
  for (const carrier of CARRIERS) {
    test(`${name}, ${carrier}`, () => fn(carrier));
  }
}

/** Upgrades, and returns the peer behind the head of the answer. */
export async function upgrade(
  carrier: Carrier,
  port: number,
  early: Uint8Array = new Uint8Array(0),
): Promise<RawPeer> {
  const peer = await connectRaw(carrier, port);
  peer.send(
    new Uint8Array([...new TextEncoder().encode(head(...UPGRADE)), ...early]),
  );
  const answer = await peer.readHead();
  if (!answer.startsWith("HTTP/1.1 101 ")) throw new Error(answer);
  return peer;
}

/** Whether the server still upgrades. */
export async function assertAlive(
  carrier: Carrier,
  server: HttpServer,
): Promise<void> {
  const peer = await upgrade(carrier, server.port);
  peer.destroy();
  await peer.closed;
}

/** Resolves when the socket is closed. */
export async function gone(socket: Duplex): Promise<void> {
  if (socket.closed) return;
  const { promise, resolve } = deferred();
  socket.once("close", resolve);
  await promise;
}

export function text(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}
