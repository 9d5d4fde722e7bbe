import { assert, assertEquals } from "@std/assert";
import { test } from "../../support/helper.ts";
import {
  defaultResponse,
  handshakeError,
  isAnswer,
} from "../../../src/handshake/refusal.ts";
import { upgradeRequest } from "./upgrade.ts";

test("defaultResponse() has the status text for a body", async () => {
  const texts: [status: number, text: string][] = [
    [400, "Bad Request"],
    [403, "Forbidden"],
    [404, "Not Found"],
    [405, "Method Not Allowed"],
    [408, "Request Timeout"],
    [426, "Upgrade Required"],
    [500, "Internal Server Error"],
    [503, "Service Unavailable"],
  ];
  for (const [status, text] of texts) {
    const response = defaultResponse({ status });
    assertEquals(response.status, status);
    assertEquals(response.statusText, text);
    assertEquals(await response.text(), `${text}\n`);
  }
});

test("defaultResponse() has the number where it knows no text", async () => {
  const response = defaultResponse({ status: 418 });
  assertEquals(response.statusText, "");
  assertEquals(await response.text(), "418\n");
});

test("defaultResponse() adds the refusal's headers to its own", () => {
  const { headers } = defaultResponse({
    status: 426,
    headers: [["Upgrade", "websocket"]],
  });
  assertEquals(Object.fromEntries(headers), {
    "content-type": "text/plain; charset=utf-8",
    "sec-websocket-version": "13",
    "upgrade": "websocket",
    "x-content-type-options": "nosniff",
  });
});

test("isAnswer() takes final responses with an unread body", async () => {
  for (const status of [200, 204, 304, 404, 599]) {
    assert(isAnswer(new Response(null, { status })), `${status}`);
  }
  assert(isAnswer(new Response("body")));
  const used = new Response("body");
  await used.text();
  const locked = new Response("body");
  const reader = locked.body!.getReader();
  const wrong = [
    used,
    locked,
    new Response(null, { status: 101 }),
    Response.error(),
    undefined,
    null,
    { status: 200, bodyUsed: false, body: null },
  ];
  for (const value of wrong) assert(!isAnswer(value));
  await reader.cancel();
});

test("handshakeError() has a cause only where there is one", async () => {
  const request = upgradeRequest();
  const plain = await handshakeError(
    request,
    { status: 400, reason: "r" },
    undefined,
  );
  assertEquals(plain.message, "r");
  assert(!Object.hasOwn(plain, "cause"));
  const caused = await handshakeError(
    request,
    { status: 400, reason: "r", cause: undefined },
    undefined,
  );
  assert(Object.hasOwn(caused, "cause"));
});

test("handshakeError() keeps the first cause where the callback fails", async () => {
  const cause = new Error("first");
  const error = await handshakeError(
    upgradeRequest(),
    { status: 500, reason: "r", cause },
    () => Promise.reject(new Error("second")),
  );
  assert(error.cause === cause);
  assertEquals(error.message, "r; then the error callback failed");
  assertEquals(error.status, 500);
});
