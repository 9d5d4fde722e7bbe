import { upgradeTurn } from "../base/turns.ts";
import type { Conn } from "../conn/conn.ts";
import type { ConnSettings } from "../conn/options.ts";
import { DeflateCodec } from "../deflate/codec.ts";
import type { Agreement } from "../deflate/negotiation.ts";
import type { CompressionSettings } from "../deflate/options.ts";
import { encodeHead } from "../handshake/head.ts";
import {
  type AcceptOptions,
  acceptUpgrade,
  type Approved,
  type Refused,
} from "../handshake/server.ts";
import type { ConnGroup } from "./conn_group.ts";
import { wireConn } from "../conn_over.ts";
import { toRequest } from "../runtime/http/node_request.ts";
import { hasToken } from "../handshake/tokens.ts";
import type { HandshakeError } from "../peer_errors.ts";
import { clientGone, defaultResponse } from "../handshake/refusal.ts";
import { checkHead, claim } from "../runtime/sockets/claim.ts";
import {
  isReasonPhrase,
  owesAnswer,
  refuseOnSocket,
} from "../runtime/http/node_response.ts";
import { forgetRequest } from "../runtime/quirks/kept_request.ts";
import { SocketStream } from "../runtime/sockets/socket_stream.ts";
import {
  cut,
  cutFailed,
  pauseTCPBelowTLS,
  resumeTCPBelowTLS,
} from "../runtime/quirks/tls_flow.ts";
import type { Duplex, IncomingMessage } from "../runtime/sockets/types.ts";
import type { ByteStream } from "../transport/byte_stream.ts";
import type { Addr } from "../transport/transport.ts";

/** What an upgrade on a socket needs. */
export interface SocketUpgradeOptions<Data> {
  /** Takes the connection, unless it refuses the upgrade: it has been ended. */
  readonly group: ConnGroup<Data>;
  readonly accept: AcceptOptions<Agreement>;
  /** How messages are compressed, where `accept` negotiates that. */
  readonly compression: CompressionSettings | undefined;
  readonly settings: ConnSettings;
  /** The peer's address, if the socket has one. */
  readonly remoteAddr: Addr | undefined;
  /**
   * Milliseconds for the callbacks and the 101, and the same again for a
   * refusal.
   */
  readonly handshakeTimeout: number;
  /** Refuses a handshake whose callbacks take longer than that. */
  readonly inTime: <T>(handshake: Promise<T>) => Promise<T | Refused>;
  /**
   * Refuses before the handshake does, such as for an unknown path. It is
   * called first, and again before the 101.
   */
  readonly refuse?: RefuseCallback | undefined;
  /** Called with each refusal; returns the answer. */
  readonly refused: (error: HandshakeError, request: Request) => Response;
  /** Called with what user code throws. */
  readonly report: (error: unknown) => void;
}

/**
 * Why an upgrade is refused regardless of its handshake; `undefined` if it is
 * not.
 */
export type RefuseCallback = (request: Request) => HandshakeError | undefined;

/** An upgrade that went through. */
export interface SocketUpgrade<Data> {
  readonly conn: Conn<Data>;
  readonly request: Request;
  /** Whether it may be used: it was not too late. */
  readonly taken: boolean;
}

/**
 * Upgrades a connection on the socket of node's upgrade event. A refused
 * upgrade is answered; a socket whose peer has gone is closed.
 *
 * @returns The connection and its request, or `undefined`
 * @throws {DOMException} `InvalidStateError` if the socket already has an owner
 * @throws {TypeError} If the head is not bytes
 */
export async function upgradeOnSocket<Data>(
  message: IncomingMessage,
  socket: Duplex,
  head: Uint8Array | undefined,
  options: SocketUpgradeOptions<Data>,
): Promise<SocketUpgrade<Data> | undefined> {
  checkHead(head);
  claim(socket);
  // A socket may fail at any moment, also during the callbacks, and an `error`
  // event without a listener ends the process.
  socket.on("error", cutFailed);
  // Nobody reads until the handshake is done, so the peer must wait.
  pauseTCPBelowTLS(socket);
  try {
    await upgradeTurn();
    if (owesAnswer(socket)) throw new Error("An earlier answer is due");
    return await upgrade(message, socket, head, options);
  } catch {
    cut(socket);
    return undefined;
  }
}

async function upgrade<Data>(
  message: IncomingMessage,
  socket: Duplex,
  head: Uint8Array | undefined,
  options: SocketUpgradeOptions<Data>,
): Promise<SocketUpgrade<Data> | undefined> {
  const { handshakeTimeout, report, group } = options;
  const deadline = performance.now() + handshakeTimeout;
  const answerWith = async (response: Response): Promise<undefined> => {
    const head = refusalHead(response);
    const body = message.method === "HEAD" ? null : response.body;
    if (body === null) await response.body?.cancel();
    await refuseOnSocket(socket, head, body, handshakeTimeout, report);
  };
  const request = toRequest(message);
  // RFC 6455, section 4.2.1: at least HTTP/1.1.
  if (request === undefined || !isHttp11(message)) {
    return answerWith(defaultResponse({ status: 400 }));
  }
  const refuse = (error: HandshakeError): Promise<undefined> =>
    answerWith(options.refused(error, request));
  const refusal = () => group.refusal() ?? options.refuse?.(request);
  const early = refusal();
  if (early !== undefined) return refuse(early);
  const answer = await options.inTime(acceptUpgrade(request, options.accept));
  if (!answer.accepted) return refuse(answer.error);
  const late = refusal();
  if (late !== undefined) return refuse(late);
  // RFC 9110, section 7.8: a client that expects a 100 gets it before the 101.
  const first = hasToken(request.headers.get("expect"), "100-continue")
    ? "HTTP/1.1 100 Continue\r\n\r\n"
    : "";
  const switching = encodeHead(
    `${first}HTTP/1.1 101 Switching Protocols`,
    answer.headers,
  );
  group.switching();
  try {
    // The peer may have disconnected meanwhile.
    if (!await written(socket, switching, deadline)) {
      cut(socket);
      options.refused(clientGone(), request);
      return undefined;
    }
    const { remoteAddr } = options;
    const stream = new SocketStream(socket, { head, remoteAddr });
    socket.off("error", cutFailed);
    resumeTCPBelowTLS(socket);
    forgetRequest(socket, message);
    return takeConn(stream, request, answer, options);
  } finally {
    group.switched();
  }
}

/** Makes the connection over a stream, as the handshake has agreed. */
export function takeConn<Data>(
  stream: ByteStream,
  request: Request,
  { subprotocol, extension, data }: Approved<Agreement>,
  { compression, settings, group }: SocketUpgradeOptions<Data>,
): SocketUpgrade<Data> {
  const codec = extension !== undefined && compression !== undefined
    ? new DeflateCodec("server", extension, compression)
    : undefined;
  const made = wireConn(stream, "server", subprotocol, settings, codec);
  const conn = made as Conn<Data>;
  return { conn, request, taken: group.take(conn, data) };
}

function isHttp11(message: IncomingMessage): boolean {
  return message.httpVersionMajor === 1 && message.httpVersionMinor >= 1;
}

/** Writes bytes; returns whether they went out in time. */
async function written(
  socket: Duplex,
  bytes: Uint8Array,
  deadline: number,
): Promise<boolean> {
  if (socket.destroyed) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.write(bytes, (error) => resolve(!error && !socket.destroyed));
  // TCP had the room, and the connection sees what fails. Not to wait saves 3 %
  // of a connection's CPU time on Deno.
  if (socket.writableLength === 0) return true;
  const failed = () => resolve(false);
  const timer = setTimeout(failed, Math.max(0, deadline - performance.now()));
  socket.once("close", failed);
  const done = await promise;
  socket.off("close", failed);
  clearTimeout(timer);
  return done;
}

// We set these ourselves: the answer ends where the connection does.
const FRAMING = ["connection", "transfer-encoding", "content-length"];

function refusalHead(response: Response): Uint8Array<ArrayBuffer> {
  const { status, statusText, headers } = response;
  const kept = [...headers].filter(([name]) => !FRAMING.includes(name));
  kept.push(["Connection", "close"]);
  const phrase = isReasonPhrase(statusText) ? statusText : "";
  return encodeHead(`HTTP/1.1 ${status} ${phrase}`, kept);
}
