/** Our server against the clients of others. */

import { assertEquals } from "@std/assert";

import { WIRE_PLACES } from "../support/servers.ts";
import { test } from "../support/helper.ts";
import { check, planOf, startExercised } from "./exercised.ts";
import { PEERS } from "./peers.ts";

const [TCP] = WIRE_PLACES;

for (const { name, lacks, pings, compresses, answer, exercise } of PEERS) {
  for (const compression of compresses ? [false, true] : [true]) {
    const how = compression ? "where we compress" : "where we do not compress";
    test(`our server speaks with the client of ${name}, ${how}`, async () => {
      const exercised = await startExercised(TCP!, compression);
      await using server = exercised.server;
      const plan = planOf(exercised.url, { pings });
      const seen = await exercise(plan);
      await server.shutdown();
      check(seen, plan, exercised, answer);
      assertEquals(
        seen.extension,
        compression && compresses ? "permessage-deflate" : "",
      );
    }, { lacks, timeout: 60_000 });
  }
}
