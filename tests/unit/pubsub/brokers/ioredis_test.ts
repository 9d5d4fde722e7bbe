import { assertEquals } from "@std/assert";

import { ioredis } from "../../../../src/pubsub/brokers/ioredis.ts";
import { test } from "../../../support/helper.ts";
import { turn } from "../../wire/held_stream.ts";

test("ioredis() tells that its channels are refused when it is connected again", async () => {
  type Listener = (channel: string, message: string) => void;
  const events = new Map<string, Listener>();
  let refusal: Error | undefined;
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

test("ioredis() subscribes again in parts, and to each channel where a part is refused", async () => {
  type Listener = (channel: string, message: string) => void;
  const events = new Map<string, Listener>();
  const refusal = Object.assign(new Error("NOPERM"), { name: "ReplyError" });
  let refused = "";
  const parts: number[] = [];
  const subscriber = {
    subscribe(...channels: string[]) {
      if (channels.length > 1) parts.push(channels.length);
      return channels.includes(refused)
        ? Promise.reject(refusal)
        : Promise.resolve();
    },
    unsubscribe: () => Promise.resolve(),
    on: (event: string, listener: Listener) => events.set(event, listener),
  };
  const broker = ioredis({ publish: () => Promise.resolve() }, subscriber);
  const told = new Map<string, unknown>();
  for (let i = 0; i < 2_500; i++) {
    await broker.subscribe(`${i}`, {
      message() {},
      interrupted: () => told.set(`${i}`, "interrupted"),
      failed: (error) => told.set(`${i}`, error),
    });
  }
  refused = "1500";
  events.get("ready")!("", "");
  await turn();
  assertEquals(parts, [1_000, 1_000, 500]);
  assertEquals(told.size, 2_500);
  assertEquals(told.get("1500"), refusal);
  const others = [...told.values()].filter((one) => one === "interrupted");
  assertEquals(others.length, 2_499);
});
