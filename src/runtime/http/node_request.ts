import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";

import { pauseTCPBelowTLS, resumeTCPBelowTLS } from "../quirks/tls_flow.ts";

/** What a request needs in addition to the message. */
export interface NodeRequestInit {
  /** Aborted when the client disconnects. */
  readonly signal?: AbortSignal;
  /** Whether the body may be read; an upgrade request has none. */
  readonly body?: boolean;
}

const FORBIDDEN_METHODS: readonly string[] = ["CONNECT", "TRACE", "TRACK"];

// Node and Deno silently drop headers beyond this number, which could be
// Origin, or announce a body.
const MAX_HEADERS = 1000;

/**
 * The web `Request` of a node message. The target never overrides the host: of
 * an absolute one (RFC 7230, section 5.3.2) only the path counts, and the host
 * is that of the Host header.
 *
 * @param message The message
 * @param init The signal, and whether to take the body
 * @returns The request, or `undefined` if the target, Host or method is
 * malformed, or if headers may be missing
 */
export function toRequest(
  message: IncomingMessage,
  init: NodeRequestInit = {},
): Request | undefined {
  const { rawHeaders } = message;
  if (rawHeaders.length >= 2 * MAX_HEADERS) return undefined;
  const path = pathOf(message.url ?? "");
  const host = hostOf(message);
  if (path === undefined || host === undefined) return undefined;
  const secure = (message.socket as Partial<TLSSocket>).encrypted === true;
  const { method = "GET" } = message;
  // Bun's Request accepts methods that Fetch forbids.
  if (FORBIDDEN_METHODS.includes(method)) return undefined;
  const hasBody = init.body === true && method !== "GET" && method !== "HEAD";
  // A Request with GET or HEAD cannot have a body: it waits until it is
  // skipped.
  if (init.body === true && !hasBody && announcesBody(message)) {
    pauseTCPBelowTLS(message.socket);
  }
  try {
    const request = new Request(
      `${secure ? "https" : "http"}://${host}${path}`,
      {
        method,
        ...(init.signal === undefined ? {} : { signal: init.signal }),
        ...(hasBody ? { body: bodyOf(message), duplex: "half" } : {}),
      } as RequestInit,
    );
    // One by one, as Deno takes quadratic time to copy `Headers`, 60 ms for a
    // thousand names; and a list of pairs takes 1.5 times as long on Deno,
    // twice as long on Bun.
    const { headers } = request;
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
    }
    return request;
  } catch {
    // The platform does not accept the host or the method.
    return undefined;
  }
}

/** Path and query of a request target, or `undefined` if it has none. */
function pathOf(target: string): string | undefined {
  // RFC 7230, section 5.3: a target has no fragment.
  if (target.includes("#")) return undefined;
  if (target.startsWith("/")) return target;
  if (!/^https?:\/\//i.test(target) || !URL.canParse(target)) return undefined;
  const { pathname, search } = new URL(target);
  return pathname + search;
}

/**
 * The value of the Host header, which HTTP/1.1 requires (RFC 7230, section
 * 5.4).
 */
function hostOf(message: IncomingMessage): string | undefined {
  const { rawHeaders, httpVersionMajor, httpVersionMinor } = message;
  let host: string | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length !== 4 || name.toLowerCase() !== "host") continue;
    if (host !== undefined) return undefined;
    host = rawHeaders[i + 1]!;
  }
  if (host === undefined) {
    const isHttp10 = httpVersionMajor === 1 && httpVersionMinor === 0;
    return isHttp10 ? localHost(message) : undefined;
  }
  // Without characters that would end the authority of a URL.
  return /^[^\s/?#@\\]+$/.test(host) ? host : undefined;
}

function localHost({ socket }: IncomingMessage): string {
  const { localAddress = "localhost", localPort = 80 } = socket;
  const name = localAddress.includes(":") ? `[${localAddress}]` : localAddress;
  return `${name}:${localPort}`;
}

/** Whether a body follows the head (RFC 7230, section 3.3). */
function announcesBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined ||
    Number(headers["content-length"] ?? 0) > 0;
}

/** The body; nothing of it is read until somebody asks for it. */
function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array> {
  const { socket } = message;
  let listening = false;
  pauseTCPBelowTLS(socket);
  return new ReadableStream({
    pull(controller) {
      if (!listening) {
        listening = true;
        listen(message, controller);
      }
      resumeTCPBelowTLS(socket);
      message.resume();
    },
    cancel() {
      skipBody(message);
    },
  }, { highWaterMark: 0 });
}

/**
 * Skips what nobody has read of a body, as the next request follows it.
 *
 * @param message The message
 */
export function skipBody(message: IncomingMessage): void {
  // Even if the body is complete, what follows it is not here yet.
  resumeTCPBelowTLS(message.socket);
  if (message.complete) return;
  message.removeAllListeners("data");
  message.resume();
}

function listen(
  message: IncomingMessage,
  controller: ReadableStreamDefaultController<Uint8Array>,
): void {
  let over = false;
  const end = (error?: unknown) => {
    if (over) return;
    over = true;
    if (error === undefined) controller.close();
    else controller.error(error);
  };
  const gone = () => end(new Error("Cannot read body: the client has gone"));
  message.on("data", (chunk: Uint8Array) => {
    if (over) return;
    message.pause();
    pauseTCPBelowTLS(message.socket);
    controller.enqueue(new Uint8Array(chunk));
  });
  message.on("end", () => end());
  message.on("error", end);
  message.on("close", gone);
  if (message.destroyed && !message.readableEnded) gone();
}
