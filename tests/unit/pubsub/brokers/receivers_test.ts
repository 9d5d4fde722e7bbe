import { assertEquals } from "@std/assert";

import type { BrokerReceiver } from "../../../../src/pubsub/broker.ts";
import { Receivers } from "../../../../src/pubsub/brokers/receivers.ts";
import { test } from "../../../support/helper.ts";

test("receivers.failed() passes over those who do not want to know", async () => {
  const receivers = new Receivers(() => Promise.resolve(), () => {});
  const told: unknown[] = [];
  const careless: BrokerReceiver = { message() {}, interrupted() {} };
  await receivers.add("topic", careless);
  await receivers.add("topic", {
    ...careless,
    failed: (error) => told.push(error),
  });
  receivers.failed("down");
  assertEquals(told, ["down"]);
});
