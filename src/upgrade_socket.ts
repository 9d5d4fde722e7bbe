import type { Conn } from "./conn/conn.ts";
import type { ConnSettings } from "./conn/options.ts";
import { encodeHead } from "./handshake/head.ts";
import { defaultResponse } from "./handshake/refusal.ts";
import { type AcceptOptions, acceptUpgrade } from "./handshake/server.ts";
import type { NegotiatedExtension } from "./handshake/server.ts";
import { withinTimeout } from "./handshake_timeout.ts";
import { wireConn } from "./over.ts";
import { toRequest } from "./runtime/node/node_request.ts";
import { refuseOnSocket } from "./runtime/node/node_response.ts";
import { SocketStream } from "./runtime/node/socket_stream.ts";
import type { Duplex, IncomingMessage } from "./runtime/node/types.ts";

/** What an upgrade on a socket is made with. */
export interface SocketUpgradeOptions<E extends NegotiatedExtension> {
  readonly accept: AcceptOptions<E>;
  readonly settings: ConnSettings;
  /** Milliseconds for the callbacks, for the 101, and for a refusal. */
  readonly handshakeTimeout: number;
  /** Refuses in place of the handshake, such as for an unknown path. */
  readonly refuse?: ((request: Request) => Response | undefined) | undefined;
}

/** An upgrade that went through. */
export interface SocketUpgrade {
  readonly conn: Conn;
  readonly request: Request;
}

/**
 * Upgrades a connection on the socket of node's upgrade event. Never rejects: a
 * refused upgrade is answered, and a socket whose peer has gone is closed.
 *
 * @returns The connection and its request, or `undefined`
 */
export async function upgradeOnSocket<E extends NegotiatedExtension>(
  message: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  options: SocketUpgradeOptions<E>,
): Promise<SocketUpgrade | undefined> {
  // An error at any moment, also during the callbacks, must find a listener.
  socket.on("error", () => {});
  try {
    return await upgrade(message, socket, head, options);
  } catch {
    socket.destroy();
    return undefined;
  }
}

async function upgrade<E extends NegotiatedExtension>(
  message: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  options: SocketUpgradeOptions<E>,
): Promise<SocketUpgrade | undefined> {
  const { handshakeTimeout } = options;
  const refuse = (response: Response) =>
    refuseOnSocket(
      socket,
      refusalHead(response),
      response.body,
      handshakeTimeout,
    );
  const request = toRequest(message);
  // RFC 6455, section 4.2.1: at least HTTP/1.1
  if (request === undefined || !isHttp11(message)) {
    await refuse(defaultResponse({ status: 400 }));
    return undefined;
  }
  const refusal = options.refuse?.(request);
  if (refusal !== undefined) {
    await refuse(refusal);
    return undefined;
  }
  const answer = await withinTimeout(
    request,
    acceptUpgrade(request, options.accept),
    handshakeTimeout,
  );
  if (!answer.accepted) {
    await refuse(answer.error.response);
    return undefined;
  }
  const switching = encodeHead(
    "HTTP/1.1 101 Switching Protocols",
    answer.headers,
  );
  // A peer that has gone meanwhile.
  if (socket.destroyed || !await written(socket, switching, handshakeTimeout)) {
    socket.destroy();
    return undefined;
  }
  const stream = new SocketStream(socket, { head });
  const { settings } = options;
  const conn = wireConn(stream, "server", answer.subprotocol, settings);
  return { conn, request };
}

function isHttp11(message: IncomingMessage): boolean {
  return message.httpVersionMajor === 1 && message.httpVersionMinor >= 1;
}

/** Writes bytes; whether they have gone out in time. */
async function written(
  socket: Duplex,
  bytes: Uint8Array,
  timeout: number,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), timeout);
  const closed = () => resolve(false);
  socket.once("close", closed);
  socket.write(bytes, (error) => resolve(!error));
  const done = await promise;
  socket.off("close", closed);
  clearTimeout(timer);
  return done;
}

function refusalHead(response: Response): Uint8Array<ArrayBuffer> {
  const { status, statusText, headers, body } = response;
  const kept = [...headers].filter(([name]) =>
    name !== "connection" && name !== "transfer-encoding"
  );
  kept.push(["Connection", "close"]);
  if (body === null) kept.push(["Content-Length", "0"]);
  return encodeHead(`HTTP/1.1 ${status} ${statusText}`, kept);
}
