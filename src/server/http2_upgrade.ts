/** WebSocket over HTTP/2 (RFC 8441), on the connect event of node's servers. */

import type { HandshakeError } from "../peer_errors.ts";
import { encodeHead } from "../handshake/head.ts";
import {
  clientGone,
  defaultResponse,
  refusalOf,
} from "../handshake/refusal.ts";
import { approveUpgrade } from "../handshake/server.ts";
import {
  type AnyMessage,
  isHttp2,
  protocolOf,
  requestOf,
} from "../runtime/http/http2_request.ts";
import { refuseOnStream, respond } from "../runtime/http/http2_response.ts";
import { refuseOnSocket } from "../runtime/http/node_response.ts";
import { cutFailed } from "../runtime/quirks/tls_flow.ts";
import {
  claim,
  isClaimed,
  leave,
  listenersOf,
} from "../runtime/sockets/claim.ts";
import { cancelStream } from "../runtime/sockets/http2_stream.ts";
import { SocketStream } from "../runtime/sockets/socket_stream.ts";
import type {
  Duplex,
  Http2ServerRequest,
  Http2ServerResponse,
  ServerHttp2Stream,
} from "../runtime/sockets/types.ts";
import {
  type SocketUpgrade,
  type SocketUpgradeOptions,
  takeConn,
} from "./wire_upgrade.ts";

// A reset ends a stream, but not the callbacks that it has set going: streams
// that come and are reset at once are bounded by nobody else (CVE-2023-44487).
const MAX_HANDSHAKES = 256;

const handshakes = new WeakMap<object, number>();

/**
 * Makes a connection on the stream of an extended CONNECT. A refused one is
 * answered; a stream whose peer has gone is closed.
 *
 * @returns The connection and its request, or `undefined`
 * @throws {DOMException} `InvalidStateError` if the stream already has an owner
 */
export async function upgradeOnStream<Data>(
  message: Http2ServerRequest,
  socket: Duplex,
  options: SocketUpgradeOptions<Data>,
): Promise<SocketUpgrade<Data> | undefined> {
  claim(socket);
  const stream = socket as ServerHttp2Stream;
  // As on a socket: an `error` event without a listener ends the process.
  stream.on("error", ignore);
  try {
    return await upgrade(message, stream, options);
  } catch {
    cancelStream(stream);
    return undefined;
  }
}

function ignore(): void {}

async function upgrade<Data>(
  message: Http2ServerRequest,
  stream: ServerHttp2Stream,
  options: SocketUpgradeOptions<Data>,
): Promise<SocketUpgrade<Data> | undefined> {
  const { handshakeTimeout, report, group } = options;
  const answerWith = async (response: Response): Promise<undefined> => {
    await refuseOnStream(stream, response, handshakeTimeout, report);
  };
  const request = requestOf(message, stream);
  if (request === undefined) {
    return answerWith(defaultResponse({ status: 400 }));
  }
  const refuse = (error: HandshakeError): Promise<undefined> =>
    answerWith(options.refused(error, request));
  const refusal = () => group.refusal() ?? options.refuse?.(request);
  const early = refusal();
  if (early !== undefined) return refuse(early);
  // RFC 8441, section 5: END_STREAM is the FIN of TCP.
  if (stream.endAfterHeaders) {
    return refuse(refusalOf(400, "it ends its stream, and so the connection"));
  }
  // The session outlives its streams; one that is not there has ended.
  const session = stream.session ?? stream;
  const count = handshakes.get(session) ?? 0;
  if (count >= MAX_HANDSHAKES) {
    return refuse(refusalOf(
      503,
      `its HTTP/2 session has ${count} handshakes under way`,
    ));
  }
  handshakes.set(session, count + 1);
  const handshake = approveUpgrade(request, {
    ...options.accept,
    extendedConnect: true,
  });
  // It may outlive its stream.
  handshake.then(() => handshakes.set(session, handshakes.get(session)! - 1));
  const answer = await options.inTime(handshake);
  if (!answer.accepted) return refuse(answer.error);
  const late = refusal();
  if (late !== undefined) return refuse(late);
  const { subprotocol, extension, applicationHeaders } = answer;
  const headers: [string, string][] = [...applicationHeaders];
  if (subprotocol !== "") headers.push(["sec-websocket-protocol", subprotocol]);
  if (extension !== undefined) {
    headers.push(["sec-websocket-extensions", extension.header]);
  }
  // The peer may have reset the stream meanwhile.
  if (!respond(stream, 200, headers)) {
    cancelStream(stream);
    options.refused(clientGone(), request);
    return undefined;
  }
  const bytes = new SocketStream(stream, { remoteAddr: options.remoteAddr });
  stream.off("error", ignore);
  return takeConn(bytes, request, answer, options);
}

/**
 * What an upgrade or connect event is about. A CONNECT that is not for
 * WebSocket asks for a tunnel: it is left to the server's other listeners of
 * the event. Where there are none, nobody would answer it, and so it is refused
 * with 501.
 *
 * @param server What the listener was called on
 * @param message The request
 * @param carrier What came with it: the socket, or the response of HTTP/2
 * @param timeout Milliseconds for the refusal
 * @returns The socket or the stream; `undefined` if there is nothing to upgrade
 */
export function socketOf(
  server: unknown,
  message: AnyMessage,
  carrier: Duplex | Http2ServerResponse,
  timeout: number,
): Duplex | undefined {
  if (!isHttp2(message)) {
    const socket = carrier as Duplex;
    if (message.method !== "CONNECT") return socket;
    if (!isOthers(server, socket)) refuseTunnel(socket, timeout);
    return undefined;
  }
  // None where the client's GOAWAY came first.
  const { stream } = carrier as Partial<Http2ServerResponse>;
  if (stream === undefined || protocolOf(message) === "websocket") {
    return stream;
  }
  if (!isOthers(server, stream)) refuseProtocol(stream, timeout);
  return undefined;
}

/** Whether another listener may answer; the last of ours that is left does. */
function isOthers(server: unknown, socket: Duplex): boolean {
  return isClaimed(socket) || leave(socket) < listenersOf(server, "connect");
}

function refuseTunnel(socket: Duplex, timeout: number): void {
  claim(socket);
  socket.on("error", cutFailed);
  const head = encodeHead("HTTP/1.1 501 Not Implemented", [
    ["Content-Length", "0"],
    ["Connection", "close"],
  ]);
  refuseOnSocket(socket, head, null, timeout, ignore);
}

function refuseProtocol(stream: ServerHttp2Stream, timeout: number): void {
  claim(stream);
  stream.on("error", ignore);
  const response = defaultResponse({ status: 501 });
  refuseOnStream(stream, response, timeout, ignore);
}
