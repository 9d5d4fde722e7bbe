/** One conversation over several processes, by Redis. */

import { once } from "node:events";
import net from "node:net";

import { assertEquals, assertStringIncludes } from "@std/assert";

import { BrokerServer, REDIS } from "../interop/brokers/servers.ts";
import { TcpLink } from "../interop/brokers/tcp_link.ts";
import { test, withTimeout } from "../support/helper.ts";
import { FAST, Person, startChat } from "./chat_app_person.ts";
import { Program, START_LIMIT } from "./program.ts";

test("chat_app with --redis is one conversation with one history", async () => {
  await using redis = await BrokerServer.start(REDIS);
  const options = { redis: `redis://127.0.0.1:${redis.port}` };
  await using here = await startChat(options);
  {
    await using there = await startChat(options);
    const { person: ann } = await Person.join(here, "Ann");
    const { person: bo, welcome } = await Person.join(there, "Bo");
    if (!welcome.people.includes("Ann")) {
      assertEquals((await bo.hear("joined")).name, "Ann");
    }
    assertEquals((await ann.hear("joined")).name, "Bo");

    ann.say("message-1", "from here");
    for (const person of [ann, bo]) {
      assertEquals((await person.hearMessage()).text, "from here");
    }
    bo.say("message-2", "from there");
    for (const person of [ann, bo]) {
      assertEquals((await person.hearMessage()).text, "from there");
    }

    // A name is taken everywhere, but by the page that has it.
    const thief = await Person.dial(there);
    thief.send({
      type: "join",
      room: "tea",
      name: "ann",
      key: "another-key",
      after: "",
    });
    assertEquals((await thief.end()).code, 4000);
    const again = await Person.join(there, "Ann", { after: "message-1" });
    assertEquals(again.welcome.messages.map(({ id }) => id), ["message-2"]);
    assertEquals((await ann.end()).code, 4001);

    const left = bo.conn.close();
    assertEquals((await again.person.hear("left")).name, "Bo");
    await left;
    const end = again.person.end();
    await there.shutdown();
    assertEquals((await end).code, 1001);
  }
  // What was said is known to a process that has heard nothing of it.
  await using late = await startChat(options);
  const { person: cy, welcome } = await Person.join(late, "Cy");
  assertEquals(welcome.messages.map(({ text }) => text), [
    "from here",
    "from there",
  ]);
  await cy.conn.close();
}, { only: "bun", lacks: REDIS.lacks });

test("chat_app with --redis reads again what it has missed", async () => {
  await using redis = await BrokerServer.start(REDIS);
  await using link = await TcpLink.to(redis.port);
  await using here = await startChat({
    redis: `redis://127.0.0.1:${redis.port}`,
  });
  await using there = await startChat({
    redis: `redis://127.0.0.1:${link.port}`,
  });
  const { person: ann } = await Person.join(here, "Ann");
  const { person: bo } = await Person.join(there, "Bo");
  link.cut();
  const count = 10;
  for (let i = 0; i < count; i++) ann.say(`message-${i}`, `${i}`);
  const heard = new Set<string>();
  while (heard.size < count) {
    const event = await bo.conn.readJSON<
      { type: string; message?: { text: string } }
    >();
    if (event.type === "said") heard.add(event.message!.text);
  }
  await Promise.all([ann.conn.close(), bo.conn.close()]);
}, { only: "bun", lacks: REDIS.lacks });

test(
  "chat_app with --redis tells a page of a process before what is forgotten",
  async () => {
    await using redis = await BrokerServer.start(REDIS);
    const options = {
      redis: `redis://127.0.0.1:${redis.port}`,
      limits: { ...FAST, history: 5 },
    };
    {
      await using before = await startChat(options);
      const { person: ann } = await Person.join(before, "Ann");
      for (let i = 1; i <= 8; i++) {
        ann.say(`message-${i}`, `${i}`);
        await ann.hearMessage();
      }
      await ann.conn.close();
    }
    await using late = await startChat(options);
    for (
      const [name, after, gap] of [
        ["Bo", "message-2", true],
        ["Cy", "message-4", false],
        ["Di", "", false],
      ] as const
    ) {
      const { person, welcome } = await Person.join(late, name, { after });
      assertEquals(welcome.gap, gap, name);
      const texts = welcome.messages.map(({ text }) => text);
      const all = ["4", "5", "6", "7", "8"];
      assertEquals(texts, name === "Cy" ? all.slice(1) : all);
      await person.conn.close();
    }
  },
  { only: "bun", lacks: REDIS.lacks },
);

test(
  "the example chat_app says how to bring a client for --redis on Deno",
  async () => {
    const args = ["--port", "0", "--redis", "redis://127.0.0.1:1"];
    await using chat = new Program("chat_app/main.ts", args, {
      allow: ["--allow-net", "--allow-read"],
    });
    assertEquals(await chat.exited, 1);
    assertStringIncludes(chat.stderr, "npm:redis");
    assertEquals(chat.stderr.trim().split("\n").length, 1, chat.stderr);
  },
  { only: "deno", timeout: START_LIMIT },
);

test("the example chat_app says soon that Redis is not there", async () => {
  const args = ["--port", "0", "--redis", "redis://127.0.0.1:1"];
  await using chat = new Program("chat_app/main.ts", args);
  // Bun's client tries for half a minute.
  assertEquals(await withTimeout(chat.exited, 15_000, "the end"), 1);
  assertEquals(
    chat.stderr.trim(),
    "Cannot connect to redis://127.0.0.1:1",
  );
}, { only: "bun", timeout: START_LIMIT });

test("chat_app with --redis ends where it cannot begin", async () => {
  await using redis = await BrokerServer.start(REDIS);
  const other = net.createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as net.AddressInfo;
  const args = ["--hostname", "127.0.0.1"];
  args.push("--redis", `redis://127.0.0.1:${redis.port}`);
  for (const more of [["--port", `${port}`], ["--history", "."]]) {
    await using chat = new Program("chat_app/main.ts", [...args, ...more]);
    assertEquals(await withTimeout(chat.exited, 15_000, "the end"), 1);
    assertEquals(chat.stderr.trim().split("\n").length, 1, chat.stderr);
  }
  other.close();
  await once(other, "close");
}, { only: "bun", lacks: REDIS.lacks, timeout: START_LIMIT });
