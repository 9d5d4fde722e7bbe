import { BadHandshakeError } from "./errors.ts";
import { encodeConnectRequest } from "./proxy/connect_request.ts";
import type { ProxyServer } from "./proxy/proxy_url.ts";
import { SocksHandshake } from "./proxy/socks5.ts";
import type { PulledStream } from "./pulled_stream.ts";
import { readAnswerBody, readAnswerHead, toResponse } from "./read_answer.ts";
import { untilAborted } from "./until_aborted.ts";

/** A proxy that gave no tunnel: the message says what it did, for a sentence. */
export class TunnelError extends Error {}

/**
 * Asks a proxy for a tunnel. When it succeeds, what is read from the stream and
 * written to it is the other end's.
 *
 * @param stream The stream to the proxy; it stays the caller's
 * @param proxy The proxy
 * @param hostname The host to connect to, an IPv6 address without its brackets
 * @param port The port to connect to
 * @param signal Gives up
 * @returns Resolves when the tunnel is open; rejects with a
 * {@linkcode TunnelError}, the stream's error or the signal's reason
 */
export function openTunnel(
  stream: PulledStream,
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
  stream: PulledStream,
  request: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
): Promise<void> {
  const sent = send(stream, request);
  // A proxy may refuse before it has read the request: the answer counts.
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
  const fault = `it answered with status ${head.status}`;
  throw new TunnelError(fault, {
    cause: new BadHandshakeError(
      `Cannot get a connection from the proxy: ${fault}`,
      toResponse(head, body),
    ),
  });
}

async function openBySocks(
  stream: PulledStream,
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
  return new TunnelError("it closed the connection without an answer");
}

function send(
  stream: PulledStream,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  stream.write(
    bytes,
    (error) => error === undefined ? resolve() : reject(error),
  );
  return promise;
}
