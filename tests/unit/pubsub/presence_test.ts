/** Who is in a topic, in all processes. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";

import type { Conn } from "../../../src/conn/conn.ts";
import { Hub } from "../../../src/pubsub/hub.ts";
import { Presence } from "../../../src/pubsub/presence.ts";
import { pipe } from "../../../src/testing/mod.ts";
import { test, withTimeout } from "../../support/helper.ts";
import { letsOthers } from "../../support/lets_others.ts";
import { turn } from "../wire/held_stream.ts";
import { MemoryBroker, type MemoryClient } from "./memory_broker.ts";

const HEARTBEAT = 40;

/** A process with connections. */
class Server implements AsyncDisposable {
  readonly client: MemoryClient;
  readonly hub: Hub;
  readonly presence: Presence;
  readonly errors: unknown[] = [];
  readonly #conns: Conn[] = [];

  constructor(broker: MemoryBroker, topicLimit = 10) {
    this.client = broker.client();
    this.hub = new Hub({
      broker: this.client,
      heartbeat: HEARTBEAT,
      linger: 0,
      topicLimit,
      onError: (error) => this.errors.push(error),
    });
    this.presence = new Presence(this.hub);
  }

  conn(): Conn {
    const [client, server] = pipe();
    this.#conns.push(client, server);
    return server;
  }

  async track(name: string, topic = "room"): Promise<Conn> {
    const conn = this.conn();
    await this.presence.track(topic, conn, name);
    return conn;
  }

  async lists(...names: string[]): Promise<void> {
    const wanted = JSON.stringify(names);
    let given = false;
    const look = async () => {
      while (
        !given && JSON.stringify(this.presence.list("room")) !== wanted
      ) await turn();
    };
    try {
      await withTimeout(look(), 5_000, wanted);
    } catch (error) {
      throw new Error(JSON.stringify(this.presence.list("room")), {
        cause: error,
      });
    } finally {
      given = true;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const conn of this.#conns) conn.terminate();
    await Promise.all(this.#conns.map((conn) => conn.closed));
    await this.hub.close();
  }
}

async function lists(presence: Presence, ...names: string[]): Promise<void> {
  const wanted = JSON.stringify(names);
  while (JSON.stringify(presence.list("room")) !== wanted) await turn();
}

/** Two processes, each with somebody whom both know. */
class Two implements AsyncDisposable {
  readonly broker: MemoryBroker = new MemoryBroker();
  readonly a: Server = new Server(this.broker);
  readonly b: Server = new Server(this.broker);
  /** Alice's connection, at `a`; Bob's is at `b`. */
  readonly alice: Conn;

  private constructor() {
    this.alice = this.a.conn();
  }

  static async start(): Promise<Two> {
    const two = new Two();
    await two.a.presence.track("room", two.alice, "Alice");
    await two.b.track("Bob");
    await two.b.lists("Alice", "Bob");
    return two;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [this.a, this.b].map((one) => one[Symbol.asyncDispose]()),
    );
  }
}

test("presence.list() has the names of all processes, each once", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  const [alice] = [await a.track("Alice"), await a.track("Anna")];
  await b.track("Bob");
  const other = await b.track("Alice");
  for (const server of [a, b]) await server.lists("Alice", "Anna", "Bob");
  alice.terminate();
  await turn();
  for (const server of [a, b]) await server.lists("Alice", "Anna", "Bob");
  other.terminate();
  for (const server of [a, b]) await server.lists("Anna", "Bob");
  assertEquals(a.presence.list("elsewhere"), []);
});

test("presence.track() has a name stand for several connections", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  await b.track("Bob");
  const [one, two] = [a.conn(), a.conn()];
  // The first leaves before it is confirmed.
  a.presence.track("room", one, "Alice");
  const tracked = a.presence.track("room", two, "Alice");
  one.terminate();
  await tracked;
  for (const server of [a, b]) await server.lists("Alice", "Bob");
  await a.presence.track("room", two, "Alicia");
  for (const server of [a, b]) await server.lists("Alicia", "Bob");
});

test("presence.list() leaves out who is closing", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  const anna = await a.track("Anna");
  const alice = await a.track("Alice");
  const other = await a.track("Alice");
  anna.close();
  alice.terminate();
  assertEquals(anna.state, "closing");
  assertEquals(a.presence.list("room"), ["Alice"]);
  other.close();
  assertEquals(a.presence.list("room"), []);
});

test("hub.unsubscribe() ends presence in that topic", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  await b.track("Bob");
  const alice = await a.track("Alice");
  await a.presence.track("other", alice, "Alice");
  await b.lists("Alice", "Bob");
  a.hub.unsubscribe("room", alice);
  await b.lists("Bob");
  assertEquals(a.presence.list("other"), ["Alice"]);
});

test("a process that is killed takes its names along within four heartbeats", async () => {
  await using two = await Two.start();
  const { broker, a, b } = two;
  // It speaks no more, and hears nothing.
  a.client.cut();
  a.client.publish = () => Promise.reject(new Error("killed"));
  let beats = 0;
  broker.copies = (channel) => {
    if (channel.endsWith("!")) beats++;
    return 1;
  };
  await b.lists("Bob");
  assert(beats >= 2 && beats <= 5, `after ${beats} heartbeats`);
});

test("a process that is killed before its first heartbeat is heard leaves as well", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  const { publish } = a.client;
  a.client.publish = (channel, message) =>
    channel.endsWith("!") ? Promise.resolve() : publish(channel, message);
  await b.track("Bob");
  await a.track("Alice");
  await b.lists("Alice", "Bob");
  await b.lists("Bob");
});

test("hub.close() takes its names along at once", async () => {
  const broker = new MemoryBroker();
  await using b = new Server(broker);
  {
    await using a = new Server(broker);
    await a.track("Alice");
    await b.track("Bob");
    await b.lists("Alice", "Bob");
    await a.hub.close();
    await b.lists("Bob");
  }
});

test("a process that was cut off, and taken to be gone, comes back", async () => {
  await using two = await Two.start();
  const { a, b } = two;
  const { publish } = a.client;
  a.client.publish = () => Promise.reject(new Error("cut"));
  const mend = a.client.cut();
  await b.lists("Bob");
  await b.track("Ben");
  a.client.publish = publish;
  mend();
  for (const server of [a, b]) await server.lists("Alice", "Ben", "Bob");
});

test("names that were lost on the way are asked for", async () => {
  await using two = await Two.start();
  const { broker, a, b } = two;
  broker.copies = (_, message) => message.includes('"+"') ? 0 : 1;
  await a.track("Anna");
  await b.lists("Alice", "Anna", "Bob");
});

test("names that could not be told are told later", async () => {
  await using two = await Two.start();
  const { broker, a, b } = two;
  broker.down = new Error("down");
  await a.track("Anna");
  await a.lists("Alice", "Anna", "Bob");
  broker.down = undefined;
  await b.lists("Alice", "Anna", "Bob");
});

test("a last name whose leave was not heard is gone within some heartbeats", async () => {
  await using two = await Two.start();
  const { a, b, alice } = two;
  const mend = b.client.cut();
  alice.terminate();
  await a.lists();
  mend();
  await b.lists("Bob");
});

test("a last name whose leave could not be told is told later", async () => {
  await using two = await Two.start();
  const { broker, a, b, alice } = two;
  broker.down = new Error("down");
  alice.terminate();
  await a.lists("Bob");
  broker.down = undefined;
  await b.lists("Bob");
});

test("presence tells thousands of names in messages that PostgreSQL takes", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  const names = Array.from(
    { length: 3_000 },
    (_, i) => `${i} ${"ü".repeat(9)}`,
  );
  await Promise.all(names.map((name) => a.track(name)));
  broker.log.length = 0;
  await using b = new Server(broker);
  await b.track("Bob");
  await b.lists(...[...names, "Bob"].sort());
  const encoder = new TextEncoder();
  for (const [, message] of broker.log) {
    assert(encoder.encode(message).length < 7_000);
  }
});

test("presence.list() knows the topics that its hub has subscribers of", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  await using c = new Server(broker);
  const alice = await a.track("Alice");
  const conn = b.conn();
  await b.hub.subscribe("room", conn);
  const listener = () => {};
  await c.hub.subscribe("room", listener);
  for (const server of [b, c]) await server.lists("Alice");
  const late = new Presence(c.hub);
  await a.track("Anna");
  for (const server of [b, c]) await server.lists("Alice", "Anna");
  await withTimeout(lists(late, "Alice", "Anna"), 5_000, "the late one");
  alice.terminate();
  for (const server of [b, c]) await server.lists("Anna");

  // Its channel goes with the last subscriber, unless somebody is tracked.
  const bob = await b.track("Bob");
  b.hub.unsubscribe("room", conn);
  await turn();
  await b.lists("Anna", "Bob");
  bob.terminate();
  c.hub.unsubscribe("room", listener);
  const gone = (server: Server) => !server.client.channels.has("ws?room");
  while (![b, c].every(gone)) await turn();
  for (const server of [b, c]) assertEquals(server.presence.list("room"), []);
});

test("presence.list() asks for a topic again that the broker has refused", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await using b = new Server(broker);
  await a.track("Alice");
  const refusal = new Error("refused");
  broker.hold = async (what) => {
    await undefined;
    if (what === "+ws?room") throw refusal;
  };
  await b.hub.subscribe("room", b.conn());
  while (b.errors.length === 0) await turn();
  assertEquals(b.errors, [refusal]);
  broker.hold = undefined;
  await b.lists("Alice");
});

test("presence.list() leaves a topic that the broker refuses to the heartbeats", async () => {
  const broker = new MemoryBroker();
  await using b = new Server(broker);
  await b.hub.ready;
  const refusal = new Error("refused");
  let beats = 0;
  let refused = 0;
  broker.copies = (channel) => {
    if (channel.endsWith("!")) beats++;
    return 1;
  };
  broker.hold = async (what) => {
    await undefined;
    if (what !== "+ws?room") return;
    refused++;
    throw refusal;
  };
  const conn = b.conn();
  await b.hub.subscribe("room", conn);
  const before = beats;
  while (beats < before + 3) {
    assertEquals(b.presence.list("room"), []);
    await turn();
  }
  // The first of the beats may have been on its way.
  assert(refused >= 3 && refused <= 4, `asked ${refused} times`);
  assertEquals(b.errors, Array(refused).fill(refusal));
  // It is not tried for nobody.
  b.hub.unsubscribe("room", conn);
  refused = 0;
  while (beats < before + 6) {
    assertEquals(b.presence.list("room"), []);
    await turn();
  }
  assertEquals(refused, 0);
});

test("presence.track() that the broker refuses leaves nothing", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  await a.hub.ready;
  broker.down = new Error("down");
  await assertRejects(() => a.track("Alice"), Error, "down");
  assertEquals(a.presence.list("room"), []);
  broker.down = undefined;
  await a.track("Alice");
  await a.lists("Alice");
});

test("presence.track() bounds the topics of a connection", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker, 2);
  const conn = await a.track("Alice", "one");
  await a.presence.track("two", conn, "Alice");
  await a.presence.track("two", conn, "Alicia");
  await assertRejects(
    () => a.presence.track("three", conn, "Alice"),
    RangeError,
    "has its 2 topics",
  );
  a.hub.unsubscribe("one", conn);
  await a.presence.track("three", conn, "Alice");
});

test("presence refuses what it is misused with, and hears no nonsense", async () => {
  const broker = new MemoryBroker();
  await using a = new Server(broker);
  // deno-lint-ignore no-explicit-any -- what JavaScript may pass
  const any = a.presence as any;
  assertThrows(() => any.track("room", a.conn(), ""), RangeError);
  assertThrows(() => any.track("room", a.conn(), "x".repeat(256)), RangeError);
  assertThrows(() => any.track("room", a.conn(), 1), TypeError);
  assertThrows(() => any.track("room", {}, "x"), TypeError);
  assertThrows(() => any.list(""), RangeError);
  for (const hub of [{}, null, undefined, "hub"]) {
    assertThrows(
      () => new Presence(hub as never),
      TypeError,
      "Cannot make presence: it takes a Hub",
    );
  }
  await a.track("Alice");
  const stranger = broker.client();
  for (
    const [i, text] of [
      "",
      "{}",
      "[1,2,3]",
      '["a","b"]',
      '["a","b","=+"]',
      '["a","b","+",1]',
    ].entries()
  ) await stranger.publish("ws?room", `1 h 1 ${i + 1} 0 0 t\n${text}`);
  await a.lists("Alice");
  const closed = a.conn();
  closed.terminate();
  await closed.closed;
  await assertRejects(
    () => a.presence.track("room", closed, "x"),
    DOMException,
  );
});

test("presence.track() in a loop that ignores errors keeps no timer waiting", async () => {
  await using server = new Server(new MemoryBroker(), 1);
  const { hub, presence } = server;
  const alone = new Presence(new Hub());
  const [open, closed] = [server.conn(), server.conn()];
  closed.terminate();
  await closed.closed;
  await presence.track("room", open, "Alice");
  const loops = [
    () => presence.track("room", closed, "Alice"),
    () => presence.track("another", open, "Alice"),
    () => alone.track("room", open, "Alice"),
  ];
  for (const loop of loops) assert(await letsOthers(loop), String(loop));
  await hub.close();
  const closedHub = () => presence.track("room", open, "Alice");
  assert(await letsOthers(closedHub));
});
