/** The client's part of the handshake (RFC 6455, section 4.1). */

import type { DialTarget } from "./client_url.ts";
import { addCookies } from "./cookie_header.ts";
import { encodeHead } from "./head.ts";
import { type HeadersLike, isProtocol, requestHeaders } from "./headers.ts";
import { quote } from "./quote.ts";
import { checkSubprotocols } from "./subprotocol.ts";
import { parseTokenList } from "./tokens.ts";

/** The Dialer's part in a request. */
export interface ClientRequestOptions {
  /** The key, from `generateKey`. */
  readonly key: string;
  /** The subprotocols to offer, in order of preference. */
  readonly subprotocols?: readonly string[] | undefined;
  /** The value of Sec-WebSocket-Extensions, from `formatExtensions`. */
  readonly extensions?: string | undefined;
  /**
   * The application's headers. Host only replaces the value of the Host header;
   * Sec-WebSocket-Protocol may be given if `subprotocols` is not.
   */
  readonly headers?: HeadersLike | undefined;
  /** The cookies of a jar, to be sent with those of `headers`. */
  readonly cookies?: string | undefined;
}

/** An upgrade request, and what its answer is checked against. */
export interface ClientRequest {
  /** The bytes to send. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The key. */
  readonly key: string;
  /** The subprotocols that are offered. */
  readonly subprotocols: readonly string[];
}

/**
 * Builds the upgrade request.
 *
 * @param target Where it goes
 * @param options The Dialer's part
 * @returns The request
 * @throws {TypeError} If a header is malformed or belongs to the handshake,
 * Host is given twice, a subprotocol is not a token or is listed twice, or
 * `cookies` is not a valid header value
 */
export function buildClientRequest(
  target: DialTarget,
  options: ClientRequestOptions,
): ClientRequest {
  const { key, extensions, subprotocols = [] } = options;
  checkSubprotocols(subprotocols);
  const given = requestHeaders(
    options.headers ?? [],
    subprotocols.length === 0,
  );
  const headers: [string, string][] = [
    ["Host", hostHeader(given) ?? target.host],
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Key", key],
    ["Sec-WebSocket-Version", "13"],
  ];
  if (subprotocols.length > 0) {
    headers.push(["Sec-WebSocket-Protocol", subprotocols.join(", ")]);
  }
  if (extensions !== undefined) {
    headers.push(["Sec-WebSocket-Extensions", extensions]);
  }
  const own = given.filter(([name]) => !isHost(name));
  headers.push(...addCookies(own, options.cookies ?? ""));
  return {
    bytes: encodeHead(`GET ${target.target} HTTP/1.1`, headers),
    key,
    subprotocols: subprotocols.length > 0
      ? [...subprotocols]
      : offeredByHeader(given),
  };
}

/** The application's Host, if there is one. */
function hostHeader(headers: readonly [string, string][]): string | undefined {
  const hosts = headers.filter(([name]) => isHost(name));
  if (hosts.length > 1) {
    throw new TypeError("Cannot dial: duplicate header not allowed: Host");
  }
  const host = hosts[0]?.[1];
  if (host === undefined) return undefined;
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f || "/?#@\\,".includes(host.charAt(i))) {
      throw new TypeError(
        `Cannot dial with Host ${quote(host)}: it must be a host and an ` +
          "optional port",
      );
    }
  }
  if (host === "") throw new TypeError("Cannot dial with an empty Host");
  return host;
}

/** The subprotocols that the application's own headers offer. */
function offeredByHeader(headers: readonly [string, string][]): string[] {
  const values = headers.filter(([name]) => isProtocol(name));
  if (values.length === 0) return [];
  const value = values.map(([, value]) => value).join(", ");
  const { tokens, complete } = parseTokenList(value);
  if (!complete || tokens.length === 0) {
    throw new TypeError(
      `Cannot offer subprotocols ${quote(value)}: they must be tokens, ` +
        "with commas between them, 256 at most",
    );
  }
  checkSubprotocols(tokens);
  return tokens;
}

function isHost(name: string): boolean {
  return name.toLowerCase() === "host";
}
