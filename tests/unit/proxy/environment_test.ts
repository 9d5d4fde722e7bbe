import { assert, assertEquals, assertThrows } from "@std/assert";
import { proxyFor } from "../../../src/proxy/environment.ts";
import { test } from "../../support/helper.ts";

type Variables = Record<string, string>;

function find(url: string, variables: Variables): string | undefined {
  const read = (name: string) =>
    Object.hasOwn(variables, name) ? variables[name] : undefined;
  return proxyFor(new URL(url), read)?.href;
}

const P = "http://p:3128/";
const Q = "http://q:3128/";

const CASES: [
  name: string,
  variables: Variables,
  ws: string | undefined,
  wss: string | undefined,
][] = [
  ["nothing", {}, undefined, undefined],
  ["HTTP_PROXY for ws", { HTTP_PROXY: P }, P, undefined],
  ["http_proxy for ws", { http_proxy: P }, P, undefined],
  ["HTTPS_PROXY for wss", { HTTPS_PROXY: P }, undefined, P],
  ["https_proxy for wss", { https_proxy: P }, undefined, P],
  ["ALL_PROXY for both", { ALL_PROXY: P }, P, P],
  ["all_proxy for both", { all_proxy: P }, P, P],
  ["the closer one", { ALL_PROXY: P, HTTP_PROXY: Q }, Q, P],
  ["upper case first", { http_proxy: P, HTTP_PROXY: Q }, Q, undefined],
  ["no empty one", { HTTP_PROXY: "", http_proxy: " ", ALL_PROXY: P }, P, P],
  ["a proxy without a scheme", { ALL_PROXY: " p:3128 " }, P, P],
  ["SOCKS5", { ALL_PROXY: "socks5h://p:1" }, "socks5h://p:1", "socks5h://p:1"],
  ["NO_PROXY", { ALL_PROXY: P, NO_PROXY: "example.com" }, undefined, undefined],
  ["no_proxy", { ALL_PROXY: P, no_proxy: "*" }, undefined, undefined],
  [
    "NO_PROXY's ports",
    { ALL_PROXY: P, NO_PROXY: "example.com:443" },
    P,
    undefined,
  ],
  ["NO_PROXY of others", { ALL_PROXY: P, NO_PROXY: "example.org" }, P, P],
  [
    "no HTTP_PROXY in CGI",
    { HTTP_PROXY: P, REQUEST_METHOD: "GET" },
    undefined,
    undefined,
  ],
  [
    "http_proxy in CGI",
    { HTTP_PROXY: P, http_proxy: Q, REQUEST_METHOD: "GET" },
    Q,
    undefined,
  ],
];

for (const [name, variables, ws, wss] of CASES) {
  test(`proxyFor() takes ${name}`, () => {
    assertEquals(find("ws://example.com/", variables), ws);
    assertEquals(find("wss://example.com/", variables), wss);
    assertEquals(find("http://example.com/", variables), ws);
    assertEquals(find("https://example.com/", variables), wss);
  });
}

test("proxyFor() leaves this machine's own hosts alone", () => {
  for (
    const host of [
      "localhost",
      "LOCALHOST:8080",
      "127.0.0.1",
      "127.9.9.9:81",
      "[::1]:80",
      "[::ffff:127.0.0.1]",
    ]
  ) assertEquals(find(`ws://${host}/`, { ALL_PROXY: P }), undefined, host);
  for (const host of ["localhost.example", "128.0.0.1", "[::2]"]) {
    assertEquals(find(`ws://${host}/`, { ALL_PROXY: P }), P, host);
  }
});

test("proxyFor() leaves unix sockets alone", () => {
  assertEquals(find("ws+unix:/run/a.sock:/", { ALL_PROXY: P }), undefined);
});

test("proxyFor() names the variable that holds no URL, not its text", () => {
  for (const value of ["http://u:secret@p:99999", "u:secret@p:x", "::"]) {
    const error = assertThrows(
      () => find("ws://a/", { http_proxy: value }),
      TypeError,
      "http_proxy",
    );
    assert(!error.message.includes("secret"));
  }
});
