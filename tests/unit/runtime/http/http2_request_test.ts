import type { Http2ServerRequest } from "node:http2";
import { Duplex } from "node:stream";

import { assertEquals } from "@std/assert";

import {
  protocolOf,
  requestOf,
} from "../../../../src/runtime/http/http2_request.ts";
import { test } from "../../../support/helper.ts";
import { connectHeaders } from "../../../support/http2_peer.ts";

/** A message as node makes it, of headers that no runtime would let through. */
function message(
  changes: Record<string, string | null>,
  ...more: string[]
): Http2ServerRequest {
  const rawHeaders = [...connectHeaders(changes).flat(), ...more];
  return { httpVersionMajor: 2, rawHeaders } as unknown as Http2ServerRequest;
}

function urlOf(
  changes: Record<string, string | null>,
  ...more: string[]
): string | undefined {
  return requestOf(message(changes, ...more), new Duplex())?.url;
}

test("requestOf() makes no Request of what is malformed", () => {
  assertEquals(urlOf({}), "http://localhost/");
  assertEquals(urlOf({ ":path": "/a?b=%20" }), "http://localhost/a?b=%20");
  for (
    const [name, values] of [
      [":path", [null, "", "*", "a", "/a#b", "/a b", "/a\tb", "/a\nb", "/\0"]],
      [":authority", [
        null,
        "",
        "a@b",
        "a/b",
        "a?b",
        "a#b",
        "a\\b",
        "a b",
        ":",
      ]],
      ["host", ["", "other", "localhost:1"]],
    ] as const
  ) {
    for (const value of values) {
      assertEquals(urlOf({ [name]: value }), undefined, `${name} ${value}`);
    }
  }
});

test("requestOf() takes no header that stands twice, and not too many", () => {
  assertEquals(urlOf({}, ":path", "/b"), undefined);
  assertEquals(urlOf({}, ":authority", "b"), undefined);
  assertEquals(urlOf({ host: "localhost" }, "host", "b"), undefined);
  const many = (count: number) => Array.from({ length: count }).fill("a");
  assertEquals(urlOf({}, ...many(1_900) as string[]), "http://localhost/");
  assertEquals(urlOf({}, ...many(2_000) as string[]), undefined);
  assertEquals(protocolOf(message({}, ":protocol", "b")), undefined);
  assertEquals(protocolOf(message({})), "websocket");
});
