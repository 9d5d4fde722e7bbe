/** What is lost of a topic of which nothing has been heard yet. */

import { assertEquals } from "@std/assert";

import { writeBeat, writeEnvelope } from "../../../src/pubsub/envelope.ts";
import { turn } from "../wire/held_stream.ts";
import { test } from "../../support/helper.ts";
import { MemoryBroker } from "./memory_broker.ts";
import { beats, Server, until } from "./memory_server.ts";

/** Two hubs that know each other; the second has long subscribed. */
class Two implements AsyncDisposable {
  readonly broker: MemoryBroker = new MemoryBroker();
  readonly a: Server = new Server(this.broker);
  readonly b: Server = new Server(this.broker);

  async begin(): Promise<void> {
    await Promise.all([this.a.hub.ready, this.b.hub.ready]);
    await this.b.hub.subscribe("topic", this.b.listener);
    await beats(this.broker, 6);
  }

  /** Publishes what nobody gets. */
  async lose(...messages: string[]): Promise<void> {
    this.broker.copies = (channel) => channel.endsWith("!") ? 1 : 0;
    for (const message of messages) await this.a.hub.publish("topic", message);
    this.broker.copies = () => 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.a[Symbol.asyncDispose]();
    await this.b[Symbol.asyncDispose]();
  }
}

test("the loss of the only message of a topic shows at a heartbeat", async () => {
  await using two = new Two();
  await two.begin();
  await two.lose("0");
  await until("the gap", () => two.b.missed > 0);
  await beats(two.broker, 6);
  assertEquals(two.b.missed, 1);
});

test("the first message is missed, however long the second takes", async () => {
  await Promise.all([0, 1, 2, 3, 4, 8].map(async (between) => {
    await using two = new Two();
    await two.begin();
    await two.lose("0");
    await beats(two.broker, between);
    await two.a.hub.publish("topic", "1");
    await beats(two.broker, 6);
    assertEquals(two.b.heard, ["1"]);
    assertEquals(two.b.missed, 1, `${between} heartbeats between`);
  }));
});

test("the first two messages are missed, with heartbeats between", async () => {
  await using two = new Two();
  await two.begin();
  await two.lose("0");
  await beats(two.broker, 3);
  await two.lose("1");
  await until("the gaps", () => two.b.missed > 1);
  await beats(two.broker, 6);
  assertEquals(two.b.missed, 2);
});

test("what a cut over some heartbeats has cost a topic that was silent is known", async () => {
  const cuts = [[0, 0], [2, 0], [0, 2], [1, 2]] as const;
  await Promise.all(cuts.map(async ([during, behind]) => {
    await using two = new Two();
    await two.begin();
    const mend = two.b.client.cut();
    for (let i = 0; i < 10; i++) await two.a.hub.publish("topic", `${i}`);
    await beats(two.broker, during);
    mend();
    await beats(two.broker, behind);
    await two.a.hub.publish("topic", "10");
    await beats(two.broker, 6);
    assertEquals(two.b.heard, ["10"]);
    assertEquals(two.b.missed, 10, `${during} heartbeats, then ${behind}`);
  }));
});

test("what was published in the heartbeats before a subscription is never missed", async () => {
  const cases = [true, false].flatMap((silence) =>
    [0, 1, 2, 3].flatMap((before) =>
      [1, 3].map((after) => ({ silence, before, after }))
    )
  );
  await Promise.all(cases.map(async ({ silence, before, after }) => {
    await using two = new Two();
    const { a, b, broker } = two;
    await Promise.all([a.hub.ready, b.hub.ready]);
    await beats(broker, 3);
    await a.hub.publish("topic", "early");
    await beats(broker, before);
    await a.hub.publish("topic", "earlier");
    if (silence) await turn();
    await b.hub.subscribe("topic", b.listener);
    if (!silence) await a.hub.publish("topic", "first");
    await beats(broker, after);
    await a.hub.publish("topic", "last");
    await beats(broker, 5);
    assertEquals(b.heard, silence ? ["last"] : ["first", "last"]);
    assertEquals(b.gaps, [], `${before} heartbeats, then ${after}`);
  }));
});

test("a heartbeat that comes again makes no gap", async () => {
  await using b = new Server(new MemoryBroker(), { heartbeat: 60_000 });
  await b.hub.ready;
  const { message } = b.client.channels.get("ws!")!;
  const beat = (beat: number, epoch: number) => {
    const one = { hub: "a", beat, heartbeat: 60_000, epoch, marks: [] };
    for (const text of writeBeat(one)) message(text);
  };
  beat(1, 0);
  beat(2, 0);
  beat(3, 5);
  await b.hub.subscribe("topic", b.listener);
  await turn();
  beat(4, 5);
  await turn();
  beat(2, 0);
  const mark = { epoch: 5, number: 3, voided: 0 };
  b.client.channels.get("ws:topic")!.message(
    writeEnvelope({ hub: "a", ...mark, except: 0, data: "third" }),
  );
  assertEquals(b.heard, ["third"]);
  assertEquals(b.gaps, []);
});
