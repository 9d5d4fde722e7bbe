/** What the chat remembers over a restart, in a file. */

import { assertEquals } from "@std/assert";
import { appendFileSync } from "node:fs";

import { Journal } from "../../examples/chat_app/journal.ts";
import { test } from "../support/helper.ts";
import { Folder, Person, startChat } from "./chat_app_person.ts";

test("chat_app with a history resumes over a restart", async () => {
  using folder = new Folder();
  const history = `${folder.path}/history.jsonl`;
  const limits = { history: 3 };
  {
    await using server = await startChat({ history, limits });
    const { person: ann } = await Person.join(server, "Ann");
    for (const i of [1, 2, 3, 4]) {
      ann.say(`message-${i}`, `text ${i}`);
      await ann.hearMessage();
    }
    const { person: bo } = await Person.join(server, "Bo", { room: "other" });
    bo.say("message-5", "elsewhere");
    await bo.hearMessage();
    const ends = [ann.end(), bo.end()];
    await server.shutdown();
    for (const end of ends) assertEquals((await end).code, 1001);
  }
  await using server = await startChat({ history, limits });
  const { person: ann, welcome } = await Person.join(server, "Ann", {
    after: "message-2",
  });
  assertEquals(welcome.messages.map(({ text }) => text), ["text 3", "text 4"]);
  assertEquals(welcome.gap, false);
  // It knows what it has said, and what it has forgotten.
  ann.say("message-4", "text 4");
  assertEquals((await ann.hearMessage()).time, welcome.messages[1]!.time);
  const late = await Person.join(server, "Bo", { after: "message-1" });
  assertEquals(late.welcome.messages.length, 3);
  assertEquals(late.welcome.gap, true);
  const other = await Person.join(server, "Bo", { room: "other" });
  assertEquals(other.welcome.messages.map(({ text }) => text), ["elsewhere"]);
  await Promise.all(
    [ann, late.person, other.person].map(({ conn }) => conn.close()),
  );
});

test("Journal.read() loses nothing but the line that a crash has torn", () => {
  using folder = new Folder();
  const path = `${folder.path}/history.jsonl`;
  const journal = new Journal(path);
  assertEquals(journal.read(), []);
  const entry = (id: string) => ({
    room: "tea",
    message: { id, name: "Ann", text: "a\nb", time: 1 },
  });
  journal.append(entry("message-1"));
  appendFileSync(path, `\n{"room":"tea","mess`);
  journal.append(entry("message-2"));
  assertEquals(journal.read(), [entry("message-1"), entry("message-2")]);
});
