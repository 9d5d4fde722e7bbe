import { isInstance } from "../base/user_values.ts";

/** What a proxy's URL says. */
export interface ProxyServer {
  /** How the proxy is asked: by HTTP's CONNECT, or by SOCKS5. */
  readonly protocol: "connect" | "socks5";
  /** Whether TLS is spoken with the proxy itself. */
  readonly secure: boolean;
  /** The proxy's host, an IPv6 address without its brackets. */
  readonly hostname: string;
  /** The proxy's port. */
  readonly port: number;
  /** The user name, or an empty string. */
  readonly username: string;
  /** The password, or an empty string. */
  readonly password: string;
}

const SCHEMES: ReadonlyMap<
  string,
  Pick<ProxyServer, "protocol" | "secure" | "port">
> = new Map([
  ["http:", { protocol: "connect", secure: false, port: 80 }],
  ["https:", { protocol: "connect", secure: true, port: 443 }],
  // As in Go, the proxy looks up the name in either case.
  ["socks5:", { protocol: "socks5", secure: false, port: 1080 }],
  ["socks5h:", { protocol: "socks5", secure: false, port: 1080 }],
]);

/**
 * Reads the URL of a proxy.
 *
 * @param input The URL
 * @returns What it says
 * @throws {TypeError} If it is malformed, its scheme is not http, https, socks5
 * or socks5h, or it has a user name or password that the protocol cannot carry
 */
export function parseProxyURL(input: string | URL): ProxyServer {
  const url = parse(input);
  const scheme = SCHEMES.get(url.protocol);
  if (scheme === undefined) {
    throw new TypeError(
      `Cannot use a proxy of scheme "${url.protocol.slice(0, -1)}": it must ` +
        "be http, https, socks5 or socks5h, as in http://127.0.0.1:3128",
    );
  }
  const server: ProxyServer = {
    ...scheme,
    hostname: hostOf(url),
    port: url.port !== "" ? Number(url.port) : scheme.port,
    username: decode(url.username),
    password: decode(url.password),
  };
  checkCredentials(server);
  return server;
}

// Messages do not show the text itself, which may hold a password.
function parse(input: string | URL): URL {
  if (isInstance(input, URL)) return input;
  if (typeof input !== "string") {
    throw new TypeError("Cannot use proxy: it must be a string or a URL");
  }
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f]/.test(input)) {
    throw new TypeError("Cannot use proxy: the URL has a control character");
  }
  if (!URL.canParse(input)) {
    throw new TypeError("Cannot use proxy: the URL is malformed");
  }
  return new URL(input);
}

/**
 * The host, normalized: `URL` does not do that for schemes other than the
 * web's.
 */
function hostOf({ hostname }: URL): string {
  let host = "";
  try {
    host = new URL(`http://${hostname}/`).hostname;
  } catch {
    // It has no valid host.
  }
  if (host === "") {
    throw new TypeError("Cannot use proxy: the URL has no valid host");
  }
  return host.startsWith("[") ? host.slice(1, -1) : host;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new TypeError(
      "Cannot use proxy: the user name or the password is not percent-encoded",
      { cause },
    );
  }
}

function checkCredentials(server: ProxyServer): void {
  const { protocol, username, password } = server;
  let fault: string | undefined;
  if (protocol === "connect") {
    // RFC 7617, section 2.
    if (username.includes(":")) fault = "the user name has a colon";
    // deno-lint-ignore no-control-regex
    if (/[\x00-\x1f\x7f]/.test(username + password)) {
      fault = "the user name or the password has a control character";
    }
  } else if (username !== "" || password !== "") {
    // RFC 1929, section 2.
    const user = new TextEncoder().encode(username).length;
    const secret = new TextEncoder().encode(password).length;
    if (user < 1 || user > 255 || secret > 255) {
      fault = "SOCKS5 takes a user name of 1 to 255 bytes, and a password of " +
        "at most 255";
    }
  }
  if (fault !== undefined) throw new TypeError(`Cannot use proxy: ${fault}`);
}
