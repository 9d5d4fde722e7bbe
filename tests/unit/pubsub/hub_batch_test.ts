/** What is published in one go goes out as one, and nobody sees the difference. */

import { assertEquals } from "@std/assert";

import { Dialer } from "../../../src/client/dialer.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import { Hub } from "../../../src/pubsub/hub.ts";
import { serve } from "../../../src/server/serve.ts";
import { pipe } from "../../../src/testing/mod.ts";
import type { Engine } from "../../../src/transport/transport.ts";
import { deferred, test } from "../../support/helper.ts";
import { turn } from "../wire/held_stream.ts";

type Ends = [client: Conn, server: Conn];

/** Runs with both ends of so many connections over TCP. */
async function withConns(
  engine: Engine,
  compressed: boolean,
  count: number,
  fn: (ends: Ends[]) => Promise<void>,
): Promise<void> {
  const arrived: Conn[] = [];
  await using server = await serve((conn) => {
    arrived.push(conn);
    return conn.closed.then(() => {});
  }, {
    port: 0,
    hostname: "127.0.0.1",
    engine,
    upgrader: { enableCompression: compressed },
  });
  const dialer = new Dialer({ enableCompression: compressed });
  const ends: Ends[] = [];
  for (let i = 0; i < count; i++) {
    const url = `ws://127.0.0.1:${server.addr.port}/`;
    const { conn } = await dialer.dial(url);
    while (arrived.length <= i) await turn();
    ends.push([conn, arrived[i]!]);
  }
  await fn(ends);
  await Promise.all(ends.map(([client]) => client.close()));
  await Promise.all(ends.map(([, server]) => server.closed));
}

for (const engine of ["wire", "native"] as const) {
  for (const compressed of [false, true]) {
    test(`hub.publish() in bursts keeps every order on ${engine}, compressed: ${compressed}`, async () => {
      await withConns(engine, compressed, 3, async (ends) => {
        await using hub = new Hub();
        const wanted: string[][] = ends.map(() => []);
        let seed = 7;
        const random = (below: number) => {
          seed = seed * 1103515245 + 12345 & 0x7fffffff;
          return (seed >> 8) % below;
        };
        const topics = ["a", "b"];
        for (const topic of topics) {
          for (const [, server] of ends) await hub.subscribe(topic, server);
        }
        for (let i = 0; i < 600; i++) {
          const who = random(ends.length);
          const [, server] = ends[who]!;
          const data = `${i} ${
            "x".repeat(random(10) === 0 ? 20_000 : random(900))
          }`;
          switch (random(8)) {
            case 0:
              server.send(data);
              wanted[who]!.push(data);
              break;
            case 1:
              hub.publish("a", data, { except: server });
              wanted.forEach((list, j) => j !== who && list.push(data));
              break;
            case 2:
              hub.unsubscribe("b", server);
              hub.publish("b", data);
              hub.subscribe("b", server);
              wanted.forEach((list, j) => j !== who && list.push(data));
              break;
            case 3:
              await turn();
              break;
            default:
              hub.publish(topics[random(2)]!, data);
              for (const list of wanted) list.push(data);
          }
        }
        for (const [i, [client]] of ends.entries()) {
          for (const data of wanted[i]!) {
            const message = await client.readMessage();
            if (message.data === data) continue;
            throw new Error(
              `${String(message.data).slice(0, 9)} came for ${
                data.slice(0, 9)
              }`,
            );
          }
        }
      });
    });
  }

  test(`conn.close() comes after what was published on ${engine}`, async () => {
    await withConns(engine, false, 2, async (ends) => {
      const [[client, server], [, other]] = ends as [Ends, Ends];
      await using hub = new Hub();
      for (const conn of [server, other]) await hub.subscribe("topic", conn);
      for (let i = 0; i < 3; i++) hub.publish("topic", `${i}`);
      server.close(4000, "enough");
      for (let i = 0; i < 3; i++) {
        assertEquals((await client.readMessage()).data, `${i}`);
      }
      assertEquals((await client.closed).code, 4000);
    });
  });
}

for (const engine of ["wire", "native"] as const) {
  test(`conn.stats counts what was published in one go on ${engine}`, async () => {
    await withConns(engine, false, 1, async (ends) => {
      const [[client, server]] = ends as [Ends];
      await using hub = new Hub();
      await hub.subscribe("topic", server);
      const sizes = [0, 125, 126, 600, 20_000];
      for (const size of sizes) hub.publish("topic", new Uint8Array(size));
      hub.publish("topic", "ü");
      for (let i = 0; i <= sizes.length; i++) await client.readMessage();
      const { messages, bytes } = server.stats.sent;
      const total = sizes.reduce((sum, size) => sum + size, 2);
      assertEquals([messages, bytes], [sizes.length + 1, total]);
    });
  });
}

test("what a connection writes in whatever way comes after what was published", async () => {
  const [client, server] = pipe();
  await using hub = new Hub();
  await using other = new Hub();
  for (const one of [hub, other]) await one.subscribe("topic", server);
  const publish = () => {
    for (const one of [hub, other]) {
      for (const data of ["1", "2"]) one.publish("topic", data);
    }
  };
  publish();
  server.writeJSON("json");
  publish();
  const writer = server.nextWriter(1).getWriter();
  await writer.write(new TextEncoder().encode("writer"));
  await writer.close();
  publish();
  assertEquals(server.bufferedAmount > 0, true);
  const heard: string[] = [];
  while (heard.length < 14) {
    heard.push(String((await client.readMessage()).data));
  }
  const all = ["1", "2", "1", "2"];
  assertEquals(heard, [...all, '"json"', ...all, "writer", ...all]);
  await Promise.all([client.close(), server.closed]);
});

test("two hubs keep their order on a connection that they share", async () => {
  const [client, server] = pipe();
  await using hub = new Hub();
  await using other = new Hub();
  for (const one of [hub, other]) await one.subscribe("topic", server);
  const wanted: string[] = [];
  for (const [i, one] of [hub, other, hub, hub, other, other].entries()) {
    one.publish("topic", `${i}`);
    wanted.push(`${i}`);
  }
  const heard: string[] = [];
  for (const _ of wanted) {
    heard.push(String((await client.readMessage()).data));
  }
  assertEquals(heard, wanted);
  await Promise.all([client.close(), server.closed]);
});

test("a client's connection may subscribe as well", async () => {
  const [client, server] = pipe();
  await using hub = new Hub();
  await hub.subscribe("topic", client);
  for (let i = 0; i < 20; i++) hub.publish("topic", `${i}`);
  for (let i = 0; i < 20; i++) {
    assertEquals((await server.readMessage()).data, `${i}`);
  }
  await Promise.all([client.close(), server.closed]);
});

test("a burst without end goes out in parts", async () => {
  const [client, server] = pipe();
  await using hub = new Hub();
  await hub.subscribe("topic", server);
  const part = "x".repeat(1000);
  const seen = deferred();
  const reading = (async () => {
    for (let i = 0; i < 2_000; i++) {
      assertEquals((await client.readMessage()).data, part);
      if (i === 0) seen.resolve();
    }
  })();
  for (let i = 0; i < 2_000; i++) hub.publish("topic", part);
  await reading;
  await Promise.all([client.close(), server.closed]);
});
