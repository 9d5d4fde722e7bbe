/** WebSocket URIs (RFC 6455, section 3). */

/** What a URL says about a dial. */
export interface DialTarget {
  /** The URL, parsed. */
  readonly url: URL;
  /** Whether TLS is spoken: wss. */
  readonly secure: boolean;
  /** The host to dial, an IPv6 address without its brackets. */
  readonly hostname: string;
  /** The port to dial, the scheme's default one if the URL has none. */
  readonly port: number;
  /** The value of Host: without a port that is the scheme's default one. */
  readonly host: string;
  /** The request target: path and query. */
  readonly target: string;
}

/**
 * Reads the URL of a dial.
 *
 * @param input The URL
 * @returns What it says
 * @throws {TypeError} If it is malformed, has another scheme than ws or wss, or
 * has user info or a fragment
 */
export function parseDialURL(input: string | URL): DialTarget {
  const url = parse(input);
  const secure = url.protocol === "wss:";
  if (!secure && url.protocol !== "ws:") {
    throw new TypeError(
      `Cannot dial a URL of scheme "${url.protocol.slice(0, -1)}": ` +
        "it must be ws or wss",
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError(
      `Cannot dial "${url.protocol}//${url.host}" with user info in the URL: ` +
        "send an Authorization header instead",
    );
  }
  // RFC 6455, section 3: fragments must not be used. An empty one leaves `hash`
  // empty, but no other "#" is left in a parsed URL.
  if (url.href.includes("#")) {
    throw new TypeError(
      `Cannot dial "${url.protocol}//${url.host}" with a fragment in the ` +
        "URL: leave it out, or write %23",
    );
  }
  const { hostname } = url;
  return {
    url,
    secure,
    hostname: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname,
    port: url.port !== "" ? Number(url.port) : secure ? 443 : 80,
    host: url.host,
    target: url.pathname + url.search,
  };
}

// Messages do not show the text itself, which may hold a password.
function parse(input: string | URL): URL {
  if (input instanceof URL) return new URL(input.href);
  if (typeof input !== "string") {
    throw new TypeError("Cannot dial: the URL must be a string or a URL");
  }
  // The parser would drop or escape them.
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
