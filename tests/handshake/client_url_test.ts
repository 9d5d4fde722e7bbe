import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "../helper.ts";
import { parseDialURL } from "../../src/handshake/client_url.ts";

const TARGETS: [
  url: string,
  secure: boolean,
  hostname: string,
  port: number,
  host: string,
  target: string,
][] = [
  ["ws://example.com", false, "example.com", 80, "example.com", "/"],
  ["wss://example.com", true, "example.com", 443, "example.com", "/"],
  ["ws://example.com:80/", false, "example.com", 80, "example.com", "/"],
  ["wss://example.com:443/", true, "example.com", 443, "example.com", "/"],
  ["ws://example.com:443/", false, "example.com", 443, "example.com:443", "/"],
  ["wss://example.com:80/", true, "example.com", 80, "example.com:80", "/"],
  [
    "WS://EXAMPLE.com:8080",
    false,
    "example.com",
    8080,
    "example.com:8080",
    "/",
  ],
  ["ws://[::1]/a", false, "::1", 80, "[::1]", "/a"],
  ["ws://[::1]:9000/a", false, "::1", 9000, "[::1]:9000", "/a"],
  ["ws://h/a/b?c=d&e", false, "h", 80, "h", "/a/b?c=d&e"],
  ["ws://h?q", false, "h", 80, "h", "/?q"],
  ["ws://h/a b?c d", false, "h", 80, "h", "/a%20b?c%20d"],
  ["ws://h/\u00e9", false, "h", 80, "h", "/%C3%A9"],
  ["ws://h/%23", false, "h", 80, "h", "/%23"],
];

test("parseDialURL() says where to dial and what to ask for", () => {
  for (const [input, secure, hostname, port, host, target] of TARGETS) {
    for (const url of [input, new URL(input)]) {
      const { url: parsed, ...rest } = parseDialURL(url);
      assertEquals(rest, { secure, hostname, port, host, target }, input);
      assertEquals(parsed.href, new URL(input).href);
    }
  }
});

test("parseDialURL() gives a URL that the caller does not share", () => {
  const url = new URL("ws://h/a");
  const target = parseDialURL(url);
  url.pathname = "/b";
  assertEquals(target.url.pathname, "/a");
});

const REFUSED: [url: string, message: string][] = [
  ["http://h/", "must be ws or wss"],
  ["https://h/", "must be ws or wss"],
  ["file:///etc/passwd", "must be ws or wss"],
  ["javascript:1", "must be ws or wss"],
  ["ws://user@h/", "user info"],
  ["ws://user:secret@h/", "user info"],
  ["ws://:secret@h/", "user info"],
  ["ws://h/#", "fragment"],
  ["ws://h/a?b#c", "fragment"],
  ["", "malformed"],
  ["h", "malformed"],
  ["/path", "malformed"],
  ["ws://", "malformed"],
  ["ws://h:99999/", "malformed"],
  ["ws://user:secret@h:99999/", "malformed"],
  ["ws://a b/", "malformed"],
  ["ws://[::1/", "malformed"],
  ["ws://h/\r\nX: y", "control character"],
  ["ws://h\r\n/", "control character"],
  ["ws://h/\u0000", "control character"],
  ["ws://h\t/", "control character"],
  ["ws://h/\n", "control character"],
  ["ws://h/\u007f", "control character"],
];

test("parseDialURL() refuses what is no WebSocket URI", () => {
  for (const [url, message] of REFUSED) {
    const error = assertThrows(() => parseDialURL(url), TypeError, message);
    assert(!error.message.includes("secret"), error.message);
  }
});

test("parseDialURL() refuses what is neither a string nor a URL", () => {
  for (const url of [undefined, null, 1, {}, ["ws://h/"]]) {
    assertThrows(() => parseDialURL(url as unknown as string), TypeError);
  }
});
