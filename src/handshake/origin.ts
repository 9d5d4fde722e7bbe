import { equalsIgnoreCase } from "./tokens.ts";

/**
 * The default of `checkOrigin` (gorilla's `checkSameOrigin`): a request without
 * an Origin header does not come from a browser's page and is allowed; with
 * one, its host and port must equal the Host header.
 *
 * The two are compared as text, whatever the case of ASCII letters, and the
 * scheme is not looked at: a proxy that ends TLS does not change it. Browsers
 * leave a default port out of both headers, so that `http://example.com` and
 * `example.com:80` do not count as equal. Host says what the client dialed only
 * if no proxy in between has rewritten it.
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
  // A path, which only programs send, does not matter.
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

/** A non-empty host and an optional port, without user info. */
function isHost(host: string): boolean {
  if (host === "" || !isClean(host, 0)) return false;
  for (const char of host) {
    if ('@,\\"<>^`{|}'.includes(char)) return false;
  }
  // Past the brackets of an IPv6 address, the first colon begins the port.
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

/** Whether all characters from an index on are printable and not blank. */
function isClean(text: string, start: number): boolean {
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f) return false;
  }
  return true;
}
