/** WebSocket URIs (RFC 6455, section 3), and those of Unix sockets. */

import { isInstance } from "../base/user_values.ts";
import { joinHostPort } from "./host_port.ts";

/** What a URL says about a dial. */
export interface DialTarget {
  /** The URL, parsed. */
  readonly url: URL;
  /** Whether TLS is spoken: wss, wss+unix. */
  readonly secure: boolean;
  /**
   * The host to dial, an IPv6 address without its brackets; `localhost` for a
   * Unix socket.
   */
  readonly hostname: string;
  /** The port to dial; the scheme's default if the URL has none. */
  readonly port: number;
  /** The path of the Unix socket to dial, if it is one. */
  readonly socketPath: string | undefined;
  /** The value of Host, without a port if it is the scheme's default. */
  readonly host: string;
  /** The request target: path and query. */
  readonly target: string;
}

const SCHEMES: readonly string[] = ["ws:", "wss:", "ws+unix:", "wss+unix:"];

/**
 * Reads the URL of a dial.
 *
 * @param input The URL
 * @returns What it says
 * @throws {TypeError} If it is malformed, its scheme is not ws, wss, ws+unix or
 * wss+unix, or it has user info or a fragment
 */
export function parseDialURL(input: string | URL): DialTarget {
  const url = parse(input);
  const secure = url.protocol === "wss:" || url.protocol === "wss+unix:";
  const unix = url.protocol.endsWith("+unix:");
  if (!SCHEMES.includes(url.protocol)) {
    throw new TypeError(
      `Cannot dial a URL of scheme "${url.protocol.slice(0, -1)}": ` +
        "it must be ws or wss, or ws+unix or wss+unix for a unix socket",
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError(
      `Cannot dial "${url.protocol}//${url.host}" with user info in the URL: ` +
        "send an Authorization header instead",
    );
  }
  // RFC 6455, section 3: fragments must not be used. With an empty fragment
  // `hash` is empty, but a parsed URL has no other "#".
  if (url.href.includes("#")) {
    throw new TypeError(
      `Cannot dial "${url.protocol}//${url.host}" with a fragment in the ` +
        "URL: leave it out, or write %23",
    );
  }
  if (unix) return unixTarget(url, secure);
  const { hostname } = url;
  return {
    url,
    secure,
    hostname: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname,
    port: url.port !== "" ? Number(url.port) : secure ? 443 : 80,
    socketPath: undefined,
    host: url.host,
    target: url.pathname + url.search,
  };
}

/**
 * Reads `ws+unix:/path/of/socket:/request/path?query`: the first colon ends the
 * socket's path, in which a colon is written %3A.
 */
function unixTarget(url: URL, secure: boolean): DialTarget {
  const { host, pathname, search } = url;
  const colon = pathname.indexOf(":");
  const end = colon < 0 ? pathname.length : colon;
  const path = pathname.slice(end + 1);
  if (host !== "" || !pathname.startsWith("/") || end < 2) {
    throw new TypeError(
      "Cannot dial a unix socket: its path must be absolute, as in " +
        `${url.protocol}/run/app.sock:/ws`,
    );
  }
  if (path !== "" && !path.startsWith("/")) {
    throw new TypeError(
      "Cannot dial a unix socket: what follows the colon must begin with a " +
        "slash; write a colon in the socket's own path as %3A",
    );
  }
  return {
    url,
    secure,
    hostname: "localhost",
    port: secure ? 443 : 80,
    socketPath: decodePath(pathname.slice(0, end)),
    host: "localhost",
    target: (path === "" ? "/" : path) + search,
  };
}

function decodePath(path: string): string {
  let decoded: string | undefined;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    // Not UTF-8.
  }
  if (decoded === undefined || decoded.includes("\0")) {
    throw new TypeError(
      "Cannot dial a unix socket: its path is not percent-encoded UTF-8, or " +
        "has a NUL",
    );
  }
  return decoded;
}

/**
 * What is dialed, as one string.
 *
 * @param target The dial's target
 * @returns The host and port, or the path of the Unix socket
 */
export function dialAddress(target: DialTarget): string {
  return target.socketPath ?? joinHostPort(target.hostname, target.port);
}

// Messages do not show the text itself, which may hold a password.
function parse(input: string | URL): URL {
  if (isInstance(input, URL)) return new URL(input.href);
  if (typeof input !== "string") {
    throw new TypeError("Cannot dial: the URL must be a string or a URL");
  }
  // The URL parser would drop or escape them.
  for (let i = 0; i < input.length; i++) {
    const code = input.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) {
      throw new TypeError("Cannot dial: the URL has a control character");
    }
  }
  if (!URL.canParse(input)) {
    throw new TypeError("Cannot dial: the URL is malformed");
  }
  return new URL(input);
}
