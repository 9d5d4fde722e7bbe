import { assert, assertEquals } from "@std/assert";
import { test } from "../../support/helper.ts";
import { checkSameOrigin } from "../../../src/handshake/origin.ts";
import { countSteps } from "./steps.ts";

function check(host: string | undefined, ...origins: string[]): boolean {
  const headers = new Headers();
  if (host !== undefined) headers.append("Host", host);
  for (const origin of origins) headers.append("Origin", origin);
  return checkSameOrigin(new Request("http://ignored.test/", { headers }));
}

const CASES: [host: string | undefined, origin: string, allowed: boolean][] = [
  ["example.org", "https://example.org", true],
  ["example.org", "http://example.org", true],
  ["example.org", "HTTPS://EXAMPLE.org", true],
  ["Example.ORG", "https://example.org", true],
  ["example.org:8080", "http://example.org:8080", true],
  ["[::1]", "http://[::1]", true],
  ["[::1]:8080", "http://[::1]:8080", true],
  ["[FE80::1]:80", "http://[fe80::1]:80", true],
  ["h:1234567890", "http://h:1234567890", true],
  ["h", "az+-.09AZ://h", true],
  ["127.0.0.1:3000", "http://127.0.0.1:3000", true],
  ["abc", "chrome-extension://abc", true],
  ["example.org", "http://example.org/", true],
  ["example.org", "http://example.org/path?query", true],
  // Another host or port.
  ["example.org", "https://other.org", false],
  ["example.org", "https://example.org.evil.test", false],
  ["example.org", "https://evil.test/example.org", false],
  ["example.org", "https://sub.example.org", false],
  ["example.org", "https://example.org.", false],
  ["example.org.", "https://example.org", false],
  ["example.org", "http://example.org:8080", false],
  ["example.org:8080", "http://example.org", false],
  ["example.org:8080", "http://example.org:8081", false],
  ["[::1]", "http://[::2]", false],
  ["[::1]:1", "http://[::1]", false],
  // Compared as text: a default port counts.
  ["example.org:80", "http://example.org", false],
  ["example.org", "http://example.org:80", false],
  ["example.org", "https://example.org:443", false],
  ["example.org:80", "http://example.org:80", true],
  // No host, or nothing that is an origin.
  ["example.org", "null", false],
  ["example.org", "", false],
  ["example.org", "example.org", false],
  ["example.org", "//example.org", false],
  ["example.org", "http:example.org", false],
  ["example.org", "http:/example.org", false],
  ["example.org", "http://", false],
  ["example.org", "http:///example.org", false],
  ["example.org", "://example.org", false],
  ["example.org", "1http://example.org", false],
  ["h", "+a://h", false],
  ["h", "a@://h", false],
  ["h", "a[://h", false],
  ["h", "a`://h", false],
  ["h", "a{://h", false],
  ["h", "a/://h", false],
  ["h", "a;://h", false],
  ["h:/", "http://h:/", false],
  ["h:;", "http://h:;", false],
  ["example.org", "ht tp://example.org", false],
  ["example.org", "file:///example.org", false],
  ["example.org", "http://example.org, http://evil.test", false],
  ["example.org", "http://example.org http://evil.test", false],
  ["example.org", "http://example.org/ http://evil.test", false],
  // User info.
  ["example.org", "http://evil.test@example.org", false],
  ["example.org", "http://a:b@example.org", false],
  ["example.org", "http://@example.org", false],
  ["a@example.org", "http://a@example.org", false],
  ["example.org", "http://evil.test\\@example.org", false],
  // Malformed, even where Host is malformed alike.
  ["", "http://", false],
  [":80", "http://:80", false],
  ["h:8a", "http://h:8a", false],
  ["h:1:2", "http://h:1:2", false],
  ["[::1", "http://[::1", false],
  ["::1]", "http://::1]", false],
  ["[::1]x", "http://[::1]x", false],
  ["h\u00e9", "http://h\u00e9", false],
  ["\u00e9.org", "http://\u00c9.org", false],
  [undefined, "http://example.org", false],
  [undefined, "null", false],
];

test("checkSameOrigin() compares the origin's host with Host", () => {
  for (const [host, origin, allowed] of CASES) {
    assertEquals(check(host, origin), allowed, `${origin} at ${host}`);
  }
});

test("checkSameOrigin() allows a request without an origin", () => {
  assert(check("example.org"));
  assert(check(undefined));
});

test("checkSameOrigin() refuses several origins", () => {
  assert(!check("example.org", "http://example.org", "http://example.org"));
  assert(!check("example.org", "http://evil.test", "http://example.org"));
});

test("checkSameOrigin() reads a hostile origin once", () => {
  for (const unit of ["a", "/", ":", "[", "@", "a.", "http://"]) {
    const origin = "http://" + unit.repeat(65_536 / unit.length);
    const headers = { host: origin.slice(7), origin };
    const request = new Request("http://ignored.test/", { headers });
    const steps = countSteps(() => checkSameOrigin(request));
    assert(steps > 0 && steps <= 32 * origin.length, `${steps} for ${unit}`);
  }
});
