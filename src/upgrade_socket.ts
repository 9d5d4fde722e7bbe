import type { Conn } from "./conn/conn.ts";
import type { ConnSettings } from "./conn/options.ts";
import { DeflateCodec } from "./deflate/codec.ts";
import type { Agreement } from "./deflate/negotiation.ts";
import type { CompressionSettings } from "./deflate/options.ts";
import { encodeHead } from "./handshake/head.ts";
import { defaultResponse } from "./handshake/refusal.ts";
import { type AcceptOptions, acceptUpgrade } from "./handshake/server.ts";
import { withinTimeout } from "./handshake_timeout.ts";
import { wireConn } from "./over.ts";
import { toRequest } from "./runtime/node/node_request.ts";
import {
  isReasonPhrase,
  owesAnswer,
  refuseOnSocket,
} from "./runtime/node/node_response.ts";
import { SocketStream } from "./runtime/node/socket_stream.ts";
import { cut, startBeneath, stopBeneath } from "./runtime/node/tls_flow.ts";
import type { Duplex, IncomingMessage } from "./runtime/node/types.ts";

/** What an upgrade on a socket is made with. */
export interface SocketUpgradeOptions {
  readonly accept: AcceptOptions<Agreement>;
  /** How messages are compressed, where `accept` negotiates that. */
  readonly compression: CompressionSettings | undefined;
  readonly settings: ConnSettings;
  /** Milliseconds for the callbacks and the 101, and again for a refusal. */
  readonly handshakeTimeout: number;
  /**
   * Refuses in place of the handshake, such as for an unknown path. It is asked
   * first, and again before the 101.
   */
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
export async function upgradeOnSocket(
  message: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  options: SocketUpgradeOptions,
): Promise<SocketUpgrade | undefined> {
  // An error at any moment, also during the callbacks, must find a listener.
  socket.on("error", ignore);
  // Nobody reads before the handshake is done.
  stopBeneath(socket);
  try {
    if (owesAnswer(socket)) throw new Error("An earlier answer is due");
    return await upgrade(message, socket, head, options);
  } catch {
    cut(socket);
    return undefined;
  }
}

function ignore(): void {}

async function upgrade(
  message: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  options: SocketUpgradeOptions,
): Promise<SocketUpgrade | undefined> {
  const { handshakeTimeout } = options;
  const deadline = performance.now() + handshakeTimeout;
  const refuse = async (response: Response): Promise<undefined> => {
    const head = refusalHead(response);
    const body = message.method === "HEAD" ? null : response.body;
    if (body === null) await response.body?.cancel();
    await refuseOnSocket(socket, head, body, handshakeTimeout);
  };
  const request = toRequest(message);
  // RFC 6455, section 4.2.1: at least HTTP/1.1
  if (request === undefined || !isHttp11(message)) {
    return refuse(defaultResponse({ status: 400 }));
  }
  const early = options.refuse?.(request);
  if (early !== undefined) return refuse(early);
  const answer = await withinTimeout(
    request,
    acceptUpgrade(request, options.accept),
    handshakeTimeout,
  );
  if (!answer.accepted) return refuse(answer.error.response);
  const late = options.refuse?.(request);
  if (late !== undefined) return refuse(late);
  const switching = encodeHead(
    "HTTP/1.1 101 Switching Protocols",
    answer.headers,
  );
  // The peer may have gone meanwhile.
  if (!await written(socket, switching, deadline)) {
    cut(socket);
    return undefined;
  }
  const stream = new SocketStream(socket, { head });
  socket.off("error", ignore);
  startBeneath(socket);
  const { settings, compression } = options;
  const { subprotocol, extension } = answer;
  const codec = extension !== undefined && compression !== undefined
    ? new DeflateCodec("server", extension, compression)
    : undefined;
  const conn = wireConn(stream, "server", subprotocol, settings, codec);
  return { conn, request };
}

function isHttp11(message: IncomingMessage): boolean {
  return message.httpVersionMajor === 1 && message.httpVersionMinor >= 1;
}

/** Writes bytes; whether they have gone out in time. */
async function written(
  socket: Duplex,
  bytes: Uint8Array,
  deadline: number,
): Promise<boolean> {
  if (socket.destroyed) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const failed = () => resolve(false);
  const timer = setTimeout(failed, Math.max(0, deadline - performance.now()));
  socket.once("close", failed);
  socket.write(bytes, (error) => resolve(!error && !socket.destroyed));
  const done = await promise;
  socket.off("close", failed);
  clearTimeout(timer);
  return done;
}

// Ours to say, as the end of the connection ends the answer.
const FRAMING = ["connection", "transfer-encoding", "content-length"];

function refusalHead(response: Response): Uint8Array<ArrayBuffer> {
  const { status, statusText, headers } = response;
  const kept = [...headers].filter(([name]) => !FRAMING.includes(name));
  kept.push(["Connection", "close"]);
  const phrase = isReasonPhrase(statusText) ? statusText : "";
  return encodeHead(`HTTP/1.1 ${status} ${phrase}`, kept);
}
