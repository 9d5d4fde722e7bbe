import { assertEquals } from "@std/assert";

import { ioredis } from "../../../../src/pubsub/brokers/ioredis.ts";
import { test } from "../../../support/helper.ts";
import { turn } from "../../wire/held_stream.ts";

test("ioredis() tells that its channels are refused when it is connected again", async () => {
  type Listener = (channel: string, message: string) => void;
  const events = new Map<string, Listener>();
  let refusal: Error | undefined;
  // ioredis itself does not survive it: its own subscription is not caught.
  const subscriber = {
    subscribe: () =>
      refusal === undefined ? Promise.resolve() : Promise.reject(refusal),
    unsubscribe: () => Promise.resolve(),
    on: (event: string, listener: Listener) => events.set(event, listener),
  };
  const broker = ioredis({ publish: () => Promise.resolve() }, subscriber);
  const told: unknown[] = [];
  await broker.subscribe("topic", {
    message() {},
    interrupted: () => told.push("interrupted"),
    failed: (error) => told.push(error),
  });
  refusal = new Error("NOPERM");
  events.get("ready")!("", "");
  await turn();
  assertEquals(told, [refusal]);
  refusal = undefined;
  events.get("ready")!("", "");
  await turn();
  assertEquals(told.at(-1), "interrupted");
});
