import { assertEquals } from "@std/assert";

import type { BrokerReceiver } from "../../../../src/pubsub/broker.ts";
import {
  type RedisSend,
  redisStreams,
} from "../../../../src/pubsub/brokers/redis_streams.ts";
import { deferred, test } from "../../../support/helper.ts";
import { turn } from "../../wire/held_stream.ts";

type Entry = [id: string, fields: string[]];

/** What the reading connection is asked, and is answered by hand. */
class Reads {
  /** The IDs of the last one, by key. */
  asked: Record<string, string> = {};
  #answer: (answer: unknown) => void = () => {};
  readonly send: RedisSend = (command) => {
    const keys = command.slice(command.indexOf("STREAMS") + 1);
    const half = keys.length / 2;
    this.asked = {};
    // The first is what wakes it.
    for (let i = 1; i < half; i++) this.asked[keys[i]!] = keys[half + i]!;
    const { promise, resolve } = deferred<unknown>();
    this.#answer = resolve;
    return promise;
  };

  async answer(streams: Record<string, Entry[]> | null): Promise<void> {
    this.#answer(streams);
    await turn();
    await turn();
  }
}

function entry(id: string): Entry {
  return [id, ["m", id]];
}

test("redisStreams() hands over what all streams have, in the order in which Redis got it", async () => {
  const reads = new Reads();
  const broker = redisStreams(() => Promise.resolve([]), reads.send);
  const heard: string[] = [];
  const hear = (channel: string): BrokerReceiver => ({
    message: (text) => heard.push(`${channel} ${text}`),
    interrupted() {},
  });
  const ends = [
    await broker.subscribe("beats", hear("beats")),
    await broker.subscribe("topic", hear("topic")),
  ];
  await reads.answer({
    beats: [entry("9-0"), entry("10-0"), entry("12-1")],
    topic: [entry("8-0"), entry("9-1"), entry("10-10"), entry("12-0")],
  });
  assertEquals(heard, [
    "topic 8-0",
    "beats 9-0",
    "topic 9-1",
    "beats 10-0",
    "topic 10-10",
    "topic 12-0",
    "beats 12-1",
  ]);
  assertEquals(reads.asked, { beats: "12-1", topic: "12-0" });
  for (const end of ends) await end();
  await reads.answer(null);
});

test("redisStreams() holds back what came behind a stream that has more", async () => {
  const reads = new Reads();
  const broker = redisStreams(() => Promise.resolve([]), reads.send);
  const heard: string[] = [];
  const receiver: BrokerReceiver = {
    message: (text) => heard.push(text),
    interrupted() {},
  };
  const ends = [
    await broker.subscribe("beats", receiver),
    await broker.subscribe("topic", receiver),
  ];
  const full = Array.from({ length: 1_000 }, (_, i) => entry(`${100 + i}-0`));
  await reads.answer({
    beats: [entry("1-0"), entry("2000-0")],
    topic: full,
  });
  assertEquals(heard, ["1-0", ...full.map(([id]) => id)]);
  assertEquals(reads.asked, { beats: "1-0", topic: "1099-0" });
  await reads.answer({ beats: [entry("2000-0")], topic: [entry("1100-0")] });
  assertEquals(heard.slice(-2), ["1100-0", "2000-0"]);
  for (const end of ends) await end();
  await reads.answer(null);
});

test("redisStreams() goes on where it was when a channel is made anew", async () => {
  const reads = new Reads();
  const commands: string[] = [];
  const broker = redisStreams((command) => {
    commands.push(command.slice(0, 2).join(" "));
    return Promise.resolve([]);
  }, reads.send);
  const heard: string[] = [];
  const quiet = { interrupted() {} };
  let end = await broker.subscribe("topic", {
    ...quiet,
    message(text) {
      heard.push(text);
      const ended = end();
      Promise.resolve(ended).then(async () => {
        end = await broker.subscribe("topic", {
          ...quiet,
          message: (text) => heard.push(`anew ${text}`),
        });
      });
    },
  });
  const other = await broker.subscribe("other", {
    ...quiet,
    message: (text) => heard.push(`other ${text}`),
  });
  const rest = { topic: [entry("3-0")], other: [entry("4-0")] };
  await reads.answer({ ...rest, topic: [entry("2-0"), ...rest.topic] });
  // What came behind is not handed over before it.
  assertEquals(heard, ["2-0"]);
  assertEquals(reads.asked, { topic: "2-0", other: "0-0" });
  await reads.answer(rest);
  assertEquals(heard, ["2-0", "anew 3-0", "other 4-0"]);
  const asked = commands.filter((command) => command === "XREVRANGE topic");
  assertEquals(asked.length, 1);
  // Nobody wants it any more: whoever comes begins with what is newest.
  await end();
  await reads.answer({ topic: [entry("5-0")] });
  assertEquals(reads.asked, { other: "4-0" });
  await other();
  await reads.answer(null);
});
