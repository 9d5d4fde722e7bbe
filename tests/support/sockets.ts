import http from "node:http";
import net from "node:net";
import tls from "node:tls";

import { SocketStream } from "../../src/runtime/sockets/socket_stream.ts";
import { StreamDuplex } from "../../src/runtime/sockets/stream_duplex.ts";
import { ca, type Carrier, startHttp } from "./http_server.ts";
import { deferred } from "./helper.ts";

/** A port of a listening server. */
export function portOf(server: net.Server): number {
  return (server.address() as net.AddressInfo).port;
}

/** Listens on a free port of 127.0.0.1. */
export async function listen(server: net.Server): Promise<number> {
  const { promise, resolve, reject } = deferred();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return portOf(server);
}

export async function connect(port: number): Promise<net.Socket> {
  const socket = net.connect({
    port,
    host: "127.0.0.1",
    allowHalfOpen: true,
  });
  socket.on("error", () => {});
  const { promise, resolve } = deferred();
  socket.on("connect", resolve);
  await promise;
  return socket;
}

/** Two ends of one TCP connection; both are destroyed at the end. */
export async function withSockets(
  fn: (ours: net.Socket, theirs: net.Socket) => Promise<void>,
): Promise<void> {
  const { promise, resolve } = deferred<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    resolve(socket);
  });
  const theirs = await connect(await listen(server));
  const ours = await promise;
  try {
    await fn(ours, theirs);
  } finally {
    ours.destroy();
    theirs.destroy();
    server.close();
  }
}

/** The socket and head of an upgrade, and the client's socket. */
export async function withUpgrade(
  head: Uint8Array,
  fn: (
    ours: net.Socket,
    head: Uint8Array,
    theirs: net.Socket,
  ) => Promise<void>,
): Promise<void> {
  const { promise, resolve } = deferred<[net.Socket, Uint8Array]>();
  const server = http.createServer();
  server.on("upgrade", (_request, socket, head) => {
    socket.on("error", () => {});
    resolve([socket as net.Socket, head]);
  });
  const theirs = await connect(await listen(server));
  const request = new TextEncoder().encode(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n" +
      "Upgrade: websocket\r\n\r\n",
  );
  const all = new Uint8Array(request.length + head.length);
  all.set(request);
  all.set(head, request.length);
  theirs.write(all);
  const [ours, given] = await promise;
  try {
    await fn(ours, given, theirs);
  } finally {
    ours.destroy();
    theirs.destroy();
    server.close();
  }
}

/** How the two ends of {@linkcode withPeers} are connected. */
export type Way = Carrier | "TLS over a stream";

/** A server's socket of an upgrade and the client's; both are destroyed at the end. */
export async function withPeers(
  way: Way,
  fn: (sockets: [server: net.Socket, client: net.Socket]) => Promise<void>,
): Promise<void> {
  const { promise, resolve } = deferred<net.Socket>();
  const carrier = way === "TCP" ? "TCP" : "TLS";
  await using server = await startHttp(carrier, (_request, socket) => {
    socket.on("error", () => {});
    resolve(socket as net.Socket);
  });
  const where = { port: server.port, host: "127.0.0.1" };
  const client = way === "TCP"
    ? net.connect(where)
    : way === "TLS"
    ? tls.connect({ ...where, ca })
    : tls.connect({
      socket: new StreamDuplex(new SocketStream(net.connect(where))),
      host: where.host,
      ca,
    });
  client.on("error", () => {});
  client.write(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n" +
      "Upgrade: websocket\r\n\r\n",
  );
  try {
    await fn([await promise, client]);
  } finally {
    client.destroy();
  }
}

/** What stands between a client and a server, below their TLS. */
export interface Relay {
  readonly port: number;
  /** Its socket to the server. */
  readonly server: net.Socket;
  /** Its socket to the client. */
  readonly client: net.Socket;
}

/** Relays one connection to a port; what is written to a socket goes between. */
export async function withRelay(
  port: number,
  fn: (relay: Relay) => Promise<void>,
): Promise<void> {
  const server = await connect(port);
  let client: net.Socket | undefined;
  const listener = net.createServer((socket) => {
    client = socket;
    socket.on("error", () => {});
    socket.pipe(server).pipe(socket);
  });
  const relay = {
    port: await listen(listener),
    server,
    get client(): net.Socket {
      if (client === undefined) throw new Error("No client has come");
      return client;
    },
  };
  try {
    await fn(relay);
  } finally {
    server.destroy();
    client?.destroy();
    listener.close();
  }
}
