/** The Cookie header with the cookies of both a jar and the application. */

import { isFieldValue } from "./headers.ts";

/**
 * Adds a jar's cookies to a request's headers. A request has only one Cookie
 * header (RFC 6265, section 5.4), so they are joined with the application's,
 * which take precedence over a cookie of the same name.
 *
 * @param headers The request's headers, checked
 * @param cookies The jar's cookies: the value of a Cookie header, or empty
 * @returns The headers with the cookies
 * @throws {TypeError} If the jar's cookies are not a valid header value
 */
export function addCookies(
  headers: readonly [string, string][],
  cookies: string,
): [string, string][] {
  if (typeof cookies !== "string" || !isFieldValue(cookies)) {
    throw new TypeError(
      "Cannot send the jar's cookies: they must be a string without control " +
        "characters",
    );
  }
  const given = headers.filter(([name]) => isCookie(name))
    .flatMap(([, value]) => split(value));
  const names = new Set(given.map(nameOf));
  const added = split(cookies).filter((cookie) => !names.has(nameOf(cookie)));
  if (added.length === 0) return [...headers];

  const value = [...given, ...added].join("; ");
  const first = headers.findIndex(([name]) => isCookie(name));
  if (first < 0) return [...headers, ["Cookie", value]];
  const result: [string, string][] = [];
  for (const [i, [name, other]] of headers.entries()) {
    if (i === first) result.push([name, value]);
    else if (!isCookie(name)) result.push([name, other]);
  }
  return result;
}

function split(value: string): string[] {
  return value.split(";").map((cookie) => cookie.trim())
    .filter((cookie) => cookie !== "");
}

function nameOf(cookie: string): string {
  const equals = cookie.indexOf("=");
  return (equals < 0 ? cookie : cookie.slice(0, equals)).trimEnd();
}

function isCookie(name: string): boolean {
  return name.toLowerCase() === "cookie";
}
