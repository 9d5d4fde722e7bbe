/** What streams of Redis promise beyond other brokers: a silence costs nothing. */

import { assert, assertEquals, assertRejects } from "@std/assert";

import { Hub, redisStreams } from "../../../src/pubsub/mod.ts";
import type { Gap } from "../../../src/pubsub/options.ts";
import { deferred, test, withTimeout } from "../../support/helper.ts";
import { Lookout } from "./lookout.ts";
import { lacksClients, nodeRedis } from "./npm_clients.ts";
import { BrokerServer, REDIS } from "./servers.ts";

const HEARTBEAT = 250;
const ON_REDIS = { lacks: lacksClients ?? REDIS.lacks, timeout: 60_000 };

class Beats extends Lookout {
  count = 0;

  beat(): void {
    this.count++;
    this.look();
  }

  async more(count: number): Promise<void> {
    const enough = this.count + count;
    await this.until(`${count} heartbeats`, () => this.count >= enough);
  }
}

test(
  "redisStreams() loses nothing, and tells no gap, after a silence of many heartbeats",
  async () => {
    await using server = await BrokerServer.start(REDIS);
    const [here, there] = [
      await nodeRedis(server.port),
      await nodeRedis(server.port),
    ];
    let held: Promise<void> | undefined;
    const beats = new Beats();
    const gaps: Gap[] = [];
    const options = { length: 10_000 };
    const broker = redisStreams(
      (command) => here.clients[0].sendCommand(command),
      async (command) => {
        const answer = await here.clients[1].sendCommand(command);
        await held;
        return answer;
      },
      options,
    );
    const sender = redisStreams(
      (command) => {
        if (command[0] === "XADD" && command[1] === "ws!") beats.beat();
        return there.clients[0].sendCommand(command);
      },
      (command) => there.clients[1].sendCommand(command),
      options,
    );
    try {
      await using ear = new Hub({
        broker,
        heartbeat: HEARTBEAT,
        onGap: (gap) => gaps.push(gap),
      });
      await using mouth = new Hub({ broker: sender, heartbeat: HEARTBEAT });
      const heard: string[] = [];
      const { promise, resolve } = deferred();
      await ear.subscribe("topic", (data) => {
        if (data === "last") resolve();
        else heard.push(String(data));
      });
      await Promise.all([ear.ready, mouth.ready]);
      let sent = 0;
      const speak = async (count: number) => {
        for (let i = 0; i < count; i++) {
          await mouth.publish("topic", `${sent++}`);
        }
      };
      await speak(10);
      await beats.more(4);
      const silence = deferred();
      held = silence.promise;
      // More than is read in one go, and heartbeats between.
      for (let i = 0; i < 5; i++) {
        await speak(500);
        await beats.more(1);
      }
      held = undefined;
      silence.resolve();
      await speak(10);
      await beats.more(3);
      await mouth.publish("topic", "last");
      await withTimeout(promise, 20_000, "the last");
      assertEquals(heard, Array.from({ length: sent }, (_, i) => `${i}`));
      // Its own heartbeats were not heard, which is another silence.
      assertEquals(gaps.filter(({ missed }) => missed !== undefined), []);
    } finally {
      here.close();
      there.close();
    }
  },
  ON_REDIS,
);

test(
  "redisStreams() leaves a key alone that is no stream, and its own are bounded",
  async () => {
    await using server = await BrokerServer.start(REDIS);
    const { clients, close } = await nodeRedis(server.port);
    const owner = (...command: string[]) => clients[0].sendCommand(command);
    try {
      await using hub = new Hub({
        broker: redisStreams(
          (command) => clients[0].sendCommand(command),
          (command) => clients[1].sendCommand(command),
        ),
      });
      await hub.ready;
      await owner("HSET", "ws:session", "user", "1");
      await assertRejects(
        () => hub.publish("session", "Hello"),
        Error,
        "WRONGTYPE",
      );
      assertEquals(await owner("TTL", "ws:session"), -1);
      await hub.publish("topic", "Hello");
      assert(Number(await owner("TTL", "ws:topic")) > 0);
      for (let i = 0; i < 300; i++) await hub.subscribe(`topic ${i}`, () => {});
      const wake = await owner("KEYS", "wake:*");
      assertEquals(wake.length, 1);
      assert(Number(await owner("XLEN", wake[0])) <= 1);
      assert(Number(await owner("TTL", wake[0])) > 0);
    } finally {
      close();
    }
  },
  ON_REDIS,
);
