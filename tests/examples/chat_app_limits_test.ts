/** What a page may cost the chat, and what it is told when it wants more. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  COMMAND_BYTES,
  TEXT_LENGTH,
} from "../../examples/chat_app/protocol.ts";
import { RateLimit } from "../../examples/chat_app/rate_limit.ts";
import { Dialer } from "../../src/client/dialer.ts";
import { ReadLimitError, WriteLimitError } from "../../src/errors.ts";
import { BadHandshakeError } from "../../src/peer_errors.ts";
import { portOf } from "../support/servers.ts";
import { test } from "../support/helper.ts";
import { FAST, joinOf, Person, startChat } from "./chat_app_person.ts";

const join = joinOf("Ann");

test("chat_app refuses what it does not understand", async () => {
  await using server = await startChat();
  const say = { type: "say", id: "message-1", text: "hello" };
  const cases: [messages: unknown[], reason: string][] = [
    ["no JSON", "Bad JSON"],
    [null, "Bad JSON"],
    [[], "Bad type"],
    [{ type: "constructor" }, "Bad type"],
    [say, "Join first"],
    [{ ...join, name: undefined }, "Bad name"],
    [{ ...join, name: { toString: "Bo" } }, "Bad name"],
    [{ ...join, room: 1 }, "Bad room"],
    [{ ...join, key: "short" }, "Bad key"],
    [{ ...join, after: "../../etc" }, "Bad after"],
  ].map(([message, reason]) => [[message], reason as string]);
  cases.push(
    [[join, join], "Joined already"],
    [[join, { ...say, id: "" }], "Bad id"],
    [[join, { ...say, text: "\n \n" }], "Bad text"],
    [[join, { ...say, text: ["a"] }], "Bad text"],
    [[join, { ...say, text: "x".repeat(TEXT_LENGTH + 1) }], "Text too long"],
  );
  for (const [messages, reason] of cases) {
    await using person = await Person.dial(server);
    for (const message of messages) {
      person.conn.send(
        typeof message === "string" ? message : JSON.stringify(message),
      );
    }
    const code = reason === "Join first" ? 1008 : 4003;
    assertEquals(await person.end(), { code, reason });
  }
});

test("chat_app refuses names that cannot be seen as they are", async () => {
  await using server = await startChat();
  const names = [
    "",
    " \n ",
    "x".repeat(33),
    "Bo\u202elong",
    "Bo\0",
    "\ud800",
    // Not seen: alone, and within a name that is somebody else's then.
    ..."\u00ad\u034f\u061c\u115f\u1160\u17b4\u180e\u200b\u200c\u200d\u2060" +
      "\u2066\u2800\u3164\ufe0f\ufeff\uffa0\ufff9\ue000",
    "An\u200bn",
    "An\u200dn",
    "Ann\ufe0f",
    "Ann\u3164",
    "Ann\u{e0061}",
    "Ann\u{1d173}",
    // Marks on nothing, and a flood of them.
    "\u0301Ann",
    "Ann \u0301",
    "A" + "\u0316\u0317\u0318\u0319\u031c\u031d",
  ];
  for (const field of ["name", "room"]) {
    for (const name of names) {
      await using person = await Person.dial(server);
      person.send({ ...join, [field]: name });
      assertEquals(await person.end(), {
        code: 4002,
        reason: `The ${field} cannot be used`,
      });
    }
  }
});

test("chat_app takes names of any script, and emoji of several", async () => {
  await using server = await startChat();
  for (
    const name of [
      "Zo\u00eb",
      "Nguy\u1ec5n",
      "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",
      "\u0e19\u0e49\u0e33",
      "\u2764\ufe0f",
      "Ann \u{1f469}\u200d\u{1f4bb}",
      "O'Neill-Smith",
    ]
  ) {
    const { person } = await Person.join(server, name);
    await person.conn.close();
  }
});

test("chat_app refuses binary, and what is larger than any command", async () => {
  const errors: unknown[] = [];
  await using server = await startChat({ onError: (e) => errors.push(e) });
  const binary = await Person.dial(server);
  binary.conn.send(new Uint8Array(3));
  assertEquals((await binary.end()).code, 1003);
  const large = await Person.dial(server);
  large.conn.send(" ".repeat(COMMAND_BYTES + 1));
  assertEquals((await large.end()).code, 1009);
  assert(errors[0] instanceof ReadLimitError);
});

test("chat_app takes the longest text there is", async () => {
  await using server = await startChat();
  const { person } = await Person.join(server, "Ann");
  // Every unit takes six bytes in JSON.
  const text = "\u0001".repeat(TEXT_LENGTH);
  person.say("x".repeat(64), text);
  assertEquals((await person.hearMessage()).text, text);
  person.say("message-2", "\ud800 half of a pair");
  assertEquals((await person.hearMessage()).text, "\ufffd half of a pair");
  await person.conn.close();
});

test("chat_app does not wait for a page that does not join", async () => {
  await using server = await startChat({ limits: { joinTime: 20 } });
  const person = await Person.dial(server);
  assertEquals(await person.end(), { code: 1008, reason: "Join first" });
});

test("chat_app holds back a page that is too fast, then cuts it", async () => {
  await using server = await startChat({
    limits: { burst: 3, perSecond: 10, tooFast: 3 },
  });
  const { person } = await Person.join(server, "Ann");
  for (let i = 0; i < 50; i++) person.say(`message-${i}`, "spam");
  for (let i = 0; i < 6; i++) {
    // It is told why, once.
    if (i === 3) await person.hear("slow");
    assertEquals((await person.hearMessage()).id, `message-${i}`);
  }
  assertEquals(await person.end(), {
    code: 4003,
    reason: "Too many messages",
  });
});

test("RateLimit.take() lets a burst pass, then tells how long to wait", () => {
  const rate = new RateLimit(3, 2, 1_000);
  assertEquals([1, 2, 3].map(() => rate.take(1_000)), [0, 0, 0]);
  assertEquals(rate.take(1_000), 500);
  assertEquals(rate.take(1_500), 500);
  assertEquals(rate.take(2_500), 0);
  // It holds no more than the burst, however long nothing comes.
  const later = [1, 2, 3, 4].map(() => rate.take(1e9));
  assertEquals(later, [0, 0, 0, 500]);
});

test("chat_app bounds people, rooms and connections", async () => {
  await using server = await startChat({
    limits: { people: 2, rooms: 2, connections: 4 },
  });
  const refusal = async (name: string, room: string) => {
    await using person = await Person.dial(server);
    person.send(joinOf(name, { room }));
    return await person.end();
  };
  const { person: ann } = await Person.join(server, "Ann");
  const { person: bo } = await Person.join(server, "Bo");
  assertEquals(await refusal("Cy", "tea"), {
    code: 1013,
    reason: "The room is full",
  });
  const { person: cy } = await Person.join(server, "Cy", { room: "coffee" });
  assertEquals(await refusal("Di", "milk"), {
    code: 1013,
    reason: "Too many rooms",
  });
  // An empty one makes way.
  await cy.conn.close();
  const di = await Person.join(server, "Di", { room: "milk" });
  assertEquals(di.welcome.people, ["Di"]);

  const last = await Person.dial(server);
  const error = await assertRejects(
    () => Person.dial(server),
    BadHandshakeError,
  );
  assertEquals(error.response.status, 503);
  assertEquals(error.response.headers.get("retry-after"), "30");
  await Promise.all(
    [ann, bo, di.person, last].map(({ conn }) => conn.close()),
  );
});

test("chat_app refuses the pages of other sites", async () => {
  await using server = await startChat();
  const url = `ws://127.0.0.1:${portOf(server)}/chat`;
  const error = await assertRejects(
    () =>
      new Dialer().dial(url, { headers: { Origin: "http://evil.example" } }),
    BadHandshakeError,
  );
  assertEquals(error.response.status, 403);
});

test("chat_app cuts who does not read, and nobody else notices", async () => {
  const errors: unknown[] = [];
  await using server = await startChat({
    limits: { ...FAST, unsent: 2 ** 18 },
    onError: (error) => errors.push(error),
  });
  const slow = await Person.dial(server, { readBufferSize: 1_024 });
  slow.send(joinOf("Slow"));
  const { person: ann } = await Person.join(server, "Ann");
  const { person: bo } = await Person.join(server, "Bo");
  assertEquals((await ann.hear("joined")).name, "Bo");

  const text = "多".repeat(TEXT_LENGTH);
  let heard = 0;
  for (let sent = 0;; sent++) {
    ann.say(`message-${sent}`, text);
    const event = await ann.conn.readJSON<{ type: string; name?: string }>();
    if (event.type === "left") {
      assertEquals(event.name, "Slow");
      break;
    }
    await bo.hearMessage();
    heard++;
  }
  assertEquals((await bo.hear("left")).name, "Slow");
  // The message that was under way then, and all before it.
  assertEquals((await ann.hearMessage()).id, `message-${heard}`);
  assertEquals((await bo.hearMessage()).id, `message-${heard}`);
  await Promise.all([ann, bo].map(({ conn }) => conn.close()));
  slow.conn.terminate();
  assert(errors[0] instanceof WriteLimitError);
}, { timeout: 30_000 });
