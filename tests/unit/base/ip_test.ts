import { assertEquals } from "@std/assert";
import {
  formatIP,
  isLoopback,
  parseIP,
  plainIP,
  samePrefix,
} from "../../../src/base/ip.ts";
import { test, toHex } from "../../support/helper.ts";

const ADDRESSES: [text: string, bytes: string][] = [
  ["0.0.0.0", "00 00 00 00"],
  ["192.0.2.255", "c0 00 02 ff"],
  ["::", "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"],
  ["::1", "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01"],
  ["1::", "00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00"],
  ["2001:DB8::f", "20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 0f"],
  ["1:2:3:4:5:6:7:8", "00 01 00 02 00 03 00 04 00 05 00 06 00 07 00 08"],
  ["1:2:3:4:5:6:7::", "00 01 00 02 00 03 00 04 00 05 00 06 00 07 00 00"],
  ["64:ff9b::1.2.3.4", "00 64 ff 9b 00 00 00 00 00 00 00 00 01 02 03 04"],
  ["::ffff:127.0.0.1", "7f 00 00 01"],
  ["::ffff:7f00:1", "7f 00 00 01"],
];

test("parseIP() reads the forms of addresses", () => {
  for (const [text, bytes] of ADDRESSES) {
    const ip = parseIP(text);
    assertEquals(ip && toHex(ip), bytes, text);
  }
});

test("parseIP() refuses what is no address", () => {
  for (
    const text of [
      "",
      "1",
      "1.2.3",
      "1.2.3.4.5",
      "1.2.3.256",
      "1.2.3.04",
      "1.2.3.",
      "1.2.3.4 ",
      "a.b.c.d",
      "example.com",
      ":",
      ":::",
      "1:2",
      "1::2::3",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4::5:6:7:8",
      ":1:2:3:4:5:6:7",
      "12345::",
      "g::",
      "[::1]",
      "fe80::1%eth0",
      "1.2.3.4::",
      "::1.2.3",
      ":".repeat(100_000),
    ]
  ) assertEquals(parseIP(text), undefined, text.slice(0, 20));
});

test("samePrefix() compares so many bits", () => {
  const same = (a: string, b: string, bits?: number) =>
    samePrefix(parseIP(a)!, parseIP(b)!, bits);
  assertEquals(same("10.1.2.3", "10.1.2.3"), true);
  assertEquals(same("10.1.2.3", "10.1.2.2"), false);
  assertEquals(same("10.1.2.3", "10.1.2.2", 31), true);
  assertEquals(same("10.1.2.3", "10.1.2.1", 31), false);
  assertEquals(same("10.128.0.0", "10.0.0.0", 9), false);
  assertEquals(same("10.128.0.0", "10.0.0.0", 8), true);
  assertEquals(same("10.0.0.1", "99.0.0.1", 0), true);
  assertEquals(same("2001:db8::1", "2001:db8:0:1::", 48), true);
  assertEquals(same("2001:db8::1", "2001:db8:0:1::", 64), false);
  assertEquals(same("::1", "0.0.0.1", 0), false);
});

test("isLoopback() knows this machine's own addresses", () => {
  for (const ip of ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"]) {
    assertEquals(isLoopback(parseIP(ip)!), true, ip);
  }
  for (const ip of ["128.0.0.1", "126.0.0.1", "::", "::2", "1::1"]) {
    assertEquals(isLoopback(parseIP(ip)!), false, ip);
  }
});

test("formatIP() writes an address in one way only", () => {
  const forms: [text: string, canonical: string][] = [
    ["127.0.0.1", "127.0.0.1"],
    ["::ffff:127.0.0.1", "127.0.0.1"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["0:0:1::", "0:0:1::"],
    ["2001:0DB8::000F", "2001:db8::f"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
  ];
  for (const [text, canonical] of forms) {
    assertEquals(formatIP(parseIP(text)!), canonical, text);
    // The platform's own form is the same (WHATWG URL, section 3.5).
    if (!canonical.includes(":")) continue;
    assertEquals(new URL(`http://[${text}]`).hostname, `[${canonical}]`);
  }
});

test("plainIP() has IPv4 peers of an IPv6 socket as IPv4", () => {
  const peers: [ip: string, plain: string][] = [
    ["::ffff:127.0.0.1", "127.0.0.1"],
    ["::FFFF:127.0.0.1", "127.0.0.1"],
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "::1"],
    ["::ffff:1", "::ffff:1"],
  ];
  for (const [ip, plain] of peers) assertEquals(plainIP(ip), plain);
});
