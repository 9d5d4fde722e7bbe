/** A broker that breaks its contract. */

import { assert, assertEquals, assertRejects } from "@std/assert";

import type { Broker } from "../../../src/pubsub/broker.ts";
import { test } from "../../support/helper.ts";
import { MemoryBroker } from "./memory_broker.ts";
import { Server, until } from "./memory_server.ts";

const NO_END = "must fulfil with a function that ends it";

/** Fulfils with nothing while `breaks`; more of it than is fair is another error. */
class Careless {
  breaks = true;
  asked = 0;

  wrap(client: Broker): Broker {
    return {
      publish: (channel, message) => client.publish(channel, message),
      subscribe: (channel, receiver) => {
        if (!this.breaks) return client.subscribe(channel, receiver);
        return this.asked++ > 100
          ? Promise.reject(new Error("Asked without end"))
          : Promise.resolve(undefined as never);
      },
    };
  }
}

test("hub.subscribe() and hub.ready reject where the broker gives no end", async () => {
  const careless = new Careless();
  const memory = new MemoryBroker();
  await using a = new Server(memory, {
    broker: careless.wrap(memory.client()),
    heartbeat: 60_000,
  });
  await assertRejects(() => a.hub.ready, TypeError, NO_END);
  await assertRejects(
    () => a.hub.subscribe("topic", a.listener),
    TypeError,
    `Cannot subscribe to channel ws:topic: the broker's subscribe() ${NO_END}`,
  );
  assertEquals(careless.asked, 2);
});

test("a broker that gives no end when it is linked anew is asked with each heartbeat", async () => {
  const careless = new Careless();
  careless.breaks = false;
  const memory = new MemoryBroker();
  const client = memory.client();
  await using a = new Server(memory, { broker: careless.wrap(client) });
  await a.hub.subscribe("topic", a.listener);
  await until("a heartbeat", () => a.hub.latency !== undefined);
  client.deaf = careless.breaks = true;
  await until("some tries", () => careless.asked >= 6);
  assert(a.errors.length >= 5);
  for (const error of a.errors) {
    assert(error instanceof TypeError && error.message.includes(NO_END));
  }
  careless.breaks = false;
  await until("the gap", () => a.gaps.length > 0);
  await a.hub.publish("topic", "0");
  assertEquals(a.heard, ["0"]);
});

test("a broker that hands over anything but a string is told to onError", async () => {
  await using a = new Server(new MemoryBroker(), { heartbeat: 60_000 });
  await a.hub.ready;
  await a.hub.subscribe("topic", a.listener);
  const no = [new Uint8Array(3), undefined, null, { indexOf: 1 }];
  for (const channel of ["ws!", "ws:topic"]) {
    a.errors.length = 0;
    const { message } = a.client.channels.get(channel)!;
    for (const text of no) message(text as never);
    assertEquals(
      a.errors.map(String),
      ["object", "undefined", "object", "object"].map((type) =>
        `TypeError: Cannot read message on channel ${channel}: the broker has handed over a value of type ${type}, it must be a string`
      ),
    );
  }
  assertEquals(a.heard, []);
});
