import { proxyFor } from "../proxy/environment.ts";
import { parseProxyURL, type ProxyServer } from "../proxy/proxy_url.ts";
import { readVariable } from "../runtime/environment.ts";
import { isInstance } from "../base/user_values.ts";

/**
 * Chooses the proxy of a dial (gorilla's `Dialer.Proxy`).
 *
 * @param url The URL to dial: `ws:` or `wss:`
 * @returns The proxy's URL; `undefined` or `null` for none
 */
export type ProxyFunction = (url: URL) => URL | string | null | undefined;

/**
 * The proxy that the environment names for a URL, by the rules of Go's
 * `http.ProxyFromEnvironment`; for the `proxy` of a Dialer. The variables are
 * read at each call. Their names may be in upper or lower case, and an empty
 * one counts as not set.
 *
 * - HTTP_PROXY is for `ws:`, HTTPS_PROXY for `wss:`, and ALL_PROXY for either
 *   where its own is not set. Each holds a URL like a Dialer's `proxy`;
 *   `http://` may be left out. HTTP_PROXY in upper case is ignored in CGI
 *   programs, where it holds a header that the web server's client sent.
 * - NO_PROXY lists what is dialed without a proxy, separated by commas or
 *   spaces: `example.com` (and its subdomains), `.example.com` (only its
 *   subdomains), `192.0.2.1`, `192.0.2.0/24`, or `*` for everything. All but
 *   ranges may have a `:port`.
 * - `localhost`, 127.0.0.0/8 and ::1 are never dialed through a proxy, and
 *   neither are Unix sockets.
 *
 * A variable that Deno has no permission to read counts as not set; there is no
 * prompt for the permission.
 *
 * @param url The URL
 * @returns The proxy, or `undefined` for none
 * @throws {TypeError} If the variable that applies does not hold a URL
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

/** Chooses a dial's proxy; rejects if the application's function throws. */
export type ProxyChooser = (url: URL) => Promise<ProxyServer | undefined>;

/**
 * Checks a Dialer's `proxy`.
 *
 * @param option The option
 * @returns The function that chooses the proxy of each dial; `undefined` if
 * there is none
 * @throws {TypeError} If it is neither a function nor a proxy's URL
 */
export function proxyChooser(
  option: URL | string | ProxyFunction | null | undefined,
): ProxyChooser | undefined {
  if (option === undefined || option === null) return undefined;
  if (typeof option !== "function") {
    const server = parseProxyURL(option);
    return () => Promise.resolve(server);
  }
  return async (url) => {
    const chosen = option(new URL(url.href));
    if (isInstance(chosen, Promise)) {
      // If it rejects, its own error says more.
      await chosen;
      throw new TypeError(
        "Cannot use what proxy returned: it must be a URL, not a promise of one",
      );
    }
    return chosen === undefined || chosen === null
      ? undefined
      : parseProxyURL(chosen);
  };
}
