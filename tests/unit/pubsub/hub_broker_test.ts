/** Hubs of several processes, on a broker that fails in every way. */

import { assert, assertEquals, assertRejects } from "@std/assert";

import { Hub } from "../../../src/pubsub/hub.ts";
import { PublishLimitError } from "../../../src/pubsub/publish_limit_error.ts";
import { pipe } from "../../../src/testing/mod.ts";
import { deferred, hex, test, withTimeout } from "../../support/helper.ts";
import { turn } from "../wire/held_stream.ts";
import { MemoryBroker } from "./memory_broker.ts";
import { HEARTBEAT, Server, until } from "./memory_server.ts";

test("hubs on a broker hear each other, in one order", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  await a.hub.ready;
  for (const { hub, listener } of [a, b]) {
    await hub.subscribe("topic", listener);
  }
  for (let i = 0; i < 50; i++) {
    a.hub.publish("topic", `a${i}`);
    b.hub.publish("topic", hex("00 80 ff"));
    b.hub.publish("topic", "\u0000 \n ü 🙂");
  }
  await b.hub.publish("topic", "last");
  assertEquals(a.heard.length, 151);
  assertEquals(a.heard, b.heard);
  assertEquals(a.heard.slice(0, 3), ["a0", hex("00 80 ff"), "\u0000 \n ü 🙂"]);
  assertEquals([...a.gaps, ...b.gaps], []);
});

test("hub.publish() with local stays in the process, and comes at once", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  for (const { hub, listener } of [a, b]) {
    await hub.subscribe("topic", listener);
  }
  a.hub.publish("topic", "here", { local: true });
  assertEquals(a.heard, ["here"]);
  await a.hub.publish("topic", "everywhere");
  assertEquals(b.heard, ["everywhere"]);
});

test("hub.publish() leaves out a connection across the broker, of its own hub only", async () => {
  const broker = new MemoryBroker();
  const [mine, mineHere] = pipe();
  const [other, otherThere] = pipe();
  {
    await using a = new Server(broker);
    await using b = new Server(broker);
    await a.hub.subscribe("topic", mineHere);
    await b.hub.subscribe("topic", otherThere);
    await a.hub.publish("topic", "first", { except: mineHere });
    await a.hub.publish("topic", "second");
    assertEquals((await mine.readMessage()).data, "second");
    assertEquals((await other.readMessage()).data, "first");
  }
  await Promise.all([mine.close(), other.close()]);
  await Promise.all([mineHere.closed, otherThere.closed]);
});

test("a repeat is dropped", async () => {
  const broker = new MemoryBroker();
  broker.copies = () => 2;
  await using a = new Server(broker);
  await a.hub.subscribe("topic", a.listener);
  for (const data of ["a", "b", "c"]) await a.hub.publish("topic", data);
  assertEquals(a.heard, ["a", "b", "c"]);
  assertEquals(a.gaps, []);
});

test("a hole is a gap with its number, told before what comes after it", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker, {
    onGap: ({ missed }) => b.heard.push(`gap ${missed}`),
  });
  await b.hub.subscribe("topic", b.listener);
  await a.hub.publish("topic", "0");
  broker.copies = (_, message) => /\n[12]$/.test(message) ? 0 : 1;
  for (const data of ["1", "2", "3"]) await a.hub.publish("topic", data);
  assertEquals(b.heard, ["0", "gap 2", "3"]);
});

test("the loss of the last message shows at a heartbeat", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  await b.hub.subscribe("topic", b.listener);
  await a.hub.publish("topic", "0");
  broker.copies = (_, message) => message.endsWith("\n1") ? 0 : 1;
  await a.hub.publish("topic", "1");
  await until("the gap", () => b.gaps.length > 0);
  assertEquals(b.gaps[0], { topic: "topic", cause: "broker", missed: 1 });
  // The channel is subscribed anew, as it may be the only one that is deaf.
  await until("the link", () => b.gaps.length > 1);
  assertEquals(b.gaps[1], {
    topic: "topic",
    cause: "broker",
    missed: undefined,
  });
  assertEquals(b.missed, 1);
});

test("the first message of a hub that is known is missed as well", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  await b.hub.subscribe("topic", b.listener);
  let beats = 0;
  broker.copies = (channel, message) => {
    if (channel.endsWith("!")) beats++;
    return message.endsWith("\n0") ? 0 : 1;
  };
  await until("heartbeats", () => beats >= 8);
  await a.hub.publish("topic", "0");
  await a.hub.publish("topic", "1");
  assertEquals(b.heard, ["1"]);
  assertEquals(b.missed, 1);
});

test("what was published before a subscription is not missed", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  await a.hub.ready;
  await b.hub.ready;
  for (let i = 0; i < 5; i++) await a.hub.publish("topic", `early ${i}`);
  await b.hub.subscribe("topic", b.listener);
  await a.hub.publish("topic", "0");
  b.hub.unsubscribe("topic", b.listener);
  await until(
    "the end of the channel",
    () => broker.asked.includes("-ws:topic"),
  );
  await a.hub.publish("topic", "unheard");
  await b.hub.subscribe("topic", b.listener);
  let beats = 0;
  broker.copies = (channel) => {
    if (channel.endsWith("!")) beats++;
    return 1;
  };
  await until("heartbeats", () => beats >= 12);
  await a.hub.publish("topic", "1");
  assertEquals(b.heard, ["0", "1"]);
  assertEquals(b.gaps, []);
});

test("what is published with a broker that fails rejects, is heard by nobody and is not missed", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  for (const { hub, listener } of [a, b]) {
    await hub.subscribe("topic", listener);
  }
  await a.hub.publish("topic", "0");
  broker.down = new Error("down");
  const failed = [1, 2, 3].map((i) => a.hub.publish("topic", `lost ${i}`));
  for (const publish of failed) {
    await assertRejects(() => publish, Error, "down");
  }
  a.hub.publish("topic", "not awaited");
  await turn();
  broker.down = undefined;
  await a.hub.publish("topic", "1");
  assertEquals(a.heard, ["0", "1"]);
  assertEquals(b.heard, ["0", "1"]);
  assertEquals([a.missed, b.missed], [0, 0]);
});

test("a connection to the broker that was cut is a gap, and what is known missed is what is lost", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  await b.hub.subscribe("topic", b.listener);
  let sent = 0;
  const publish = async (count: number) => {
    for (let i = 0; i < count; i++) await a.hub.publish("topic", `${sent++}`);
  };
  for (let cut = 0; cut < 5; cut++) {
    await publish(10);
    const mend = b.client.cut();
    await publish(3 + cut);
    mend();
    assertEquals(b.gaps.at(-1), {
      topic: "topic",
      cause: "broker",
      missed: undefined,
    });
  }
  await publish(1);
  assertEquals(b.missed, sent - b.heard.length);
  assertEquals(b.missed, 3 + 4 + 5 + 6 + 7);
  assertEquals(b.gaps.filter(({ missed }) => missed === undefined).length, 5);
});

test("a client that has gone deaf is linked anew", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  await b.hub.subscribe("topic", b.listener);
  await a.hub.publish("topic", "0");
  await until("a heartbeat", () => b.hub.latency !== undefined);
  b.client.deaf = true;
  await a.hub.publish("topic", "1");
  await until("the gap", () => b.gaps.length > 0);
  assert(!b.client.deaf);
  await a.hub.publish("topic", "2");
  assertEquals(b.heard, ["0", "2"]);
  assertEquals(b.missed, 1);
});

test("a channel that alone has gone deaf is linked anew", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  await b.hub.subscribe("topic", b.listener);
  await a.hub.publish("topic", "0");
  b.client.deafTo = "ws:topic";
  await a.hub.publish("topic", "1");
  await until("the link", () => b.client.deafTo === undefined);
  await until("the gaps", () => b.gaps.length === 2);
  await a.hub.publish("topic", "2");
  assertEquals(b.heard, ["0", "2"]);
  assertEquals(b.missed, 1);
});

test("links that cannot be made anew are tried again with each heartbeat", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await a.hub.subscribe("topic", a.listener);
  await until("a heartbeat", () => a.hub.latency !== undefined);
  a.client.deaf = true;
  let refused = 0;
  broker.hold = async (what) => {
    await undefined;
    if (what.startsWith("-") || refused++ > 3) return;
    throw new Error("refused");
  };
  await until("the gap", () => a.gaps.length > 0);
  await a.hub.publish("topic", "0");
  assertEquals(a.heard, ["0"]);
  assert(a.errors.some((error) => (error as Error).message === "refused"));
});

test("hub.ready rejects where the broker refuses, and all is linked later", async () => {
  const broker = new MemoryBroker();
  broker.down = new Error("down");
  await using a = new Server(broker);
  await assertRejects(() => a.hub.ready, Error, "down");
  await assertRejects(
    () => a.hub.subscribe("topic", a.listener),
    Error,
    "down",
  );
  broker.down = undefined;
  await a.hub.subscribe("topic", a.listener);
  await until("a heartbeat", () => a.hub.latency !== undefined);
  await a.hub.publish("topic", "0");
  assertEquals(a.heard, ["0"]);
});

test("hub.subscribe() that the broker refuses leaves nothing", async () => {
  const broker = new MemoryBroker();
  const [client, server] = pipe();
  {
    await using a = new Server(broker, { topicLimit: 1 });
    await a.hub.ready;
    broker.down = new RangeError("too long");
    await assertRejects(
      () => a.hub.subscribe("x", server),
      RangeError,
      "too long",
    );
    assertEquals(a.hub.subscribers("x").size, 0);
    broker.down = undefined;
    await a.hub.subscribe("y", server);
    assertEquals([...a.hub.subscribers("y")], [server]);
  }
  await Promise.all([client.close(), server.closed]);
});

test("a leave and a join that cross lose nothing", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  // The broker takes its time in every order.
  let seed = 1;
  broker.hold = async () => {
    seed = seed * 1103515245 + 12345 & 0x7fffffff;
    for (let i = seed % 4; i > 0; i--) await turn();
  };
  for (let i = 0; i < 300; i++) {
    const heard: string[] = [];
    const ear = (data: string | Uint8Array) => void heard.push(String(data));
    await a.hub.subscribe("topic", ear);
    if (i % 3 > 0) await turn();
    a.hub.unsubscribe("topic", ear);
    if (i % 2 > 0) await turn();
    await a.hub.subscribe("topic", ear);
    await b.hub.publish("topic", `${i}`);
    assertEquals(heard, [`${i}`]);
    a.hub.unsubscribe("topic", ear);
  }
  assertEquals(a.gaps, []);
});

test("hub.unsubscribe() before the confirmation ends the subscription", async () => {
  const broker = new MemoryBroker();
  const [client, server] = pipe();
  {
    await using a = new Server(broker, { topicLimit: 1 });
    await a.hub.ready;
    const confirmed = deferred();
    broker.hold = () => confirmed.promise;
    const first = a.hub.subscribe("topic", server);
    assertEquals(a.hub.subscribers("topic").size, 0);
    a.hub.unsubscribe("topic", server);
    // What the broker is asked for still counts: it may never answer.
    await assertRejects(() => a.hub.subscribe("other", server), RangeError);
    confirmed.resolve();
    const error = await assertRejects(() => first, DOMException);
    assertEquals(error.name, "AbortError");
    await a.hub.subscribe("other", server);
  }
  await Promise.all([client.close(), server.closed]);
});

test("a channel outlives its last subscriber by linger, and no longer", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker, { linger: 60_000 });
  await a.hub.subscribe("topic", a.listener);
  a.hub.unsubscribe("topic", a.listener);
  await turn();
  await a.hub.subscribe("topic", a.listener);
  assertEquals(broker.asked.filter((what) => what.endsWith("topic")), [
    "+ws:topic",
  ]);
  // Without end, peers that choose topics come and go.
  for (let i = 0; i < 1_500; i++) {
    await a.hub.subscribe(`t${i}`, a.listener);
    a.hub.unsubscribe(`t${i}`, a.listener);
  }
  await until("the end of some", () => a.client.channels.size <= 1_002);
});

test("hub.publish() is bounded by what the broker has not confirmed", async () => {
  const broker = new MemoryBroker();
  const client = broker.client();
  const confirmed = deferred();
  const sent: string[] = [];
  await using hub = new Hub({
    publishLimit: 1000,
    broker: {
      subscribe: (channel, receiver) => client.subscribe(channel, receiver),
      publish: (channel, message) => {
        if (channel.endsWith("!")) return;
        sent.push(message);
        return confirmed.promise;
      },
    },
  });
  const first = hub.publish("topic", "x".repeat(2000));
  const error = await assertRejects(
    () => hub.publish("topic", "y"),
    PublishLimitError,
  );
  assertEquals(error.limit, 1000);
  assertEquals(sent.length, 1);
  confirmed.resolve();
  await first;
  await hub.publish("topic", "z");
});

test("publishLimit is what the bytes alone are counted against", async () => {
  const confirmed = deferred();
  await using hub = new Hub({
    publishLimit: 1000,
    broker: {
      subscribe: () => Promise.resolve(() => {}),
      publish: (channel) =>
        channel.endsWith("!") ? undefined : confirmed.promise,
    },
  });
  const waiting = [500, 500].map((size) =>
    hub.publish("topic", "x".repeat(size))
  );
  await assertRejects(() => hub.publish("topic", "x"), PublishLimitError);
  confirmed.resolve();
  await Promise.all(waiting);
  await hub.publish("topic", "x".repeat(1000));
});

test("publishLimit counts what is kept of a message, however small it is", async () => {
  const confirmed = deferred();
  await using hub = new Hub({
    publishLimit: 10_000,
    broker: {
      subscribe: () => Promise.resolve(() => Promise.resolve()),
      publish: (channel) =>
        channel.endsWith("!") ? undefined : confirmed.promise,
    },
  });
  const waiting: Promise<void>[] = [];
  const error = await assertRejects(async () => {
    for (let i = 0; i < 100; i++) {
      const published = hub.publish("topic", "");
      waiting.push(published);
      await Promise.race([published, turn()]);
    }
  }, PublishLimitError);
  assertEquals(error.limit, 10_000);
  confirmed.resolve();
  await Promise.all(waiting.slice(0, -1));
});

test("messages of others on its channels are told to onError", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await a.hub.subscribe("topic", a.listener);
  const stranger = broker.client();
  const strange = [
    "",
    "hello",
    "1 x\ny",
    "2 h 1 1 0 0 t\ny",
    "1 h 1 -1 0 0 t\ny",
    "1 h 1 1 0 0 b\n*",
    "1 h 1 1 0 0 x\ny",
  ];
  for (const text of strange) {
    await stranger.publish("ws:topic", text);
    await stranger.publish("ws!", text);
  }
  await stranger.publish("ws!", "1 h 1 100 1\n[[1,2,3,4]]");
  await stranger.publish("ws!", "1 h 1 100 1\n{");
  await stranger.publish("ws!", "1 h 1 100 1\n1");
  assertEquals(a.errors.length, 2 * strange.length + 3);
  assertEquals(a.heard, []);
  await a.hub.publish("topic", "0");
  assertEquals(a.heard, ["0"]);
});

test("a prefix keeps programs apart", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker, { prefix: "a" });
  await using b = new Server(broker, { prefix: "b" });
  for (const { hub, listener } of [a, b]) {
    await hub.subscribe("topic", listener);
  }
  await a.hub.publish("topic", "0");
  assertEquals([a.heard, b.heard], [["0"], []]);
  assertEquals(broker.log.map(([channel]) => channel), ["a:topic"]);
});

test("a broker that confirms no heartbeat any more is told to onError", async () => {
  const broker = new MemoryBroker();
  const client = broker.client();
  const never = deferred();
  let stuck = false;
  const errors: unknown[] = [];
  await using hub = new Hub({
    broker: {
      subscribe: (channel, receiver) => client.subscribe(channel, receiver),
      publish: (channel, message) =>
        stuck ? never.promise : client.publish(channel, message),
    },
    heartbeat: HEARTBEAT,
    linger: 0,
    onError: (error) => errors.push(error),
  });
  await until("a heartbeat", () => hub.latency !== undefined);
  assertEquals(errors, []);
  stuck = true;
  await until("the error", () => errors.length > 0);
  const error = errors[0] as DOMException;
  assertEquals(error.name, "TimeoutError");
  assert(error.message.includes("heartbeat"), error.message);
  stuck = false;
  never.resolve();
});

test("a channel that went deaf while it lingered is linked anew for who comes", async () => {
  const broker = new MemoryBroker();
  const client = broker.client();
  // What a client does that knows nothing of its channels after a reconnect.
  const deaf = new Set<string>();
  await using other = new Server(broker);
  await using hub = new Hub({
    broker: {
      publish: (channel, message) => client.publish(channel, message),
      subscribe: (channel, receiver) => {
        deaf.delete(channel);
        return client.subscribe(channel, {
          message: (text) => deaf.has(channel) || receiver.message(text),
          interrupted: () => receiver.interrupted(),
          failed: (error) => receiver.failed?.(error),
        });
      },
    },
    heartbeat: HEARTBEAT,
    linger: 60_000,
  });
  await until("a heartbeat", () => hub.latency !== undefined);
  await hub.subscribe("topic", () => {});
  const leaves = () => {};
  await hub.subscribe("left", leaves);
  hub.unsubscribe("left", leaves);
  for (const channel of ["ws!", "ws:topic", "ws:left"]) deaf.add(channel);
  await until("a new link", () => !deaf.has("ws!") && !deaf.has("ws:topic"));
  const heard: unknown[] = [];
  await hub.subscribe("left", (data) => heard.push(data));
  await other.hub.publish("left", "0");
  assertEquals(heard, ["0"]);
});

test("a refusal that many heartbeats have waited for is told once", async () => {
  const broker = new MemoryBroker();
  const refusal = deferred();
  let asked = 0;
  broker.hold = (what) =>
    what === "+ws!" && asked++ === 0 ? refusal.promise : Promise.resolve();
  await using a = new Server(broker);
  let beats = 0;
  broker.copies = (channel) => {
    if (channel.endsWith("!")) beats++;
    return 1;
  };
  await until("heartbeats", () => beats >= 5);
  refusal.reject(new Error("refused"));
  await assertRejects(() => a.hub.ready, Error, "refused");
  await until("a heartbeat", () => a.hub.latency !== undefined);
  assertEquals(a.errors.map(String), ["Error: refused"]);
});

test("what a broker says of all channels at once is told once", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  for (const topic of ["one", "two"]) await a.hub.subscribe(topic, a.listener);
  const down = new Error("down");
  for (let i = 1; i <= 2; i++) {
    for (const receiver of a.client.channels.values()) receiver.failed?.(down);
    await turn();
    assertEquals(a.errors, Array.from({ length: i }, () => down));
  }
});

test("hub.subscribe() in the moment in which another is refused is not forgotten", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker, { heartbeat: 60_000 });
  await a.hub.ready;
  const refused = new Set<string>();
  broker.hold = async (what) => {
    await undefined;
    if (what.startsWith("-") || refused.has(what)) return;
    refused.add(what);
    throw new Error("refused");
  };
  for (let microtasks = 0; microtasks < 30; microtasks++) {
    const topic = `after ${microtasks}`;
    const first = a.hub.subscribe(topic, () => {});
    for (let i = 0; i < microtasks; i++) await undefined;
    const second = a.hub.subscribe(topic, () => {});
    await assertRejects(() => first, Error, "refused");
    await withTimeout(Promise.allSettled([second]), 2_000, topic);
  }
});

test("hub.latency is the way through the broker and back", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await until("a heartbeat", () => a.hub.latency !== undefined);
  assert(a.hub.latency! >= 0 && a.hub.latency! < 1000);
});

test("hub.close() does not wait for a broker that does not answer", async () => {
  const broker = new MemoryBroker();
  const a = new Server(broker);
  await a.hub.subscribe("topic", a.listener);
  const never = deferred();
  broker.hold = (what) =>
    what === "+ws:other" ? never.promise : Promise.resolve();
  const joining = a.hub.subscribe("other", a.listener);
  broker.down = new Error("down");
  const closed = a.hub.close();
  never.resolve();
  await closed;
  await assertRejects(() => joining);
});
