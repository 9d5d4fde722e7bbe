import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest, ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";

import { toRequest } from "./node_request.ts";

// As of HTTP/1.1: what is more is refused rather than cut.
const MAX_HEADERS = 1000;

/** A request of either version of HTTP, as node's servers hand it out. */
export type AnyMessage = IncomingMessage | Http2ServerRequest;

/**
 * Whether a message came over HTTP/2.
 *
 * @param message The message
 * @returns Whether it did
 */
export function isHttp2(message: AnyMessage): message is Http2ServerRequest {
  return message.httpVersionMajor === 2;
}

/**
 * The protocol that an extended CONNECT asks for (RFC 8441, section 4).
 *
 * @param message The message of the connect event
 * @returns Its name; `undefined` of a CONNECT for a tunnel
 */
export function protocolOf(message: Http2ServerRequest): string | undefined {
  return only(message.rawHeaders, ":protocol");
}

/**
 * The web `Request` of an upgrade, over either version of HTTP.
 *
 * @param message The message
 * @param socket Its socket, or its stream
 * @returns The request, or `undefined` if it is malformed
 */
export function requestOf(
  message: AnyMessage,
  socket: Duplex,
): Request | undefined {
  return isHttp2(message) ? toGetRequest(message, socket) : toRequest(message);
}

/**
 * The `Request` that an extended CONNECT stands for: a `GET`, whose Host is
 * `:authority`. The scheme is the connection's, whatever `:scheme` says: a proxy
 * that ends TLS does not change it. There is none if path or authority is malformed, or
 * Host says otherwise.
 */
function toGetRequest(
  message: Http2ServerRequest,
  stream: Duplex & Partial<Pick<ServerHttp2Stream, "session">>,
): Request | undefined {
  const { rawHeaders } = message;
  if (rawHeaders.length >= 2 * MAX_HEADERS) return undefined;
  const path = only(rawHeaders, ":path");
  const authority = only(rawHeaders, ":authority");
  if (path === undefined || authority === undefined) return undefined;
  // Nothing that a URL would leave out, such as a tab, or that could end it.
  if (!/^\/[^\s#\p{Cc}]*$/u.test(path)) return undefined;
  if (!/^[^\s/?#@\\]+$/.test(authority)) return undefined;
  const headers: [string, string][] = [["host", authority]];
  const cookies: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    const value = rawHeaders[i + 1]!;
    if (name === "host") {
      // RFC 9113, section 8.3.1: the two must not differ.
      if (value.toLowerCase() !== authority.toLowerCase()) return undefined;
    } else if (name === "cookie") cookies.push(value);
    else if (!name.startsWith(":")) headers.push([name, value]);
  }
  // RFC 9113, section 8.2.3: one header again, not a list with commas.
  if (cookies.length > 0) headers.push(["cookie", cookies.join("; ")]);
  const scheme = stream.session?.encrypted === true ? "https" : "http";
  try {
    return new Request(`${scheme}://${authority}${path}`, { headers });
  } catch {
    // An authority that the platform does not take.
    return undefined;
  }
}

/** The value of what must stand there once. */
function only(raw: readonly string[], wanted: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i] !== wanted) continue;
    if (found !== undefined) return undefined;
    found = raw[i + 1];
  }
  return found;
}
