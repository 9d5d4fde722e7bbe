import { assert, assertEquals, assertRejects } from "@std/assert";

import {
  nats,
  type NATSConnection,
} from "../../../../src/pubsub/brokers/nats.ts";
import { Hub } from "../../../../src/pubsub/mod.ts";
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

test("nats() waits for a server that takes nothing, so that publishLimit counts", async () => {
  let answer: () => void = () => {};
  let kept = 0;
  const connection = {
    publish: (_subject: string, payload: Uint8Array) => {
      kept += payload.length;
    },
    subscribe: () => ({ unsubscribe() {} }),
    flush: () => new Promise<void>((resolve) => answer = resolve),
    async *status() {
      yield { type: "ping" };
      await new Promise(() => {}); // it stays connected
    },
  };
  const broker = nats(connection as unknown as NATSConnection);
  const hub = new Hub({
    broker: { ...broker, subscribe: () => Promise.resolve(() => {}) },
    publishLimit: 2 ** 20,
  });
  const message = "x".repeat(100_000);
  const told: Promise<string>[] = [];
  for (let i = 0; i < 40; i++) {
    const published = hub.publish("topic", message);
    told.push(published.then(() => "sent", (error) => error.name));
  }
  const refused = await told.at(-1);
  assertEquals(refused, "PublishLimitError");
  assert(kept < 3 * 2 ** 20, `${kept}`);
  answer();
  // The answer was for a part; the next one is asked for.
  assertEquals(await told[0], "sent");
  assertEquals(await told[15], "sent");
  await hub.close();
});
