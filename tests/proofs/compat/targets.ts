/** What the sentences of the standard are tried on. */

import { toWebSocket, WebSocket } from "../../../src/compat/mod.ts";
import { connOver } from "../../../src/conn_over.ts";
import { socketStream } from "../../../src/runtime/sockets/socket_stream.ts";
import { RawPeer } from "../../../src/testing/raw_peer.ts";
import { accepting, withServer } from "../../support/dial_server.ts";
import { deferred, runtime } from "../../support/helper.ts";
import { connect } from "../../support/sockets.ts";
import { listen } from "../../support/sockets.ts";
import net from "node:net";

/** An object of the interface, whoever makes it. */
export type Socket = globalThis.WebSocket;

/** The class of the interface. */
export type SocketClass = typeof globalThis.WebSocket;

/** A connection of a socket, before or after its opening. */
export interface Link {
  readonly socket: Socket;
  /** The server's end, after the handshake. */
  readonly peer: RawPeer;
}

/** One of the implementations. */
export interface Target {
  readonly name: string;
  /** The class; absent where objects are made of connections. */
  readonly type: SocketClass | undefined;
  /** Makes a socket that is about to open, and ends both at the end. */
  withLink(fn: (link: Link) => Promise<void>): Promise<void>;
}

/** Runs a server whose one connection is told of, after its handshake. */
export async function withClassLink(
  type: SocketClass,
  fn: (link: Link) => Promise<void>,
): Promise<void> {
  const came = deferred<RawPeer>();
  await withServer(async (peer) => {
    peer.send(await accepting(await peer.readHead()));
    came.resolve(peer);
    await peer.ended;
  }, async (url) => {
    const socket = new type(url);
    const over = closed(socket);
    const peer = await came.promise;
    try {
      await fn({ socket, peer });
    } finally {
      peer.destroy();
      await over;
    }
  });
}

async function withConnLink(fn: (link: Link) => Promise<void>): Promise<void> {
  const came = deferred<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, came.resolve);
  const ours = await connect(await listen(server));
  const peer = new RawPeer(socketStream(await came.promise), "server");
  const conn = connOver(socketStream(ours), { side: "client" });
  const socket = toWebSocket(conn);
  const over = closed(socket);
  try {
    await fn({ socket, peer });
  } finally {
    peer.destroy();
    await over;
    server.close();
  }
}

/** Fulfils with the socket's close event. */
export function closed(socket: Socket): Promise<CloseEvent> {
  return new Promise((resolve) => {
    socket.addEventListener("close", resolve, { once: true });
  });
}

const PLATFORM: SocketClass = globalThis.WebSocket;

/** Ours, and the platform's as the referee. */
export const TARGETS: readonly Target[] = [
  {
    name: "WebSocket of ./compat",
    type: WebSocket,
    withLink: (fn) => withClassLink(WebSocket, fn),
  },
  { name: "toWebSocket()", type: undefined, withLink: withConnLink },
  {
    name: `WebSocket of ${runtime}`,
    type: PLATFORM,
    withLink: (fn) => withClassLink(PLATFORM, fn),
  },
];
