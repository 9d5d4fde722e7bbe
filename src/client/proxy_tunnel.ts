import { BadHandshakeError } from "../peer_errors.ts";
import { encodeConnectRequest } from "../proxy/connect_request.ts";
import type { ProxyServer } from "../proxy/proxy_url.ts";
import { SocksHandshake } from "../proxy/socks5.ts";
import type { HandshakeStream } from "../streams/handshake_stream.ts";
import { readAnswerBody, readAnswerHead, toResponse } from "./read_response.ts";
import { endedEarly } from "../runtime/sockets/connect.ts";
import { untilAborted } from "./abortable.ts";
import { describeStatus } from "../handshake/client_response.ts";

/**
 * The proxy gave no tunnel. The message says what it did, as a part of a
 * sentence: "it closed the connection without an answer".
 */
export class TunnelError extends Error {}

/**
 * Asks a proxy for a tunnel. Once it is open, the stream reads from and writes
 * to the other end.
 *
 * @param stream The stream to the proxy; the caller destroys it on failure
 * @param proxy The proxy
 * @param hostname The host to connect to, an IPv6 address without its brackets
 * @param port The port to connect to
 * @param signal Gives up
 * @returns Resolves when the tunnel is open; rejects with a
 * {@linkcode TunnelError}, the stream's error or the signal's reason
 */
export function openTunnel(
  stream: HandshakeStream,
  proxy: ProxyServer,
  hostname: string,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  return proxy.protocol === "connect"
    ? openByConnect(
      stream,
      encodeConnectRequest(proxy, hostname, port),
      signal,
    )
    : openBySocks(stream, new SocksHandshake(proxy, hostname, port), signal);
}

async function openByConnect(
  stream: HandshakeStream,
  request: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
): Promise<void> {
  const sent = send(stream, request);
  // A proxy may refuse before it has read the request, so a failed write is no
  // failure while an answer may come.
  sent.catch(() => {});
  const result = await readAnswerHead(stream, signal);
  if (result === undefined) throw ended();
  if (!result.ok) {
    throw new TunnelError("bad answer", { cause: new Error(result.error) });
  }
  const { head } = result;
  // RFC 7231, section 4.3.6: any 2xx opens the tunnel, and has no body.
  if (head.status >= 200 && head.status < 300) {
    await untilAborted(sent, signal);
    return;
  }
  const body = await readAnswerBody(stream, head, signal);
  const fault = `it answered with ${describeStatus(head)}`;
  throw new TunnelError(fault, {
    cause: new BadHandshakeError(
      `Cannot get a connection from the proxy: ${fault}`,
      toResponse(head, body),
    ),
  });
}

async function openBySocks(
  stream: HandshakeStream,
  handshake: SocksHandshake,
  signal: AbortSignal,
): Promise<void> {
  await untilAborted(send(stream, handshake.greeting), signal);
  for (;;) {
    const chunk = await stream.read(signal);
    if (chunk === undefined) throw ended();
    const step = handshake.push(chunk);
    if (step.state === "failed") throw new TunnelError(step.error);
    if (step.state === "open") {
      stream.unread(step.rest);
      return;
    }
    if (step.send.length > 0) {
      await untilAborted(send(stream, step.send), signal);
    }
  }
}

function ended(): TunnelError {
  return new TunnelError("it closed the connection without an answer", {
    cause: endedEarly("The proxy ended the connection without an answer"),
  });
}

function send(
  stream: HandshakeStream,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  stream.write(
    bytes,
    (error) => error === undefined ? resolve() : reject(error),
  );
  return promise;
}
