import { assertEquals } from "@std/assert";
import {
  defaultPath,
  domainMatches,
  domainsOf,
  pathMatches,
} from "../../../src/cookies/matching.ts";
import { test } from "../../support/helper.ts";

test("domainMatches() takes the domain and what is below it", () => {
  for (
    const [host, domain, matches] of [
      ["example.com", "example.com", true],
      ["a.b.example.com", "example.com", true],
      ["badexample.com", "example.com", false],
      ["example.com", "a.example.com", false],
      ["example.com.evil", "example.com", false],
      ["192.0.2.1", "192.0.2.1", true],
      ["192.0.2.1", "2.1", false],
      ["[::1]", "[::1]", true],
    ] as const
  ) assertEquals(domainMatches(host, domain), matches, `${host} ${domain}`);
});

test("domainsOf() lists a host's domains, but an address's only itself", () => {
  assertEquals(domainsOf("a.example.com"), [
    "a.example.com",
    "example.com",
    "com",
  ]);
  assertEquals(domainsOf("localhost"), ["localhost"]);
  assertEquals(domainsOf("192.0.2.1"), ["192.0.2.1"]);
  assertEquals(domainsOf("[2001:db8::1.2]"), ["[2001:db8::1.2]"]);
});

test("pathMatches() compares whole segments", () => {
  for (
    const [path, under, matches] of [
      ["/", "/", true],
      ["/a", "/", true],
      ["/a", "/a", true],
      ["/a/b", "/a", true],
      ["/a/b", "/a/", true],
      ["/a", "/a/", false],
      ["/ab", "/a", false],
      ["/A", "/a", false],
      ["/", "/a", false],
    ] as const
  ) assertEquals(pathMatches(path, under), matches, `${path} ${under}`);
});

test("defaultPath() is the path up to the last slash", () => {
  for (
    const [path, result] of [
      ["/", "/"],
      ["/a", "/"],
      ["/a/", "/a"],
      ["/a/b", "/a"],
      ["", "/"],
    ] as const
  ) assertEquals(defaultPath(path), result, path);
});
