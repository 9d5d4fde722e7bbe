/** The chat's rooms: who is there, what is said, what is remembered. */

import { assert, assertEquals } from "@std/assert";
import { test } from "../support/helper.ts";
import { FAST, Person, startChat } from "./chat_app_person.ts";

test("chat_app greets and tells who comes and goes", async () => {
  await using server = await startChat();
  const { person: ann, welcome } = await Person.join(server, "Ann");
  assertEquals(welcome, {
    type: "welcome",
    room: "tea",
    name: "Ann",
    people: ["Ann"],
    messages: [],
    gap: false,
  });
  const other = await Person.join(server, " Bo\tthe  Second ");
  assertEquals(other.welcome.name, "Bo the Second");
  assertEquals(other.welcome.people, ["Ann", "Bo the Second"]);
  assertEquals((await ann.hear("joined")).name, "Bo the Second");
  await other.person.conn.close();
  assertEquals((await ann.hear("left")).name, "Bo the Second");
  // Cut off without a word.
  const { person: cut } = await Person.join(server, "Bo");
  await ann.hear("joined");
  cut.conn.terminate();
  assertEquals((await ann.hear("left")).name, "Bo");
  await ann.conn.close();
});

test("chat_app tells everybody in the room, in one order", async () => {
  await using server = await startChat({ limits: FAST });
  const before = Date.now();
  const { person: ann } = await Person.join(server, "Ann");
  const { person: bo } = await Person.join(server, "Bo");
  const { person: cy } = await Person.join(server, "Cy", { room: "other" });
  await ann.hear("joined");
  for (let i = 0; i < 100; i++) {
    (i % 3 === 0 ? ann : bo).say(`message-${i}`, ` text ${i}\n`);
  }
  const heard = [];
  for (const person of [ann, bo]) {
    const messages = [];
    for (let i = 0; i < 100; i++) messages.push(await person.hearMessage());
    heard.push(messages);
  }
  assertEquals(heard[0], heard[1]);
  const byId = new Map(heard[0]!.map((message) => [message.id, message]));
  for (let i = 0; i < 100; i++) {
    const { name, text, time } = byId.get(`message-${i}`)!;
    assertEquals([name, text], [i % 3 === 0 ? "Ann" : "Bo", `text ${i}`]);
    assert(time >= before && time <= Date.now());
  }
  // Nothing of it has come to the other room.
  cy.send({ type: "ping" });
  await cy.hear("pong");
  await Promise.all([ann, bo, cy].map(({ conn }) => conn.close()));
});

test("chat_app resumes after the message that a page names", async () => {
  await using server = await startChat({ limits: { ...FAST, history: 5 } });
  const { person: ann } = await Person.join(server, "Ann");
  const resume = async (after: string) => {
    const { person, welcome } = await Person.join(server, "Bo", { after });
    await ann.hear("joined");
    await person.conn.close();
    await ann.hear("left");
    const { messages, gap } = welcome;
    return { ids: messages.map(({ id }) => Number(id.slice(-1))), gap };
  };
  const say = async (i: number) => {
    ann.say(`message-${i}`, "text");
    await ann.hearMessage();
  };
  for (let i = 1; i <= 5; i++) await say(i);
  assertEquals(await resume(""), { ids: [1, 2, 3, 4, 5], gap: false });
  assertEquals(await resume("message-2"), { ids: [3, 4, 5], gap: false });
  assertEquals(await resume("message-5"), { ids: [], gap: false });
  // Of a server before this one: nobody knows what was said behind it.
  assertEquals(await resume("message-x"), {
    ids: [1, 2, 3, 4, 5],
    gap: true,
  });
  await say(6);
  assertEquals(await resume("message-1"), { ids: [2, 3, 4, 5, 6], gap: true });
  assertEquals(await resume("message-2"), { ids: [3, 4, 5, 6], gap: false });
  assertEquals(await resume(""), { ids: [2, 3, 4, 5, 6], gap: false });
  await ann.conn.close();
});

test("chat_app tells a gap in a room that it has forgotten meanwhile", async () => {
  await using server = await startChat({ limits: { ...FAST, rooms: 1 } });
  const visit = async (room: string, name: string, after = "") => {
    const { person, welcome } = await Person.join(server, name, {
      room,
      after,
    });
    person.say(`message-${name}`, "text");
    await person.hearMessage();
    await person.conn.close();
    return welcome;
  };
  await visit("one", "Ann");
  await visit("one", "Bo");
  await visit("two", "Cy");
  const { messages, gap } = await visit("one", "Ann", "message-Ann");
  assertEquals({ messages, gap }, { messages: [], gap: true });
});

test("chat_app says once what is sent twice", async () => {
  await using server = await startChat();
  const { person: ann } = await Person.join(server, "Ann");
  const { person: bo } = await Person.join(server, "Bo");
  await ann.hear("joined");
  ann.say("message-1", "first");
  const message = await ann.hearMessage();
  ann.say("message-1", "first");
  assertEquals(await ann.hearMessage(), message);
  ann.say("message-2", "second");
  assertEquals(await bo.hearMessage(), message);
  assertEquals((await bo.hearMessage()).text, "second");
  await Promise.all([ann, bo].map(({ conn }) => conn.close()));
});

test("chat_app gives a page its place again, and only that page", async () => {
  await using server = await startChat();
  const { person: ann } = await Person.join(server, "Ann");
  const { person: bo } = await Person.join(server, "Bo", { key: "secret-1" });
  assertEquals((await ann.hear("joined")).name, "Bo");

  for (const name of ["Bo", "bo", "ＢＯ"]) {
    const thief = await Person.dial(server);
    thief.send({
      type: "join",
      room: "tea",
      name,
      key: "secret-2",
      after: "",
    });
    assertEquals(await thief.end(), {
      code: 4000,
      reason: "The name is taken",
    });
  }

  // The old connection may be dead without anybody knowing it yet.
  const again = await Person.join(server, "Bo", { key: "secret-1" });
  assertEquals(again.welcome.people, ["Ann", "Bo"]);
  assertEquals(await bo.end(), {
    code: 4001,
    reason: "Joined again elsewhere",
  });
  // Nobody else has noticed.
  again.person.say("message-1", "still here");
  assertEquals((await ann.hearMessage()).text, "still here");
  await again.person.conn.close();
  assertEquals((await ann.hear("left")).name, "Bo");
  await ann.conn.close();
});
