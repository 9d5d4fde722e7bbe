import type { Conn } from "./conn/conn.ts";
import type { ConnSettings } from "./conn/options.ts";
import { encodeHead } from "./handshake/head.ts";
import { defaultResponse } from "./handshake/refusal.ts";
import { type AcceptOptions, acceptUpgrade } from "./handshake/server.ts";
import type { NegotiatedExtension } from "./handshake/server.ts";
import { wireConn } from "./over.ts";
import { toRequest } from "./runtime/node/node_request.ts";
import { refuseOnSocket } from "./runtime/node/node_response.ts";
import { SocketStream } from "./runtime/node/socket_stream.ts";
import type { Duplex, IncomingMessage } from "./runtime/node/types.ts";

// The milliseconds that a refusal may take when the time is over already.
const LATE_REFUSAL = 1000;

/** What an upgrade on a socket is made with. */
export interface SocketUpgradeOptions<E extends NegotiatedExtension> {
  readonly accept: AcceptOptions<E>;
  readonly settings: ConnSettings;
  /** Milliseconds from the request to the 101 sent, or to the end of a refusal. */
  readonly handshakeTimeout: number;
  /** Refuses in place of the handshake, such as for an unknown path. */
  readonly refuse?: (request: Request) => Response | undefined;
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
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), options.handshakeTimeout);
  try {
    return await upgrade(message, socket, head, options, late.signal);
  } catch {
    socket.destroy();
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

async function upgrade<E extends NegotiatedExtension>(
  message: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  options: SocketUpgradeOptions<E>,
  late: AbortSignal,
): Promise<SocketUpgrade | undefined> {
  const { handshakeTimeout } = options;
  const refuse = (response: Response, timeout = handshakeTimeout) =>
    refuseOnSocket(socket, refusalHead(response), response.body, timeout);
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
  const answer = await Promise.race([
    acceptUpgrade(request, options.accept),
    aborted(late),
  ]);
  if (answer === undefined) {
    // The callbacks take too long.
    await refuse(defaultResponse({ status: 503 }), LATE_REFUSAL);
    return undefined;
  }
  if (!answer.accepted) {
    await refuse(answer.error.response);
    return undefined;
  }
  const switching = encodeHead(
    "HTTP/1.1 101 Switching Protocols",
    answer.headers,
  );
  // A peer that has gone meanwhile.
  if (socket.destroyed || !await written(socket, switching, late)) {
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

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

function written(
  socket: Duplex,
  bytes: Uint8Array,
  late: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve) => {
    late.addEventListener("abort", () => resolve(false), { once: true });
    socket.once("close", () => resolve(false));
    socket.write(bytes, (error) => resolve(!error));
  });
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
