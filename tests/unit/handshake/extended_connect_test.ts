import { assertEquals } from "@std/assert";

import { checkExtendedConnect } from "../../../src/handshake/extended_connect.ts";
import { test } from "../../support/helper.ts";

function check(headers: Record<string, string>): number | undefined {
  const request = new Request("https://localhost/", {
    headers: { "Sec-WebSocket-Version": "13", ...headers },
  });
  return checkExtendedConnect(request)?.status;
}

test("checkExtendedConnect() wants a version, and no body", () => {
  assertEquals(check({}), undefined);
  assertEquals(check({ "Sec-WebSocket-Version": "8" }), 400);
  assertEquals(check({ "Sec-WebSocket-Version": "" }), 400);
  assertEquals(check({ "Content-Length": "0" }), 400);
});

test("checkExtendedConnect() refuses the headers of HTTP/1.1", () => {
  for (
    const name of [
      "Connection",
      "Keep-Alive",
      "Proxy-Connection",
      "Transfer-Encoding",
      "Upgrade",
    ]
  ) {
    assertEquals(check({ [name]: "x" }), 400, name);
  }
});
