import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "../../support/helper.ts";
import {
  dialAddress,
  parseDialURL,
} from "../../../src/handshake/client_url.ts";

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
      const socketPath = undefined;
      assertEquals(
        rest,
        { secure, hostname, port, socketPath, host, target },
        input,
      );
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
  ["ws+unix:", "must be absolute"],
  ["ws+unix:/", "must be absolute"],
  ["ws+unix:/:/a", "must be absolute"],
  ["ws+unix:a.sock", "must be absolute"],
  ["ws+unix:./a.sock:/b", "must be absolute"],
  ["ws+unix://host/a.sock:/b", "must be absolute"],
  ["ws+unix:/a:b.sock:/c", "%3A"],
  ["ws+unix:/a%00.sock", "NUL"],
  ["ws+unix:/a%ff.sock", "percent-encoded"],
  ["ws+unix:/a%.sock", "percent-encoded"],
  ["ws+unix:/a.sock:/b#c", "fragment"],
  ["ws+unix://user:secret@/a.sock", "malformed"],
  ["ws+unix:/a.sock\r\n:/b", "control character"],
  ["ws+tcp:/a", "must be ws or wss"],
  ["http+unix:/a.sock:/b", "must be ws or wss"],
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

const SOCKETS: [url: string, socketPath: string, target: string][] = [
  ["ws+unix:/run/a.sock:/b/c?d", "/run/a.sock", "/b/c?d"],
  ["ws+unix:///run/a.sock:/b", "/run/a.sock", "/b"],
  ["WS+UNIX:/run/a.sock:/b:c", "/run/a.sock", "/b:c"],
  ["ws+unix:/run/a.sock", "/run/a.sock", "/"],
  ["ws+unix:/run/a.sock:", "/run/a.sock", "/"],
  ["ws+unix:/run/a.sock?b", "/run/a.sock", "/?b"],
  ["ws+unix:/run/a%3Ab%20c%25d.sock:/e%20f", "/run/a:b c%d.sock", "/e%20f"],
  ["ws+unix:/run/a b\u00e9:/c d\u00e9", "/run/a b\u00e9", "/c%20d%C3%A9"],
];

test("parseDialURL() knows the path of a unix socket from that of a request", () => {
  for (const [input, socketPath, target] of SOCKETS) {
    const plain = parseDialURL(input);
    assertEquals({ ...plain, url: undefined }, {
      url: undefined,
      secure: false,
      hostname: "localhost",
      port: 80,
      socketPath,
      host: "localhost",
      target,
    } as unknown, input);
    const secure = parseDialURL(new URL(input.replace(/^ws/i, "wss")));
    assertEquals(secure, {
      ...plain,
      url: secure.url,
      secure: true,
      port: 443,
    });
  }
});

test("dialAddress() is the host and port, or the socket's path", () => {
  for (
    const [url, address] of [
      ["ws://a", "a:80"],
      ["wss://[::1]/b", "[::1]:443"],
      ["ws+unix:/run/a%20b.sock:/c", "/run/a b.sock"],
    ] as const
  ) assertEquals(dialAddress(parseDialURL(url)), address);
});

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
