import { assertEquals, assertThrows } from "@std/assert";
import { test } from "../../support/helper.ts";
import {
  buildClientRequest,
  type ClientRequestOptions,
} from "../../../src/handshake/client_request.ts";
import { parseDialURL } from "../../../src/handshake/client_url.ts";
import type { HeadersLike } from "../../../src/handshake/headers.ts";
import { ascii } from "./bytes.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

function build(
  options: Omit<ClientRequestOptions, "key"> = {},
  url = "ws://server.example.com/chat",
) {
  return buildClientRequest(parseDialURL(url), { key: KEY, ...options });
}

test("buildClientRequest() writes the request of RFC 6455, section 1.2", () => {
  const request = build({
    subprotocols: ["chat", "superchat"],
    headers: { Origin: "http://example.com" },
  });
  assertEquals(
    request.bytes,
    ascii(
      "GET /chat HTTP/1.1\r\n" +
        "Host: server.example.com\r\n" +
        "Upgrade: websocket\r\n" +
        "Connection: Upgrade\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
        "Sec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Protocol: chat, superchat\r\n" +
        "Origin: http://example.com\r\n" +
        "\r\n",
    ),
  );
  assertEquals(request.key, KEY);
  assertEquals(request.subprotocols, ["chat", "superchat"]);
});

function text(...args: Parameters<typeof build>): string {
  return new TextDecoder().decode(build(...args).bytes);
}

test("buildClientRequest() writes the least that a request needs", () => {
  assertEquals(
    text({}, "wss://[::1]:8443/a%20b?c"),
    "GET /a%20b?c HTTP/1.1\r\nHost: [::1]:8443\r\nUpgrade: websocket\r\n" +
      `Connection: Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\n` +
      "Sec-WebSocket-Version: 13\r\n\r\n",
  );
  assertEquals(build().subprotocols, []);
});

test("buildClientRequest() keeps case, order and repetition of headers", () => {
  const written = text({
    extensions: "permessage-deflate; a",
    headers: [["x-B", "1"], ["X-a", "2"], ["x-B", "3"], ["Cookie", "a=\u00e9"]],
  });
  assertEquals(
    written.slice(written.indexOf("Sec-WebSocket-Ext")),
    "Sec-WebSocket-Extensions: permessage-deflate; a\r\n" +
      "x-B: 1\r\nX-a: 2\r\nx-B: 3\r\nCookie: a=\ufffd\r\n\r\n",
  );
});

test("buildClientRequest() replaces the value of Host", () => {
  const written = text({ headers: { a: "1", hOST: "other.test:1", b: "2" } });
  assertEquals(written.split("\r\n")[1], "Host: other.test:1");
  assertEquals(written.toLowerCase().split("\r\nhost:").length, 2);
  assertEquals(written.split("\r\n").slice(6, 8), ["a: 1", "b: 2"]);
});

test("buildClientRequest() refuses a Host that is none", () => {
  const hosts = ["", " ", "a b", "a/b", "a@b", "a, b", "a#", "\u00e9", "a\tb"];
  for (const host of hosts) {
    assertThrows(() => build({ headers: { Host: host } }), TypeError, "Host");
  }
  assertThrows(
    () => build({ headers: [["Host", "a"], ["host", "a"]] }),
    TypeError,
    "duplicate header not allowed: Host",
  );
});

test("buildClientRequest() joins cookies with the application's", () => {
  const lines = text({
    headers: { cookie: "a=1", "X-B": "2" },
    cookies: "a=jar; c=3",
  }).split("\r\n").slice(6);
  assertEquals(lines, ["cookie: a=1; c=3", "X-B: 2", "", ""]);
});

test("buildClientRequest() refuses the handshake's own headers", () => {
  for (
    const name of [
      "Upgrade",
      "Connection",
      "Sec-WebSocket-Key",
      "sec-websocket-version",
      "Sec-Websocket-Extensions",
    ]
  ) {
    assertThrows(
      () => build({ headers: { [name]: "x" } }),
      TypeError,
      `duplicate header not allowed: ${name}`,
    );
  }
  assertThrows(
    () =>
      build({
        subprotocols: ["a"],
        headers: { "Sec-WebSocket-Protocol": "a" },
      }),
    TypeError,
    "duplicate header not allowed: Sec-WebSocket-Protocol",
  );
});

test("buildClientRequest() refuses headers that would split the head", () => {
  const wrong: HeadersLike[] = [
    { "X": "a\r\nY: b" },
    { "X": "a\u0000" },
    { "X\r\nY": "a" },
    { "Host": "a\r\nY: b" },
    { "X": "\u010d\u010a" },
  ];
  for (const headers of wrong) {
    assertThrows(() => build({ headers }), TypeError);
  }
});

test("buildClientRequest() offers unique tokens only", () => {
  for (
    const subprotocols of [[""], ["a b"], ["a,b"], ["a\r\nX: y"], ["a", "a"]]
  ) {
    assertThrows(() => build({ subprotocols }), TypeError, "subprotocol");
    if (subprotocols[0] === "a,b") continue;
    const value = subprotocols.join(", ");
    assertThrows(
      () => build({ headers: { "Sec-WebSocket-Protocol": value } }),
      TypeError,
    );
  }
});

test("buildClientRequest() offers what the application's header says", () => {
  const request = build({
    subprotocols: [],
    headers: [
      ["sec-websocket-protocol", "b,a"],
      ["Sec-WebSocket-Protocol", "c"],
    ],
  });
  assertEquals(request.subprotocols, ["b", "a", "c"]);
  assertEquals(
    new TextDecoder().decode(request.bytes).split("\r\n").slice(6, 8),
    ["sec-websocket-protocol: b,a", "Sec-WebSocket-Protocol: c"],
  );
});
