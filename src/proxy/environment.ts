import { isLoopback, parseIP } from "../base/ip.ts";
import { isInNoProxy } from "./no_proxy.ts";

/**
 * Reads an environment variable: `undefined` if it is not set, or may not be
 * read.
 */
export type ReadVariable = (name: string) => string | undefined;

/**
 * The proxy that the environment names for a dial, by the rules of Go's
 * `http.ProxyFromEnvironment`, and ALL_PROXY as well.
 *
 * @param url The URL to dial
 * @param read Reads a variable
 * @returns The proxy, or `undefined` for none
 * @throws {TypeError} If the variable does not hold a URL
 */
export function proxyFor(url: URL, read: ReadVariable): URL | undefined {
  const secure = url.protocol === "wss:" || url.protocol === "https:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  if (hostname === "") return undefined;
  const found = find(secure ? "HTTPS_PROXY" : "HTTP_PROXY", read) ??
    find("ALL_PROXY", read);
  if (found === undefined) return undefined;

  const ip = parseIP(hostname);
  if (hostname === "localhost" || (ip !== undefined && isLoopback(ip))) {
    return undefined;
  }
  const port = url.port !== "" ? Number(url.port) : secure ? 443 : 80;
  const except = find("NO_PROXY", read);
  if (except !== undefined && isInNoProxy(except.value, hostname, port)) {
    return undefined;
  }
  return parse(found);
}

interface Variable {
  readonly name: string;
  readonly value: string;
}

/** Reads a variable in upper or lower case; an empty one counts as not set. */
function find(name: string, read: ReadVariable): Variable | undefined {
  // A CGI program gets the request's Proxy header, which a client may forge, as
  // HTTP_PROXY.
  const names = name === "HTTP_PROXY" && read("REQUEST_METHOD")
    ? [name.toLowerCase()]
    : [name, name.toLowerCase()];
  for (const name of names) {
    const value = read(name)?.trim();
    if (value !== undefined && value !== "") return { name, value };
  }
  return undefined;
}

// The message does not show the text, which may hold a password.
function parse({ name, value }: Variable): URL {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(value);
  const text = hasScheme ? value : `http://${value}`;
  if (URL.canParse(text)) return new URL(text);
  throw new TypeError(
    `Cannot use the proxy of environment variable ${name}: it is not a URL`,
  );
}
