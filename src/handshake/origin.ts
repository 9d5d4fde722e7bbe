import { quote } from "./quote.ts";
import { equalsIgnoreCase } from "./tokens.ts";

/**
 * The default of `checkOrigin` (gorilla's `checkSameOrigin`): a request without
 * an Origin header does not come from a web page, and is allowed; otherwise,
 * the origin's host and port must equal the Host header.
 *
 * The two are compared as text, ignoring the case of ASCII letters. The scheme
 * is not compared, as it is unknown behind a proxy that terminates TLS.
 * Browsers leave a default port out of both headers, so `http://example.com`
 * and `example.com:80` do not count as equal. Host is what the client dialed
 * only if no proxy has rewritten it.
 *
 * @param request The upgrade request
 * @returns Whether its origin is allowed
 */
export function checkSameOrigin(request: Request): boolean {
  const origin = request.headers.get("origin");
  if (origin === null) return true;
  const host = request.headers.get("host");
  const originHost = hostOf(origin);
  return host !== null && originHost !== undefined &&
    equalsIgnoreCase(originHost, host);
}

/**
 * Why an origin is not allowed, for an error message.
 *
 * @param request The upgrade request
 * @param byDefault Whether `checkSameOrigin` refused it, not the user's
 * callback
 * @returns The reason, with the origin and the host
 */
export function originFault(request: Request, byDefault: boolean): string {
  const { headers } = request;
  const origin = shown("origin", headers.get("origin"));
  const host = shown("host", headers.get("host"));
  return byDefault
    ? `${origin} is not ${host}: see checkOrigin`
    : `checkOrigin refuses ${origin} on ${host}`;
}

const MAX_SHOWN = 256;

// What could be mistaken for our own words is quoted.
function shown(what: string, value: string | null): string {
  if (value === null) return `no ${what}`;
  const plain = value !== "" && value.length <= MAX_SHOWN && isClean(value, 0);
  return `${what} ${plain ? value : quote(value)}`;
}

/**
 * The host, with its port, of a serialized origin (RFC 6454, section 7.1).
 * Not by `URL`, which drops default ports and repairs what is malformed.
 * `undefined` for "null", for anything with user info, and for several origins.
 */
function hostOf(origin: string): string | undefined {
  const colon = origin.indexOf(":");
  if (colon <= 0 || !isScheme(origin, colon)) return undefined;
  if (!origin.startsWith("//", colon + 1)) return undefined;
  const start = colon + 3;
  let end = start;
  // Browsers send no path. One that another program sends is ignored.
  while (end < origin.length && !"/?#".includes(origin.charAt(end))) end++;
  const host = origin.slice(start, end);
  return isHost(host) && isClean(origin, end) ? host : undefined;
}

/** Whether the first `end` characters are a scheme (RFC 3986, section 3.1). */
function isScheme(text: string, end: number): boolean {
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i);
    const letter = code >= 0x41 && code <= 0x5a || code >= 0x61 && code <= 0x7a;
    const other = code >= 0x30 && code <= 0x39 || code === 0x2b ||
      code === 0x2d || code === 0x2e;
    if (!letter && (i === 0 || !other)) return false;
  }
  return true;
}

/** Whether it is a non-empty host and an optional port, without user info. */
function isHost(host: string): boolean {
  if (host === "" || !isClean(host, 0)) return false;
  for (const char of host) {
    if ('@,\\"<>^`{|}'.includes(char)) return false;
  }
  // The first colon after the brackets of an IPv6 address begins the port.
  const bracket = host.lastIndexOf("]");
  const colon = host.indexOf(":", bracket + 1);
  if (bracket >= 0) {
    if (!host.startsWith("[")) return false;
    const behind = colon < 0 ? host.length : colon;
    if (behind !== bracket + 1) return false;
  } else if (host.includes("[")) {
    return false;
  }
  if (colon === 0) return false;
  return colon < 0 || isPort(host, colon + 1);
}

function isPort(host: string, start: number): boolean {
  for (let i = start; i < host.length; i++) {
    const code = host.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}

/**
 * Whether all characters from an index on are printable, and none is a space.
 */
function isClean(text: string, start: number): boolean {
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f) return false;
  }
  return true;
}
