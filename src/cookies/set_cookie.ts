import { parseCookieDate } from "./cookie_date.ts";

/** The content of a Set-Cookie header. */
export interface SetCookie {
  /** The name, never empty. */
  readonly name: string;
  /** The value, as it was sent. */
  readonly value: string;
  /** Milliseconds since 1970, or `Infinity` for a session cookie. */
  readonly expires: number;
  /** In lower case, without a dot before it; an empty string if not given. */
  readonly domain: string;
  /** An empty string if not given, or not an absolute path. */
  readonly path: string;
  /** Whether it may only be sent over TLS. */
  readonly secure: boolean;
}

// The least that RFC 6265, section 6.1, asks for.
const MAX_COOKIE_LENGTH = 4096;
const MAX_ATTRIBUTE_LENGTH = 1024;

/**
 * Reads a Set-Cookie header (RFC 6265, section 5.2). Unknown attributes are
 * ignored, and so are HttpOnly and SameSite, which mean nothing to a WebSocket
 * client.
 *
 * @param text The header's value
 * @param now The time, in milliseconds since 1970
 * @returns What it says, or `undefined` if it must be ignored
 */
export function parseSetCookie(
  text: string,
  now: number,
): SetCookie | undefined {
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text)) return undefined;
  const [pair = "", ...attributes] = text.split(";");
  const equals = pair.indexOf("=");
  if (equals < 0) return undefined;
  const name = trim(pair.slice(0, equals));
  const value = trim(pair.slice(equals + 1));
  if (name === "" || name.length + value.length > MAX_COOKIE_LENGTH) {
    return undefined;
  }

  let expires: number | undefined;
  let maxAge: number | undefined;
  let domain = "";
  let path = "";
  let secure = false;
  // If an attribute is repeated, the last one counts.
  for (const attribute of attributes) {
    const [key, content] = splitAttribute(attribute);
    if (content.length > MAX_ATTRIBUTE_LENGTH) continue;
    switch (key) {
      case "expires":
        expires = parseCookieDate(content) ?? expires;
        break;
      case "max-age":
        if (/^-?[0-9]+$/.test(content)) maxAge = Number(content);
        break;
      case "domain":
        // Section 5.2.3: an empty one is ignored.
        if (content !== "") domain = content.replace(/^\./, "").toLowerCase();
        break;
      case "path":
        path = content.startsWith("/") ? content : "";
        break;
      case "secure":
        secure = true;
    }
  }
  if (maxAge !== undefined) {
    // Section 5.2.2; it has precedence over Expires (section 5.3).
    expires = maxAge <= 0 ? -Infinity : now + maxAge * 1000;
  }
  expires ??= Infinity;
  return { name, value, expires, domain, path, secure };
}

function splitAttribute(attribute: string): [key: string, content: string] {
  const equals = attribute.indexOf("=");
  if (equals < 0) return [trim(attribute).toLowerCase(), ""];
  return [
    trim(attribute.slice(0, equals)).toLowerCase(),
    trim(attribute.slice(equals + 1)),
  ];
}

/** Without the spaces and tabs around it. */
function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
