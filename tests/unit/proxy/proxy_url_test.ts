import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseProxyURL } from "../../../src/proxy/proxy_url.ts";
import { test } from "../../support/helper.ts";

const URLS: [
  url: string,
  protocol: string,
  secure: boolean,
  hostname: string,
  port: number,
  username?: string,
  password?: string,
][] = [
  ["http://p", "connect", false, "p", 80],
  ["http://p:3128/ignored?too", "connect", false, "p", 3128],
  ["https://p", "connect", true, "p", 443],
  ["https://P.example:80", "connect", true, "p.example", 80],
  ["socks5://p", "socks5", false, "p", 1080],
  ["SOCKS5H://P:9050", "socks5", false, "p", 9050],
  ["socks5://127.1", "socks5", false, "127.0.0.1", 1080],
  [
    "socks5://b\u00fccher.example",
    "socks5",
    false,
    "xn--bcher-kva.example",
    1080,
  ],
  ["http://[::1]:8080", "connect", false, "::1", 8080],
  ["socks5://[::0:1]", "socks5", false, "::1", 1080],
  ["http://u:p@h", "connect", false, "h", 80, "u", "p"],
  ["http://u%40x:p%3Aq%2F@h", "connect", false, "h", 80, "u@x", "p:q/"],
  ["http://:p@h", "connect", false, "h", 80, "", "p"],
  ["socks5://%C3%BC:p:q@h", "socks5", false, "h", 1080, "\u00fc", "p:q"],
  ["socks5://u@h", "socks5", false, "h", 1080, "u"],
];

test("parseProxyURL() says where the proxy is and how it is asked", () => {
  for (const [input, protocol, secure, hostname, port, user, secret] of URLS) {
    for (const url of [input, new URL(input)]) {
      assertEquals(parseProxyURL(url), {
        protocol,
        secure,
        hostname,
        port,
        username: user ?? "",
        password: secret ?? "",
      } as unknown, input);
    }
  }
});

const REFUSED: [url: unknown, message: string][] = [
  ["p:3128", "scheme"],
  ["ftp://u:secret@p", "scheme"],
  ["socks4://p", "scheme"],
  ["", "malformed"],
  ["http://u:secret@p:99999", "malformed"],
  ["http://u:secret@a b", "malformed"],
  ["socks5:p", "host"],
  ["socks5://u:secret@a%20b", "host"],
  ["http://u:secret@p\r\n", "control character"],
  ["http://u:secret%0d%0a@p", "control character"],
  ["http://u%00:secret@p", "control character"],
  ["http://u%3Ax:secret@p", "colon"],
  ["http://u:secret%ff@p", "percent-encoded"],
  ["socks5://:secret@p", "1 to 255"],
  [`socks5://${"u".repeat(256)}:secret@p`, "1 to 255"],
  [`socks5://u:${"\u00fc".repeat(128)}@p`, "at most 255"],
  [null, "string or a URL"],
  [1, "string or a URL"],
  [{ href: "http://p" }, "string or a URL"],
];

test("parseProxyURL() refuses what is no proxy, and shows no password", () => {
  for (const [url, message] of REFUSED) {
    const error = assertThrows(
      () => parseProxyURL(url as string),
      TypeError,
      message,
    );
    assert(!error.message.includes("secret"), error.message);
  }
});
