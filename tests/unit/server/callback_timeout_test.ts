import { assert, assertEquals } from "@std/assert";

import { withinTimeout } from "../../../src/server/callback_timeout.ts";
import { deferred, test } from "../../support/helper.ts";

test("withinTimeout() gives the outcome of a handshake in time", async () => {
  const outcome = { accepted: true };
  const handshake = Promise.resolve(outcome);
  assertEquals(await withinTimeout(handshake, 10_000), outcome);
});

test("withinTimeout() refuses with 503 a handshake that is late", async () => {
  const late = deferred<{ accepted: true }>();
  const outcome = await withinTimeout(late.promise, 1);
  assert(!outcome.accepted);
  assertEquals(outcome.error.status, 503);
  assertEquals(await outcome.error.response.text(), "Service Unavailable\n");
});
