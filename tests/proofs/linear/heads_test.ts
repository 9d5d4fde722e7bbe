/** What the heads of requests and answers cost, however many lines they have. */

import { assert, assertEquals } from "@std/assert";
import type { IncomingMessage } from "node:http";

import { MemoryCookieJar } from "../../../src/cookies/memory_cookie_jar.ts";
import { toRequest } from "../../../src/runtime/http/node_request.ts";
import { test } from "../../support/helper.ts";
import { countWork } from "./work.ts";

/** The headers of an answer. */
function answer(count: number, cookie: (index: number) => string): Headers {
  const headers = new Headers();
  for (let i = 0; i < count; i++) headers.append("Set-Cookie", cookie(i));
  return headers;
}

test("MemoryCookieJar looks a bounded number of times through a full jar", async () => {
  const jar = new MemoryCookieJar();
  // 3000 that a cookie without TLS may not hide.
  for (let host = 0; host < 60; host++) {
    const url = new URL(`wss://h${host}.example.com/`);
    jar.setCookies(url, answer(50, (i) => `a=; Secure; Path=/${i}`));
  }
  const url = new URL("ws://example.com/");
  // As many as the head of an answer has.
  const headers = answer(990, (i) => `a=; Domain=example.com; Path=/_${i}`);
  const work = await countWork(() => jar.setCookies(url, headers));
  assert(work.items <= 400 * 3100, `${work.items} items`);
});

/** The least milliseconds of several runs: what else runs adds to the others. */
function least(run: () => unknown): number {
  let least = Infinity;
  for (let i = 0; i < 7; i++) {
    const begin = performance.now();
    run();
    least = Math.min(least, performance.now() - begin);
  }
  return least;
}

// The work is the platform's, so that it can only be timed.
test("toRequest() takes no more for 900 headers than they cost the platform", () => {
  const pairs = Array.from({ length: 900 }, (_, i) => [`h${i}`, ""]);
  const message = {
    method: "GET",
    url: "/",
    rawHeaders: ["Host", "localhost", ...pairs.flat()],
    headers: {},
    socket: {},
  } as unknown as IncomingMessage;
  assertEquals(toRequest(message)?.headers.get("h899"), "");
  const own = least(() => toRequest(message));
  const platform = least(() => new Headers(pairs as [string, string][]));
  assert(own < 10 * platform + 2, `${own} ms, and ${platform} ms`);
});
