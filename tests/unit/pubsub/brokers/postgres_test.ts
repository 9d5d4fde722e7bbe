import { assertThrows } from "@std/assert";

import { postgres } from "../../../../src/pubsub/brokers/postgres.ts";
import { test } from "../../../support/helper.ts";

test("postgres() refuses what is no client, at once", () => {
  const listen = () => {};
  const notCallable = { listen };
  const noListen = () => {};
  for (const sql of [undefined, null, {}, notCallable, noListen]) {
    assertThrows(
      () => postgres(sql as never),
      TypeError,
      "Cannot use client for postgres(): it",
    );
  }
  postgres(Object.assign(noListen, notCallable) as never);
});
