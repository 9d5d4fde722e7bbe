import { assert, assertEquals } from "@std/assert";

import { withinTimeout } from "../src/handshake_timeout.ts";
import { deferred, test } from "./helper.ts";

const request = new Request("http://localhost/");

test("withinTimeout() gives the outcome of a handshake in time", async () => {
  const outcome = { accepted: true };
  const handshake = Promise.resolve(outcome);
  assertEquals(await withinTimeout(request, handshake, 10_000), outcome);
});

test("withinTimeout() refuses with 503 a handshake that is late", async () => {
  const late = deferred<{ accepted: true }>();
  const outcome = await withinTimeout(request, late.promise, 1);
  assert(!outcome.accepted);
  assertEquals(outcome.error.status, 503);
  assertEquals(await outcome.error.response.text(), "Service Unavailable\n");
});
