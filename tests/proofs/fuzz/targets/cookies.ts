/** Cookies: what servers set, and what is sent of it. */

import { parseCookieDate } from "../../../../src/cookies/cookie_date.ts";
import { MemoryCookieJar } from "../../../../src/cookies/memory_cookie_jar.ts";
import {
  parseSetCookie,
  type SetCookie,
} from "../../../../src/cookies/set_cookie.ts";
import { addCookies } from "../../../../src/handshake/cookie_header.ts";
import { isFieldValue } from "../../../../src/handshake/headers.ts";
import type { Random } from "../random.ts";
import type { Fault, Target } from "../target.ts";
import { changedText, inputOf, someOf, toText } from "./text.ts";

/** The settings of an input: the URL. */
const SETTINGS = 1;
const URLS: readonly string[] = [
  "wss://www.example.com/a/b",
  "ws://example.com/",
  "ws://127.0.0.1:8080/a",
  "wss://[::1]/",
  "ws+unix:/run/app.sock:/",
  "wss://com/",
];

const PAIRS: readonly string[] = [
  "a=b",
  "name=value",
  "=x",
  "a=",
  "__Host-a=b",
];
const ATTRIBUTES: readonly string[] = [
  "Domain=example.com",
  "domain=.EXAMPLE.com",
  "Path=/a",
  "Path=a",
  "Secure",
  "Max-Age=10",
  "Max-Age=-1",
  "Expires=Wed, 21 Oct 2099 07:28:00 GMT",
  "Expires=Thu, 01-Jan-1970 00:00:00 GMT",
  "HttpOnly",
];
const DICTIONARY: readonly string[] = [
  ...ATTRIBUTES,
  ";",
  "=",
  ",",
  " ",
  "\t",
  "\x7f",
  "\x00",
  "\n",
  "\x80",
  ".",
  "/",
  "99999999999999999999",
  "Feb",
  "29",
  "23:59:60",
  "1",
  "expires",
  "\na=c",
  "__proto__=1",
  "__Secure-x=1",
];

/** Set-Cookie headers, one a line. */
export const cookiesTarget: Target = {
  name: "cookies",
  about: "Set-Cookie, cookie dates, the jar, the Cookie header",
  settings: SETTINGS,
  generate(random) {
    const lines: string[] = [];
    for (let i = random.below(3); i >= 0; i--) {
      const pair = random.pick(PAIRS);
      lines.push(`${pair}; ${someOf(random, ATTRIBUTES, "; ")}`);
    }
    if (random.oneIn(100)) lines.push(...many(random));
    const bytes = changedText(random, lines.join("\n"), DICTIONARY);
    return inputOf([random.below(URLS.length)], bytes);
  },
  check(input) {
    const url = new URL(URLS[input[0]! % URLS.length]!);
    return check(url, toText(input.subarray(SETTINGS)).split("\n"));
  },
  describe: (input) =>
    `${URLS[input[0]! % URLS.length]}: ${
      JSON.stringify(toText(input.subarray(SETTINGS, SETTINGS + 500)))
    }`,
};

function many(random: Random): string[] {
  const count = 60 + random.below(100);
  return Array.from({ length: count }, (_, i) => `n${i}=v`);
}

function check(url: URL, lines: readonly string[]): Fault {
  const now = Date.UTC(2026, 0, 1);
  const jar = new MemoryCookieJar();
  const headers = new Headers();
  const names = new Set<string>();
  for (const line of lines) {
    const fault = checkLine(line, now);
    if (fault !== undefined) return fault;
    try {
      headers.append("Set-Cookie", line);
    } catch {
      // No header could have brought it.
    }
  }
  for (const line of headers.getSetCookie()) {
    const cookie = parseSetCookie(line, now);
    if (cookie !== undefined) names.add(cookie.name);
  }
  jar.setCookies(url, headers);
  const sent = jar.getCookies(url);
  const cookies = sent === "" ? [] : sent.split("; ");
  if (!isFieldValue(sent) && /^[\0-\xff]*$/.test(sent)) {
    return `cookie: ${JSON.stringify(sent)}`;
  }
  // 50 of each of two domains, the host's and that above it.
  if (cookies.length > 100) return `memory: ${cookies.length} cookies`;
  for (const cookie of cookies) {
    const name = cookie.split("=", 1)[0]!;
    if (!names.has(name)) return `cookie: ${JSON.stringify(cookie)} is unknown`;
  }
  const given: [string, string][] = [["A", "b"], ["Cookie", "own=1; a=mine"]];
  const joined = addCookies(given, sent).filter(([name]) => name === "Cookie");
  const [[, value = ""] = []] = joined;
  return joined.length === 1 && value.startsWith("own=1; a=mine") &&
      !/(^|; )a=(?!mine)/.test(value)
    ? undefined
    : `joined: ${JSON.stringify(joined)}`;
}

/** RFC 6265, section 5.2, step by step. */
function checkLine(line: string, now: number): Fault {
  const cookie = parseSetCookie(line, now);
  const expected = readLine(line, now);
  if (JSON.stringify(cookie) !== JSON.stringify(expected)) {
    return `set: ${JSON.stringify(cookie)} and not ${JSON.stringify(expected)}`;
  }
  const date = parseCookieDate(line);
  // RFC 6265, section 5.1.1: from 1601 on; of the year 4 digits count.
  const valid = date === undefined ||
    date >= Date.UTC(1601, 0) && date < Date.UTC(10_000, 0);
  return valid ? undefined : `date: ${date}`;
}

function readLine(line: string, now: number): SetCookie | undefined {
  // RFC 6265bis, section 5.6: control characters but the tab.
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(line)) return undefined;
  const parts = line.split(";").map((part): [string, string | undefined] => {
    const [, key = "", value] = /^([^=]*)(?:=([^]*))?$/.exec(part)!;
    return [trim(key), value === undefined ? undefined : trim(value)];
  });
  const [[name, value], ...attributes] = parts as [
    [string, string | undefined],
    ...[string, string | undefined][],
  ];
  if (value === undefined || name === "") return undefined;
  if (name.length + value.length > 4096) return undefined;
  const last = (wanted: string, fits: (value: string) => boolean) =>
    attributes.findLast(([key, value = ""]) =>
      key.toLowerCase() === wanted && value.length <= 1024 && fits(value)
    )?.[1];
  const age = last("max-age", (value) => /^-?\d+$/.test(value));
  const date = last("expires", (value) => parseCookieDate(value) !== undefined);
  const path = last("path", () => true) ?? "";
  return {
    name,
    value,
    expires: age !== undefined
      ? Number(age) <= 0 ? -Infinity : now + Number(age) * 1000
      : date !== undefined
      ? parseCookieDate(date)!
      : Infinity,
    domain: last("domain", (value) => value !== "")?.replace(/^\./, "")
      .toLowerCase() ?? "",
    path: path.startsWith("/") ? path : "",
    secure: attributes.some(([key, value = ""]) =>
      key.toLowerCase() === "secure" && value.length <= 1024
    ),
  };
}

function trim(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, "");
}
