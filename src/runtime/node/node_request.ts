import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";

import { startBeneath, stopBeneath } from "./tls_flow.ts";

/** What may come with a request besides what the message says. */
export interface NodeRequestInit {
  /** Aborted when the client goes. */
  readonly signal?: AbortSignal;
  /** Whether the body is to be read; an upgrade request has none. */
  readonly body?: boolean;
}

const FORBIDDEN_METHODS: readonly string[] = ["CONNECT", "TRACE", "TRACK"];

// Node and Deno drop the headers behind these without a word: an Origin, say, or
// what tells of a body.
const MAX_HEADERS = 1000;

/**
 * The web `Request` of a node message. The target never changes where the
 * request belongs: of an absolute one (RFC 7230, section 5.3.2) the path counts,
 * and the host is the one that the Host header names.
 *
 * @param message The message
 * @param init The signal, and whether to take the body
 * @returns The request, or `undefined` if target, Host or method is malformed,
 * or if headers may be missing
 */
export function toRequest(
  message: IncomingMessage,
  init: NodeRequestInit = {},
): Request | undefined {
  if (message.rawHeaders.length >= 2 * MAX_HEADERS) return undefined;
  const path = pathOf(message.url ?? "");
  const host = hostOf(message);
  if (path === undefined || host === undefined) return undefined;
  const secure = (message.socket as Partial<TLSSocket>).encrypted === true;
  const { method = "GET" } = message;
  // Bun's Request takes what Fetch forbids.
  if (FORBIDDEN_METHODS.includes(method)) return undefined;
  const hasBody = init.body === true && method !== "GET" && method !== "HEAD";
  // What no Request can have waits until it is skipped.
  if (init.body === true && !hasBody && announcesBody(message)) {
    stopBeneath(message.socket);
  }
  try {
    return new Request(`${secure ? "https" : "http"}://${host}${path}`, {
      method,
      headers: headersOf(message.rawHeaders),
      ...(init.signal === undefined ? {} : { signal: init.signal }),
      ...(hasBody ? { body: bodyOf(message), duplex: "half" } : {}),
    } as RequestInit);
  } catch {
    // A host or a method that the platform does not take.
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

/** The host of the Host header, which HTTP/1.1 asks for (RFC 7230, section 5.4). */
function hostOf(message: IncomingMessage): string | undefined {
  const { rawHeaders, httpVersionMajor, httpVersionMinor } = message;
  const hosts = rawHeaders.filter((_, i) =>
    i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === "host"
  );
  if (hosts.length === 0 && httpVersionMajor === 1 && httpVersionMinor === 0) {
    return localHost(message);
  }
  const [host = ""] = hosts;
  // Less what could end the authority of a URL.
  return hosts.length === 1 && /^[^\s/?#@\\]+$/.test(host) ? host : undefined;
}

function localHost({ socket }: IncomingMessage): string {
  const { localAddress = "localhost", localPort = 80 } = socket;
  const name = localAddress.includes(":") ? `[${localAddress}]` : localAddress;
  return `${name}:${localPort}`;
}

function headersOf(raw: readonly string[]): Headers {
  const headers = new Headers();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    headers.append(raw[i]!, raw[i + 1]!);
  }
  return headers;
}

/** Whether a body follows the head (RFC 7230, section 3.3). */
function announcesBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined ||
    Number(headers["content-length"] ?? 0) > 0;
}

/** The body, of which nothing is read before somebody asks for it. */
function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array> {
  const { socket } = message;
  let listening = false;
  stopBeneath(socket);
  return new ReadableStream({
    pull(controller) {
      if (!listening) {
        listening = true;
        listen(message, controller);
      }
      startBeneath(socket);
      message.resume();
    },
    cancel() {
      skipBody(message);
    },
  }, { highWaterMark: 0 });
}

/**
 * Lets what nobody reads of a body go by: the next request stands behind it.
 *
 * @param message The message
 */
export function skipBody(message: IncomingMessage): void {
  // Also of a body that is here whole: what follows it is not.
  startBeneath(message.socket);
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
    stopBeneath(message.socket);
    controller.enqueue(new Uint8Array(chunk));
  });
  message.on("end", () => end());
  message.on("error", end);
  message.on("close", gone);
  if (message.destroyed && !message.readableEnded) gone();
}
