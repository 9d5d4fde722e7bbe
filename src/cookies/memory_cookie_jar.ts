import type { CookieJar } from "./cookie_jar.ts";
import {
  cookieHost,
  defaultPath,
  domainMatches,
  domainsOf,
  isDomain,
  pathMatches,
} from "./matching.ts";
import { parseSetCookie, type SetCookie } from "./set_cookie.ts";

// The least that RFC 6265, section 6.1, asks for.
const MAX_COOKIES_PER_DOMAIN = 50;
const MAX_COOKIES = 3000;
// Each may have to be compared with all cookies in the jar. No honest server
// sends more, as a domain keeps only 50.
const MAX_COOKIES_PER_ANSWER = 256;

/** Where a cookie belongs. */
interface Scope {
  readonly domain: string;
  readonly path: string;
  /** Whether it is only for the host itself, not for subdomains. */
  readonly hostOnly: boolean;
}

interface Cookie extends SetCookie, Scope {
  /** By the jar's count of events, so that none are equal. */
  readonly created: number;
  /** When it was last sent or set, by the same count. */
  used: number;
}

/** The cookies of one domain, by name and path. */
type Cookies = Map<string, Cookie>;

/**
 * A cookie jar in memory (RFC 6265, section 5). It respects cookies' domains,
 * paths, expiry and Secure, and the name prefixes `__Secure-` and `__Host-`.
 *
 * It has no list of public suffixes. A cookie for a domain without a dot, such
 * as `com`, is refused, but one that a host below `co.uk` sets for all of
 * `co.uk` is accepted: use separate jars for hosts that do not trust each
 * other.
 *
 * It holds 50 cookies of 4096 bytes for each domain and 3000 in all. Beyond
 * that, expired cookies are removed first, then the least recently used. It
 * accepts the first 256 cookies of an answer.
 *
 * @example Usage
 * ```ts
 * import { Dialer, MemoryCookieJar } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const jar = new MemoryCookieJar();
 * // For example, what `fetch()` got from https://example.com/login.
 * const response = new Response(null, {
 *   headers: { "Set-Cookie": "session=1; Path=/; Secure; HttpOnly" },
 * });
 * jar.setCookies(new URL("https://example.com/login"), response.headers);
 *
 * const dialer = new Dialer({ jar }); // sends it to wss://example.com/chat
 * assertEquals(jar.getCookies(new URL("wss://example.com/chat")), "session=1");
 * assertEquals(jar.getCookies(new URL("ws://example.com/chat")), "");
 * ```
 */
export class MemoryCookieJar implements CookieJar {
  readonly #domains: Map<string, Cookies> = new Map();
  #size = 0;
  #clock = 0;

  /**
   * The cookies to send to a URL, those with longer paths first, then older
   * ones (RFC 6265, section 5.4).
   *
   * @param url A URL of scheme `ws`, `wss`, `http` or `https`
   * @returns The value of the Cookie header; an empty string for none
   */
  getCookies(url: URL): string {
    const { pathname } = url;
    const hostname = cookieHost(url);
    const secure = isSecure(url);
    const now = Date.now();
    const cookies: Cookie[] = [];
    for (const domain of domainsOf(hostname)) {
      for (const cookie of this.#domains.get(domain)?.values() ?? []) {
        if (cookie.expires <= now) this.#remove(cookie);
        else if (
          (!cookie.hostOnly || domain === hostname) &&
          (!cookie.secure || secure) && pathMatches(pathname, cookie.path)
        ) cookies.push(cookie);
      }
    }
    cookies.sort((a, b) =>
      b.path.length - a.path.length || a.created - b.created
    );
    const used = ++this.#clock;
    for (const cookie of cookies) cookie.used = used;
    return cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  }

  /**
   * Stores the cookies of an answer. Those that the host may not set are
   * ignored.
   *
   * @param url A URL of scheme `ws`, `wss`, `http` or `https`
   * @param headers The answer's headers
   */
  setCookies(url: URL, headers: Headers): void {
    // A Unix socket has no host that cookies could belong to.
    if (cookieHost(url) === "") return;
    const now = Date.now();
    const texts = headers.getSetCookie().slice(0, MAX_COOKIES_PER_ANSWER);
    for (const text of texts) {
      const given = parseSetCookie(text, now);
      const scope = given && scopeOf(given, url);
      if (scope !== undefined) this.#set({ ...given!, ...scope }, url, now);
    }
  }

  /** RFC 6265, section 5.3, from step 11 on. */
  #set(cookie: SetCookie & Scope, url: URL, now: number): void {
    if (!isSecure(url) && this.#wouldHide(cookie)) return;
    const old = this.#domains.get(cookie.domain)?.get(keyOf(cookie));
    if (old !== undefined) this.#remove(old);
    if (cookie.expires <= now) return;
    let cookies = this.#domains.get(cookie.domain);
    if (cookies === undefined) {
      this.#domains.set(cookie.domain, cookies = new Map());
    }
    const created = ++this.#clock;
    const kept = { ...cookie, created: old?.created ?? created, used: created };
    cookies.set(keyOf(kept), kept);
    this.#size++;
    if (cookies.size > MAX_COOKIES_PER_DOMAIN) this.#evict([cookies], now);
    if (this.#size > MAX_COOKIES) this.#evict([...this.#domains.values()], now);
  }

  /**
   * Whether a cookie that came without TLS would hide one that is for TLS only
   * (RFC 6265bis, section 5.7).
   */
  #wouldHide(cookie: SetCookie & Scope): boolean {
    for (const [domain, cookies] of this.#domains) {
      if (
        !domainMatches(domain, cookie.domain) &&
        !domainMatches(cookie.domain, domain)
      ) continue;
      for (const { name, secure, path } of cookies.values()) {
        if (
          secure && name === cookie.name && pathMatches(cookie.path, path)
        ) return true;
      }
    }
    return false;
  }

  /**
   * Removes expired cookies or, if there are none, the least recently used one.
   */
  #evict(domains: readonly Cookies[], now: number): void {
    let least: Cookie | undefined;
    let expired = false;
    for (const cookies of domains) {
      for (const cookie of cookies.values()) {
        if (cookie.expires <= now) {
          this.#remove(cookie);
          expired = true;
        } else if (least === undefined || cookie.used < least.used) {
          least = cookie;
        }
      }
    }
    if (!expired && least !== undefined) this.#remove(least);
  }

  #remove(cookie: Cookie): void {
    const cookies = this.#domains.get(cookie.domain);
    if (cookies?.delete(keyOf(cookie)) !== true) return;
    this.#size--;
    if (cookies.size === 0) this.#domains.delete(cookie.domain);
  }
}

function keyOf({ path, name }: Pick<Cookie, "path" | "name">): string {
  return `${path}\n${name}`;
}

/** Where a cookie belongs, or `undefined` if the host may not set it so. */
function scopeOf(given: SetCookie, url: URL): Scope | undefined {
  const hostname = cookieHost(url);
  const path = given.path === "" ? defaultPath(url.pathname) : given.path;
  const domain = given.domain === "" ? hostname : given.domain;
  if (given.domain !== "" && !isDomain(domain)) return undefined;
  if (!domainMatches(hostname, domain)) return undefined;
  // A cookie for a whole top-level domain: only that host itself may set one.
  if (!domain.includes(".") && domain !== hostname) return undefined;
  // The rest is RFC 6265bis, section 5.7.
  if (given.secure && !isSecure(url)) return undefined;
  const name = given.name.toLowerCase();
  if (name.startsWith("__secure-") && !given.secure) return undefined;
  if (
    name.startsWith("__host-") &&
    !(given.secure && given.domain === "" && given.path === "/")
  ) return undefined;
  const hostOnly = given.domain === "" || !domain.includes(".");
  return { domain, path, hostOnly };
}

function isSecure({ protocol }: URL): boolean {
  return protocol === "wss:" || protocol === "https:";
}
