/** The chat in a real browser: what its users do, and what they see. */

import { assert, assertEquals } from "@std/assert";

import { TEXT_LENGTH } from "../../examples/chat_app/protocol.ts";
import { Browser, lacksBrowser } from "../browser/browser.ts";
import { noiseBytes } from "../unit/deflate/samples.ts";
import { freePort } from "../support/free_port.ts";
import { test } from "../support/helper.ts";
import { FAST, Folder, Person, startChat } from "./chat_app_person.ts";
import { LIMIT, Visitor } from "./chat_app_visitor.ts";

const BATCH = 100;
const OPTIONS = { lacks: lacksBrowser, timeout: 120_000 };

test("two pages of chat_app talk, and one reloads", async () => {
  await using server = await startChat();
  await using browser = await Browser.launch();
  const ann = await Visitor.join(browser, server, "Ann");
  const bo = await Visitor.open(browser, server);
  await bo.enter("ann");
  await bo.page.waitFor(
    `document.getElementById("door-error").textContent.includes("taken")`,
  );
  await bo.enter("Bo");
  await bo.connected();
  await ann.seesPeople("Ann", "Bo");
  await bo.seesPeople("Bo", "Ann");

  const evil = `<img src=x onerror="document.title='evil'"> & <b>bold</b>`;
  await ann.say("Hello, Bo!");
  await bo.sees("Hello, Bo!");
  await bo.say(evil);
  // Either page may be the first to hear it.
  await ann.sees(evil);
  await bo.sees(evil);
  const seen = (own: string) =>
    [["Ann", "Hello, Bo!"], ["Bo", evil]].map(([name, text]) => ({
      name,
      text,
      own: name === own,
    }));
  assertEquals(await ann.messages(), seen("Ann"));
  assertEquals(await bo.messages(), seen("Bo"));
  assertEquals(await ann.page.evaluate("document.title"), "tea · Chat");

  await ann.page.type("half a thou");
  await ann.reload();
  await ann.connected();
  await ann.sees(evil);
  assertEquals(await ann.messages(), seen("Ann"));
  await ann.seesPeople("Ann", "Bo");
  await bo.seesPeople("Bo", "Ann");
  await ann.say("ght");
  await bo.sees("half a thought");

  await ann.page.click("#leave");
  await bo.seesPeople("Bo");
  await ann.page.waitFor(`document.getElementById("name").value === "Ann"`);
  assertEquals([...ann.page.errors, ...bo.page.errors], []);
}, OPTIONS);

test("a page of chat_app shows the gap that it is told of", async () => {
  await using server = await startChat();
  await using browser = await Browser.launch();
  const ann = await Visitor.open(browser, server);
  await ann.page.evaluate(`void (globalThis.WebSocket =
    class extends WebSocket {
      constructor(url) {
        super(url);
        globalThis.socket = this;
      }
    })`);
  await ann.enter("Ann");
  await ann.connected();
  await ann.say("before");
  await ann.sees("before");
  // As the server says it: tests/examples/chat_app_mend_test.ts.
  await ann.page.evaluate(
    `socket.onmessage({ data: JSON.stringify({ type: "gap" }) })`,
  );
  await ann.say("after");
  await ann.sees("after");
  const lines: string[] = await ann.page.evaluate(
    `Array.from(document.querySelectorAll("#said > *"), (item) =>
      (item.querySelector(".text") ?? item).textContent)`,
  );
  assertEquals(lines.slice(1), [
    "before",
    "Some messages are missing here",
    "after",
  ]);
  assertEquals(ann.page.errors, []);
}, OPTIONS);

test("chat_app's pages outlive a restart, and nothing is lost", async () => {
  using folder = new Folder();
  const history = `${folder.path}/history.jsonl`;
  const port = await freePort();
  let server = await startChat({ history, port });
  try {
    await using browser = await Browser.launch();
    const ann = await Visitor.join(browser, server, "Ann");
    const bo = await Visitor.join(browser, server, "Bo");
    await ann.say("before");
    await bo.sees("before");

    await server.shutdown();
    for (const { page } of [ann, bo]) {
      await page.waitFor(
        `document.getElementById("banner-text").textContent
          .includes("Next try in")`,
      );
    }
    await ann.say("from Ann, meanwhile");
    await bo.say("from Bo, meanwhile");
    const unsent = `document.querySelectorAll("#unsent .message").length`;
    assertEquals(await ann.page.evaluate(unsent), 1);

    server = await startChat({ history, port });
    for (const visitor of [ann, bo]) {
      await visitor.connected();
      await visitor.sees("from Ann, meanwhile");
      await visitor.sees("from Bo, meanwhile");
      await visitor.page.waitFor(`${unsent} === 0`);
      await visitor.page.waitFor(`document.getElementById("banner").hidden`);
    }
    await ann.seesPeople("Ann", "Bo");

    // A network that cuts what it carries, and no good-bye.
    for (const conn of server.conns) conn.terminate();
    await ann.say("after");
    await bo.sees("after");
    await ann.sees("after");
    const texts = async (visitor: Visitor) =>
      (await visitor.messages()).map(({ text }) => text);
    const all = await texts(ann);
    assertEquals(await texts(bo), all);
    assertEquals([all[0], all.length, all[3]], ["before", 4, "after"]);

    // Who comes later hears of it all.
    const cy = await Visitor.join(browser, server, "Cy");
    await cy.sees("after");
    assertEquals(await texts(cy), all);
  } finally {
    await server.shutdown();
  }
}, OPTIONS);

test("chat_app cuts a page that is stuck, and the others talk on", async () => {
  const errors: unknown[] = [];
  await using server = await startChat({
    limits: { ...FAST, unsent: 2 ** 18, history: 10_000 },
    onError: (error) => errors.push(error),
  });
  await using browser = await Browser.launch();
  const ann = await Visitor.join(browser, server, "Ann");
  const sam = await Visitor.join(browser, server, "Sam");
  const { person } = await Person.join(server, "Bo");
  await ann.seesPeople("Ann", "Bo", "Sam");
  // What is tested is not how fast Chromium breaks lines.
  for (const { page } of [ann, sam]) {
    await page.evaluate(
      `document.getElementById("log").style.contentVisibility = "hidden"`,
    );
  }
  await sam.page.call("Debugger.enable");
  const stuck = sam.page.evaluate("debugger");

  // Pages have compression, so it must be such as cannot be compressed.
  const text = String.fromCharCode(
    ...noiseBytes(TEXT_LENGTH - 10).map((byte) => 33 + byte % 94),
  );
  let sent = 0;
  for (let left = false; !left;) {
    for (let i = 0; i < BATCH; i++) {
      person.say(`message-${++sent}`, `${sent} ${text}`);
    }
    for (let heard = 0; heard < BATCH;) {
      const event = await person.conn.readJSON<{ type: string }>();
      if (event.type === "said") heard++;
      left ||= event.type === "left";
    }
    // Ann reads as fast as she can, and no faster.
    await ann.page.waitFor(
      `document.querySelector("#said li:last-child .text").textContent
        .startsWith("${sent} ")`,
      LIMIT,
    );
  }
  await ann.seesPeople("Ann", "Bo");
  await ann.say("Where is Sam?");
  assertEquals((await person.hearMessage()).text, "Where is Sam?");
  const unbroken = async (visitor: Visitor) => {
    await visitor.sees("Where is Sam?");
    const messages = (await visitor.messages()).slice(0, -1);
    const numbers = messages.map(({ text }) => Number.parseInt(text));
    assertEquals(numbers, numbers.map((_, i) => sent - numbers.length + i + 1));
    return numbers.length;
  };
  assert(await unbroken(ann) > 100);

  await sam.page.call("Debugger.resume");
  await stuck;
  await sam.connected();
  await ann.seesPeople("Ann", "Bo", "Sam");
  assert(await unbroken(sam) > 100);
  assertEquals(errors.length, 1);
  await person.conn.close();
}, OPTIONS);

test(
  "chat_app's page says why messages wait, until they have gone",
  async () => {
    await using server = await startChat({
      limits: { burst: 1, perSecond: 5 },
    });
    await using browser = await Browser.launch();
    const { page } = await Visitor.join(browser, server, "Ann");
    const told = page.waitFor(
      `document.getElementById("banner").checkVisibility() &&
      !document.getElementById("retry").checkVisibility() &&
      [state.textContent, document.getElementById("banner-text").textContent]`,
    );
    await page.evaluate(`(() => {
    for (let i = 0; i < 5; i++) {
      text.value = "message " + i;
      composer.requestSubmit();
    }
  })()`);
    assertEquals(await told, [
      "Slowed down",
      "You write faster than the chat allows. The rest will follow.",
    ]);
    await page.waitFor(
      `document.querySelectorAll("#said .message").length === 5 &&
      document.getElementById("banner").hidden &&
      state.textContent === "Connected"`,
    );
    assertEquals(page.errors, []);
  },
  OPTIONS,
);

test("chat_app's page makes links of addresses", async () => {
  await using server = await startChat();
  await using browser = await Browser.launch();
  const ann = await Visitor.join(browser, server, "Ann");
  const text = "See http://127.0.0.1:1/a?b=c&d=<b>, javascript:alert(1) and " +
    "(https://example.com/x_(y))!";
  await ann.say(text);
  await ann.sees(text);
  const links = await ann.page.evaluate(
    `Array.from(said.querySelectorAll("a"), (link) =>
      [link.textContent, link.href, link.rel, link.target])`,
  );
  assertEquals(
    links,
    ["http://127.0.0.1:1/a?b=c&d=", "https://example.com/x_(y)"].map(
      (url) => [url, url, "noopener noreferrer", "_blank"],
    ),
  );
  assertEquals(await ann.page.evaluate(`said.querySelectorAll("b").length`), 0);
  assertEquals(ann.page.errors, []);
}, OPTIONS);
