import { assertEquals, assertThrows } from "@std/assert";

import { redis } from "../../../../src/pubsub/brokers/redis.ts";
import { test } from "../../../support/helper.ts";
import { turn } from "../../wire/held_stream.ts";

test("redis() tells that channels cannot be heard when Bun's client is connected again", async () => {
  let refusal: Error | undefined;
  const subscriber = {
    subscribe: (channel: string) =>
      refusal !== undefined && channel !== "three"
        ? Promise.reject(refusal)
        : Promise.resolve(),
    unsubscribe: () => Promise.resolve(),
    // The application's own, which must not keep ours from its work.
    onconnect: (): void => {
      throw new Error("thrown by onconnect");
    },
  };
  const broker = redis({ publish: () => Promise.resolve() }, subscriber);
  const told: unknown[] = [];
  for (const channel of ["one", "two", "three"]) {
    await broker.subscribe(channel, {
      message() {},
      interrupted: () => told.push(channel),
      failed: (error) => told.push(error),
    });
  }
  refusal = new Error("refused");
  assertThrows(subscriber.onconnect, Error, "thrown by onconnect");
  await turn();
  assertEquals(told, ["three", refusal, refusal]);
  refusal = undefined;
  assertThrows(subscriber.onconnect, Error, "thrown by onconnect");
  await turn();
  assertEquals(told.slice(3), ["one", "two", "three"]);
});
