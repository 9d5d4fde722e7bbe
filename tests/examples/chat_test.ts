/** The small chat, by its page in a browser and by what no page sends. */

import { assertEquals, assertRejects } from "@std/assert";

import type { CloseInfo } from "../../src/close.ts";
import type { Conn } from "../../src/conn/conn.ts";
import { dial } from "../../src/client/dialer.ts";
import { BadHandshakeError } from "../../src/peer_errors.ts";
import { rawDial } from "../../src/testing/mod.ts";
import { Browser, lacksBrowser } from "../browser/browser.ts";
import type { Page } from "../browser/page.ts";
import { freePort } from "../support/free_port.ts";
import { test } from "../support/helper.ts";
import { lacksInterrupt, Program, START_LIMIT } from "./program.ts";

const LONG = { timeout: 2 * START_LIMIT, lacks: lacksInterrupt };

/** Runs the chat, until Ctrl-C; `fn` closes its connections. */
async function withChat(
  fn: (port: number, chat: Program) => Promise<void>,
): Promise<void> {
  await using chat = new Program("chat.ts", ["--port=0"], {
    allow: ["--allow-net", "--allow-read"],
  });
  await fn(await chat.port(), chat);
  chat.interrupt();
  assertEquals(await chat.exited, 0, chat.stderr);
}

async function enter(port: number, name: string): Promise<Conn> {
  const query = new URLSearchParams({ name });
  return (await dial(`ws://127.0.0.1:${port}/chat?${query}`)).conn;
}

async function endOf(conn: Conn): Promise<[code: number, reason: string]> {
  conn.closeRead();
  const { code, reason }: CloseInfo = await conn.closed;
  return [code, reason];
}

test("the example chat tells everybody, in one order", async () => {
  await withChat(async (port) => {
    const ann = await enter(port, "Ann");
    const bo = await enter(port, "Bo");
    ann.send("  <b>hello</b> ");
    ann.send(" ");
    ann.send(new Uint8Array(3));
    bo.send("hi");
    const heard: unknown[] = [];
    while (heard.length < 4) heard.push(await ann.readJSON());
    const said = [
      { type: "said", name: "Ann", text: "<b>hello</b>", people: 2 },
      { type: "said", name: "Bo", text: "hi", people: 2 },
    ];
    assertEquals(heard.slice(0, 2), [
      { type: "joined", name: "Ann", people: 1 },
      { type: "joined", name: "Bo", people: 2 },
    ]);
    assertEquals(
      new Set(heard.slice(2).map((it) => JSON.stringify(it))),
      new Set(said.map((it) => JSON.stringify(it))),
    );
    await bo.close();
    assertEquals(await ann.readJSON(), { type: "left", name: "Bo", people: 1 });
    await ann.close();
  });
}, LONG);

test(
  "the example chat takes names that can be seen and told apart",
  async () => {
    await withChat(async (port) => {
      const names: [given: string, shown: string][] = [
        [" Ann\u202e\u0000 \u3164 Lee\n", "Ann Lee"],
        ["<img src=x>", "<img src=x>"],
        ["q\u0301\u0302\u0303\u0304\u0305", "q\u0301\u0302\u0303\u0304"],
        ["健二🐺", "健二🐺"],
        [`${"a".repeat(23)}🐺`, "a".repeat(23)],
      ];
      for (const [given, shown] of names) {
        const conn = await enter(port, given);
        const { name } = await conn.readJSON<{ name: string }>();
        assertEquals(name, shown);
        const again = [shown, shown.toUpperCase(), given, `\u200b${shown}`];
        for (const other of again) {
          const end = await endOf(await enter(port, other));
          assertEquals(end, [4000, "Name is taken"], other);
        }
        await conn.close();
      }
      for (const none of ["", "  ", "\u200b", "\u2800", "\u3164", "\u0000"]) {
        const end = await endOf(await enter(port, none));
        assertEquals(end, [4000, "Choose a name"]);
      }
      const response = await fetch(`http://127.0.0.1:${port}/chat.ts`);
      assertEquals([response.status, await response.text()], [
        404,
        "Not found\n",
      ]);
      const headers = { Origin: "http://evil.example" };
      const { response: refused } = await assertRejects(
        () => dial(`ws://127.0.0.1:${port}/chat?name=a`, { headers }),
        BadHandshakeError,
      );
      assertEquals(refused.status, 403);
    });
  },
  LONG,
);

test("the example chat cuts who does not read", async () => {
  await withChat(async (port, chat) => {
    const ann = await enter(port, "Ann");
    const { peer: sam } = await rawDial(`ws://127.0.0.1:${port}/chat?name=Sam`);
    sam.pause();
    // Each is 24 KB as JSON.
    const text = "\u0001".repeat(4_000);
    const crowd = await Promise.all(
      Array.from({ length: 10 }, (_, i) => enter(port, `Bo ${i}`)),
    );
    const speaking = crowd.map(async (conn) => {
      conn.closeRead();
      while (conn.state === "open") await conn.send(text).catch(() => {});
    });
    let event: { type: string; name: string };
    do event = await ann.readJSON(); while (event.type !== "left");
    assertEquals(event.name, "Sam");
    await chat.untilComplained("WriteLimitError");
    assertEquals(chat.stderr.match(/^\w+(?=:)/gm), ["WriteLimitError"]);
    await Promise.all([ann, ...crowd].map((conn) => conn.close()));
    await Promise.all(speaking);
    sam.destroy();
  });
}, LONG);

test("the example chat takes no message that is too long", async () => {
  await withChat(async (port) => {
    const conn = await enter(port, "Ann");
    conn.send("\u20ac".repeat(1_366));
    assertEquals((await endOf(conn))[0], 1009);
  });
}, LONG);

test("the example chat has a page for desktops and phones", async () => {
  await withChat(async (port) => {
    await using browser = await Browser.launch();
    const pages: Page[] = [];
    for (const width of [1000, 390]) {
      const page = await browser.newPage({ isolated: true });
      await page.view({ width, height: 700, mobile: width < 500 });
      await page.navigate(`http://127.0.0.1:${port}/`);
      pages.push(page);
    }
    const [ann, bo] = pages as [Page, Page];
    const type = async (page: Page, where: string, text: string) => {
      await page.waitFor(`document.activeElement.id === "${where}"`);
      await page.type(text);
      await page.press("Enter");
    };
    const shows = (page: Page, id: string, text: string) =>
      page.waitFor(
        `document.getElementById("${id}").innerText.endsWith(${
          JSON.stringify(text)
        })`,
      );

    await type(ann, "name", "Ann");
    await shows(ann, "status", "1 here");
    await type(bo, "name", "ann");
    await shows(bo, "refusal", "Name is taken");
    await bo.evaluate(`document.getElementById("name").value = ""`);
    await type(bo, "name", "Bo");
    await shows(ann, "log", "Bo joined");
    await shows(bo, "status", "2 here");

    const evil = "<img src=x onerror=alert(1)>";
    await type(ann, "text", evil);
    await shows(bo, "log", `Ann: ${evil}`);
    await type(bo, "text", `${"w".repeat(500)} \u202etxet`);
    await shows(ann, "log", "txet");
    for (const page of pages) {
      assertEquals(
        await page.evaluate(`[
          document.documentElement.scrollWidth <= innerWidth,
          document.documentElement.scrollHeight <= innerHeight,
          document.querySelectorAll("img").length,
          Array.from(document.querySelectorAll("input, button"))
            .filter((it) => it.checkVisibility())
            .map((it) => it.getBoundingClientRect())
            .every(({ height, right }) => height >= 44 && right <= innerWidth),
        ]`),
        [true, true, 0, true],
      );
    }
    // Who has scrolled up stays there.
    for (let i = 0; i < 10; i++) {
      await type(bo, "text", `${i} ${"long ".repeat(100)}`);
      await shows(ann, "log", `${i} ${"long ".repeat(100)}`.trim());
    }
    const end = "log.scrollHeight - log.scrollTop - log.clientHeight < 2";
    assertEquals(await ann.evaluate(end), true);
    await ann.evaluate("log.scrollTop = 0");
    await type(bo, "text", "more");
    await shows(ann, "log", "more");
    assertEquals(await ann.evaluate("log.scrollTop"), 0);

    await bo.close();
    await shows(ann, "log", "Bo left");
    assertEquals(ann.errors, []);
    await ann.close();
  });
}, { ...LONG, lacks: lacksInterrupt ?? lacksBrowser });

test("the example chat's page comes back after a restart", async () => {
  await using browser = await Browser.launch();
  const page = await browser.newPage();
  const port = await freePort();
  const start = () =>
    new Program("chat.ts", [`--port=${port}`], {
      allow: ["--allow-net", "--allow-read"],
    });
  {
    await using chat = start();
    await chat.port();
    await page.navigate(`http://127.0.0.1:${port}/`);
    await page.waitFor(`document.activeElement.id === "name"`);
    await page.type("Ann");
    await page.press("Enter");
    await page.waitFor(`document.activeElement.id === "text"`);
    chat.interrupt();
    assertEquals(await chat.exited, 0, chat.stderr);
  }
  await page.waitFor(`document.body.innerText.includes("lost, trying again")`);
  await page.type("kept");
  await page.press("Enter");
  await using chat = start();
  await chat.port();
  await page.waitFor(
    `document.getElementById("status").innerText === "1 here"`,
  );
  await page.press("Enter");
  await page.waitFor(
    `document.getElementById("log").innerText.endsWith("Ann: kept")`,
  );
}, { ...LONG, lacks: lacksInterrupt ?? lacksBrowser });
