import { assertEquals } from "@std/assert";
import { isInNoProxy } from "../../../src/proxy/no_proxy.ts";
import { test } from "../../support/helper.ts";

const CASES: [list: string, host: string, port: number, named: boolean][] = [
  ["", "example.com", 80, false],
  [" , ,", "example.com", 80, false],
  ["*", "example.com", 80, true],
  ["other, *", "192.0.2.1", 80, true],
  // Hosts and those below them.
  ["example.com", "example.com", 80, true],
  ["example.com", "a.b.example.com", 443, true],
  ["example.com", "badexample.com", 80, false],
  ["example.com", "example.com.evil", 80, false],
  ["EXAMPLE.com", "example.com", 80, true],
  ["example.com.", "example.com", 80, true],
  ["example.com", "example.com.", 80, true],
  ["a.com,example.com", "example.com", 80, true],
  ["a.com example.com\tb.com", "example.com", 80, true],
  ["com", "example.com", 80, true],
  ["b\u00fccher.example", "xn--bcher-kva.example", 80, true],
  [".b\u00fccher.example", "a.xn--bcher-kva.example", 80, true],
  // Suffixes.
  [".example.com", "example.com", 80, false],
  [".example.com", "a.example.com", 80, true],
  ["*.example.com", "a.example.com", 80, true],
  ["*.example.com", "example.com", 80, false],
  ["a*.example.com", "ab.example.com", 80, false],
  [".", "example.com", 80, false],
  ["*.", "example.com", 80, false],
  // Ports.
  ["example.com:80", "example.com", 80, true],
  ["example.com:80", "example.com", 443, false],
  ["example.com:", "example.com", 443, true],
  ["example.com:http", "example.com", 80, false],
  [".example.com:8080", "a.example.com", 8080, true],
  ["192.0.2.1:81", "192.0.2.1", 81, true],
  ["192.0.2.1:81", "192.0.2.1", 80, false],
  ["[2001:db8::1]:81", "2001:db8::1", 81, true],
  ["[2001:db8::1]:81", "2001:db8::1", 82, false],
  // Addresses.
  ["192.0.2.1", "192.0.2.1", 80, true],
  ["192.0.2.1", "192.0.2.10", 80, false],
  ["2.1", "192.0.2.1", 80, false],
  ["2001:db8::1", "2001:db8::1", 80, true],
  ["[2001:DB8:0::1]", "2001:db8::1", 80, true],
  ["::ffff:192.0.2.1", "192.0.2.1", 80, true],
  ["[::1", "::1", 80, false],
  // Ranges.
  ["192.0.2.0/24", "192.0.2.200", 80, true],
  ["192.0.2.77/24", "192.0.2.200", 80, true],
  ["192.0.2.0/24", "192.0.3.1", 80, false],
  ["192.0.2.0/32", "192.0.2.0", 80, true],
  ["0.0.0.0/0", "192.0.2.1", 80, true],
  ["0.0.0.0/0", "2001:db8::1", 80, false],
  ["2001:db8::/32", "2001:db8:ffff::1", 80, true],
  ["2001:db8::/32", "2001:db9::1", 80, false],
  ["::ffff:192.0.2.0/120", "192.0.2.9", 80, true],
  ["::ffff:192.0.2.0/24", "192.0.2.9", 80, false],
  ["192.0.2.0/33", "192.0.2.0", 80, false],
  ["192.0.2.0/", "192.0.2.0", 80, false],
  ["192.0.2.0/-1", "192.0.2.0", 80, false],
  ["192.0.2.0/24/24", "192.0.2.0", 80, false],
  ["192.0.2.0/24", "example.com", 80, false],
  ["example.com/24", "example.com", 80, false],
];

test("isInNoProxy() knows hosts, suffixes, ports, addresses and ranges", () => {
  for (const [list, host, port, named] of CASES) {
    assertEquals(
      isInNoProxy(list, host, port),
      named,
      `${list}: ${host}:${port}`,
    );
  }
});
