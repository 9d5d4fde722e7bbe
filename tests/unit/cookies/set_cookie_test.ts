import process from "node:process";

import { assert, assertEquals } from "@std/assert";
import {
  parseSetCookie,
  type SetCookie,
} from "../../../src/cookies/set_cookie.ts";
import { test } from "../../support/helper.ts";

const NOW = Date.UTC(2030, 0, 1);
const PLAIN: SetCookie = {
  name: "a",
  value: "b",
  expires: Infinity,
  domain: "",
  path: "",
  secure: false,
};

const CASES: [text: string, cookie: Partial<SetCookie>][] = [
  ["a=b", {}],
  [" a \t=  b ", {}],
  ["a=", { value: "" }],
  ["a=b=c", { value: "b=c" }],
  ['a="b c"', { value: '"b c"' }],
  ["__proto__=b", { name: "__proto__" }],
  ["a=\u00fc", { value: "\u00fc" }],
  ["a=b;", {}],
  ["a=b; HttpOnly; SameSite=Strict; unknown=x; =y; ;", {}],
  ["a=b;SECURE", { secure: true }],
  ["a=b; secure=no", { secure: true }],
  ["a=b; Domain=Example.COM", { domain: "example.com" }],
  ["a=b; domain = .example.com ", { domain: "example.com" }],
  ["a=b; domain=a.com; domain=b.com", { domain: "b.com" }],
  ["a=b; domain=a.com; domain=", { domain: "a.com" }],
  ["a=b; Path=/x/", { path: "/x/" }],
  ["a=b; path=/x; path=/y", { path: "/y" }],
  ["a=b; path=/x; path=y", { path: "" }],
  ["a=b; path", { path: "" }],
  ["a=b; Max-Age=10", { expires: NOW + 10_000 }],
  ["a=b; max-age=0", { expires: -Infinity }],
  ["a=b; max-age=-5", { expires: -Infinity }],
  ["a=b; max-age=1e3", {}],
  ["a=b; max-age=+1", {}],
  ["a=b; max-age=", {}],
  [`a=b; max-age=${"9".repeat(400)}`, { expires: Infinity }],
  ["a=b; Expires=Wed, 02 Jan 2030 00:00:00 GMT", {
    expires: NOW + 86_400_000,
  }],
  ["a=b; expires=never", {}],
  ["a=b; max-age=10; expires=Wed, 02 Jan 2030 00:00:00 GMT", {
    expires: NOW + 10_000,
  }],
  [`a=b; path=/${"x".repeat(1024)}`, {}],
];

test("parseSetCookie() reads cookies and their attributes", () => {
  for (const [text, cookie] of CASES) {
    assertEquals(parseSetCookie(text, NOW), { ...PLAIN, ...cookie }, text);
  }
});

test("parseSetCookie() ignores what is no cookie, or too large", () => {
  for (
    const text of [
      "",
      "a",
      "=b",
      " =b",
      "; a=b",
      "a=b\u0001",
      "a=b; path=/\u007f",
      `a=${"x".repeat(4096)}`,
      `${"x".repeat(4096)}=b`,
    ]
  ) assertEquals(parseSetCookie(text, NOW), undefined, text.slice(0, 20));
  assertEquals(parseSetCookie(`a=${"x".repeat(4095)}`, NOW)?.name, "a");
});

test("parseSetCookie() takes time in proportion to the text", () => {
  const before = process.cpuUsage();
  for (const char of [" ", ";", "=", "\t", "-", "0", "a=b; expires="]) {
    parseSetCookie(`a=${" ".repeat(9)}${char.repeat(60_000)}x`, NOW);
    parseSetCookie(`a=b; expires=${char.repeat(60_000)}x`, NOW);
  }
  const { user, system } = process.cpuUsage(before);
  assert(user + system < 2_000_000, `${user + system} µs`);
});
