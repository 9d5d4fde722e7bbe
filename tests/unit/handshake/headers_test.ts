import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "../../support/helper.ts";
import {
  headerList,
  type HeadersLike,
  isFieldValue,
  requestHeaders,
  responseHeaders,
} from "../../../src/handshake/headers.ts";

test("headerList() keeps the case and order of records and pairs", () => {
  assertEquals(headerList({ "X-b": "1", "x-A": "2" }), [
    ["X-b", "1"],
    ["x-A", "2"],
  ]);
  assertEquals(
    headerList([["Set-Cookie", "b=1"], ["X", ""], ["set-cookie", "a=2"]]),
    [["Set-Cookie", "b=1"], ["X", ""], ["set-cookie", "a=2"]],
  );
  assertEquals(headerList({}), []);
  assertEquals(headerList([]), []);
});

test("headerList() keeps repeated Set-Cookie of Headers apart", () => {
  const headers = new Headers([
    ["Set-Cookie", "a=1, b"],
    ["Set-Cookie", "c=2"],
    ["X", "1"],
    ["X", "2"],
  ]);
  assertEquals(
    headerList(headers).sort(([a, x], [b, y]) => a + x < b + y ? -1 : 1),
    [["set-cookie", "a=1, b"], ["set-cookie", "c=2"], ["x", "1, 2"]],
  );
});

test("headerList() takes Object's names as names like any other", () => {
  const record = Object.create(null) as Record<string, string>;
  record["__proto__"] = "1";
  record["constructor"] = "2";
  assertEquals(headerList(record), [["__proto__", "1"], ["constructor", "2"]]);
  assertEquals(headerList({ toString: "3" } as unknown as HeadersLike), [
    ["toString", "3"],
  ]);
});

test("headerList() gives an array that the caller does not share", () => {
  const pairs: [string, string][] = [["a", "1"]];
  headerList(pairs)[0]![1] = "2";
  assertEquals(pairs, [["a", "1"]]);
});

test("headerList() refuses names that are no tokens", () => {
  const names = ["", " a", "a ", "a b", "a:", "a\r\nb", "a\u0000", "\u00e9"];
  for (const name of names) {
    assertThrows(
      () => headerList([[name, "x"]]),
      TypeError,
      "the name is not a token",
    );
  }
});

test("headerList() refuses values that would split the head", () => {
  const values = [
    "a\r\nSet-Cookie: b",
    "a\nb",
    "a\rb",
    "a\u0000",
    "\u001b[31m",
    "\u007f",
    "\u010d\u010a",
    "\u20ac",
    "a\n",
  ];
  for (const value of values) {
    assertThrows(() => headerList({ "X-A": value }), TypeError, '"X-A"');
  }
});

test("headerList() refuses what is no collection of strings", () => {
  class Fake {
    header = "x";
  }
  const wrong: unknown[] = [
    null,
    true,
    false,
    1,
    "a: b",
    () => {},
    new Fake(),
    new Date(),
    Promise.resolve({}),
    new Uint8Array(2),
    ["ab"],
    [["a"]],
    [["a", "b", "c"]],
    [["a", 1]],
    [[1, "a"]],
    { a: 1 },
    { a: ["b"] },
    { a: undefined },
  ];
  for (const headers of wrong) {
    assertThrows(
      () => headerList(headers as HeadersLike),
      TypeError,
      "Cannot read headers",
    );
  }
});

test("isFieldValue() takes visible characters, blanks and obs-text", () => {
  for (let code = 0; code < 0x180; code++) {
    const expected = code === 9 || code >= 0x20 && code <= 0x7e ||
      code >= 0x80 && code <= 0xff;
    const value = `a${String.fromCharCode(code)}b`;
    assertEquals(isFieldValue(value), expected, `code ${code}`);
  }
  assert(isFieldValue(""));
});

const ALWAYS_REFUSED = [
  "Upgrade",
  "connection",
  "Sec-WebSocket-Accept",
  "sec-websocket-key",
  "SEC-WEBSOCKET-VERSION",
  "Sec-Websocket-Extensions",
  "Sec-WebSocket-Anything",
  "Content-Length",
  "transfer-encoding",
  "Keep-Alive",
  "TE",
  "Trailer",
  "Proxy-Authorization",
  "proxy-connection",
];

test("responseHeaders() refuses what the handshake manages", () => {
  for (const name of ALWAYS_REFUSED) {
    assertThrows(
      () => responseHeaders([["X", "1"], [name, "1"]], true),
      TypeError,
      `Cannot send header "${name}"`,
    );
  }
});

test("requestHeaders() refuses what the handshake manages", () => {
  for (const name of ALWAYS_REFUSED.slice(0, 7)) {
    assertThrows(
      () => requestHeaders([["X", "1"], [name, "1"]], true),
      TypeError,
      `duplicate header not allowed: ${name}`,
    );
  }
  for (const name of ALWAYS_REFUSED.slice(7)) {
    assertThrows(
      () => requestHeaders([["X", "1"], [name, "1"]], true),
      TypeError,
      `header not allowed in an upgrade request: ${name}`,
    );
  }
});

test("responseHeaders() and requestHeaders() take a protocol if allowed", () => {
  const list: [string, string][] = [["Sec-Websocket-Protocol", "a"]];
  assertEquals(responseHeaders(list, true), list);
  assertEquals(requestHeaders(list, true), list);
  assertThrows(() => responseHeaders(list, false), TypeError, "subprotocols");
  assertThrows(
    () => requestHeaders(list, false),
    TypeError,
    "duplicate header not allowed: Sec-Websocket-Protocol",
  );
});

test("requestHeaders() takes Host, cookies and names of its own", () => {
  const list: [string, string][] = [
    ["Host", "a"],
    ["Cookie", "a=1"],
    ["Authorization", "Bearer x"],
    ["Sec-WebSocketish", "1"],
    ["Proxyish", "1"],
  ];
  assertEquals(requestHeaders(list, false), list);
});
