import { assertEquals, assertThrows } from "@std/assert";

import { redis } from "../../../../src/pubsub/brokers/redis.ts";
import { type Deferred, deferred, test } from "../../../support/helper.ts";
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

test("redis() has a client connect again that says it is not connected, once at a time", async () => {
  const connecting: Deferred<void>[] = [];
  const client = () => ({
    connected: true,
    connect() {
      connecting.push(deferred());
      return connecting.at(-1)!.promise;
    },
    publish: () => Promise.resolve(),
    subscribe: () => Promise.resolve(),
    unsubscribe: () => Promise.resolve(),
  });
  const [publisher, subscriber] = [client(), client()];
  const broker = redis(publisher, subscriber);
  const use = async () => {
    await broker.publish("one", "message");
    const receiver = { message() {}, interrupted() {} };
    await (await broker.subscribe("one", receiver))();
  };
  await use();
  assertEquals(connecting.length, 0);
  publisher.connected = subscriber.connected = false;
  await use();
  await use();
  assertEquals(connecting.length, 2);
  // Which nobody has to hear of: what it was wanted for fails as well.
  for (const { reject } of connecting) reject(new Error("away"));
  await turn();
  await use();
  assertEquals(connecting.length, 4);
});
