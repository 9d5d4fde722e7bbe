import { assertEquals, assertRejects } from "@std/assert";

import {
  nats,
  type NATSConnection,
} from "../../../../src/pubsub/brokers/nats.ts";
import { test } from "../../../support/helper.ts";

test("nats() rejects a subscription that the server refuses", async () => {
  let tell: (error: Error) => void = () => {};
  // What the client does where a right is missing; the server is not asked here.
  const connection = {
    publish() {},
    subscribe(_subject: string, { callback }: { callback: typeof tell }) {
      tell = callback;
      return { unsubscribe() {} };
    },
    flush: () => {
      tell(new Error("Permissions Violation for Subscription"));
      return Promise.resolve();
    },
    async *status() {},
  };
  const broker = nats(connection as unknown as NATSConnection);
  await assertRejects(
    async () =>
      await broker.subscribe("topic", {
        message() {},
        interrupted() {},
        failed() {},
      }),
    Error,
    "Permissions Violation",
  );
});

test("nats() ends a subscription that has failed, or the client would renew it", async () => {
  const refusal = new Error("Permissions Violation for Subscription");
  const away = new Error("disconnected");
  for (const fault of [refusal, away]) {
    let open = 0;
    let tell: (error: Error) => void = () => {};
    const connection = {
      publish() {},
      subscribe(_subject: string, { callback }: { callback: typeof tell }) {
        tell = callback;
        open++;
        return { unsubscribe: () => open-- };
      },
      flush: () => {
        if (fault === away) return Promise.reject(away);
        tell(refusal);
        return Promise.resolve();
      },
      async *status() {},
    };
    const broker = nats(connection as unknown as NATSConnection);
    const receiver = { message() {}, interrupted() {}, failed() {} };
    await assertRejects(async () => await broker.subscribe("topic", receiver));
    assertEquals(open, 0, fault.message);
  }
});
