import { proxyFor } from "./proxy/environment.ts";
import { parseProxyURL, type ProxyServer } from "./proxy/proxy_url.ts";
import { readVariable } from "./runtime/environment.ts";

/**
 * Chooses the proxy of a dial (gorilla's `Dialer.Proxy`).
 *
 * @param url The URL that is dialed: `ws:` or `wss:`
 * @returns The proxy's URL; `undefined` or `null` for none
 */
export type ProxyFunction = (url: URL) => URL | string | null | undefined;

/**
 * The proxy that the environment names for a URL, by the rules of Go's
 * `http.ProxyFromEnvironment`: for a Dialer's `proxy`. The variables are read
 * at each call, and may be written in upper or lower case; an empty one is none.
 *
 * - HTTP_PROXY is for `ws:`, HTTPS_PROXY for `wss:`, and ALL_PROXY for both
 *   where there is no such one: a URL as of a Dialer's `proxy`, whose `http://`
 *   may be left out. HTTP_PROXY in upper case does not count in CGI programs,
 *   where the client of the web server sets it.
 * - NO_PROXY lists what is dialed without one, with commas or spaces between:
 *   `example.com` (with all below it), `.example.com` (what is below it alone),
 *   `192.0.2.1`, `192.0.2.0/24`, any but ranges with a `:port`, and `*`.
 * - `localhost`, 127.0.0.0/8 and ::1 are never dialed through a proxy, nor are
 *   unix sockets.
 *
 * A variable that Deno was given no permission to read counts as not set, and
 * the permission is not asked for.
 *
 * @param url The URL
 * @returns The proxy, or `undefined` for none
 * @throws {TypeError} If the variable that counts holds no URL
 *
 * @example Usage
 * ```ts
 * import { Dialer, proxyFromEnvironment } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const dialer = new Dialer({ proxy: proxyFromEnvironment });
 * assertEquals(proxyFromEnvironment(new URL("ws://localhost/")), undefined);
 * ```
 */
export function proxyFromEnvironment(url: URL): URL | undefined {
  return proxyFor(url, readVariable);
}

/** Chooses a dial's proxy; may throw what the application's function throws. */
export type ProxyChooser = (url: URL) => ProxyServer | undefined;

/**
 * Checks a Dialer's `proxy`.
 *
 * @param option The option
 * @returns What chooses the proxy of each dial; `undefined` if there is none
 * @throws {TypeError} If it is none of a function and a proxy's URL
 */
export function proxyChooser(
  option: URL | string | ProxyFunction | null | undefined,
): ProxyChooser | undefined {
  if (option === undefined || option === null) return undefined;
  if (typeof option !== "function") {
    const server = parseProxyURL(option);
    return () => server;
  }
  return (url) => {
    const chosen = option(new URL(url.href));
    return chosen === undefined || chosen === null
      ? undefined
      : parseProxyURL(chosen);
  };
}
