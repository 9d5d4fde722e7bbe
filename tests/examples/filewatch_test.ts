import {
  appendFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";

import { assertEquals, assertStringIncludes } from "@std/assert";

import { Dialer } from "../../src/client/dialer.ts";
import { Browser, lacksBrowser } from "../browser/browser.ts";
import { freePort } from "../support/free_port.ts";
import { test } from "../support/helper.ts";
import { lacksInterrupt, Program, START_LIMIT } from "./program.ts";

/** Makes a folder, and gives the path of a file in it that is not there yet. */
async function withFile(fn: (file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/filewatch-`);
  try {
    await fn(`${folder}/notes.txt`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function start(file: string, port = 0): Program {
  return new Program("filewatch.ts", [file, `--port=${port}`], {
    allow: ["--allow-net", "--allow-read"],
  });
}

test("the example filewatch sends what the file is like", async () => {
  await withFile(async (file) => {
    writeFileSync(file, "");
    await using filewatch = start(file);
    const url = `ws://127.0.0.1:${await filewatch.port()}/ws`;
    const dialer = new Dialer({ enableCompression: true });
    const { conn, response } = await dialer.dial(url);
    assertStringIncludes(
      response.headers.get("sec-websocket-extensions") ?? "",
      "permessage-deflate",
    );
    const read = () => conn.readJSON<Record<string, unknown>>();
    assertEquals((await read()).text, "");
    rmSync(file);
    assertEquals(await read(), {
      version: "ENOENT",
      name: "notes.txt",
      error: "Cannot read notes.txt: ENOENT",
    });

    writeFileSync(file, "ünïcode\n");
    let first = await read();
    // It may have been seen between its making and its writing.
    if (first.text === "") first = await read();
    const { name, text, cut } = first;
    assertEquals({ name, text, cut }, {
      name: "notes.txt",
      text: "ünïcode\n",
      cut: false,
    });

    // A page that has this version is sent the next one alone.
    const query = `?version=${first.version}`;
    const { conn: other } = await dialer.dial(url + query);
    await other.ping();
    appendFileSync(file, "more\n");
    const [second, same] = [await read(), await other.readJSON()];
    assertEquals(second.text, "ünïcode\nmore\n");
    assertEquals(same, second);

    const end = `${"x".repeat(1024 * 1024 - 1)}\n`;
    writeFileSync(file, `start ${end}`);
    for (let last = second; last.text !== end;) last = await read();

    filewatch.interrupt();
    for (const each of [conn, other]) {
      for await (const _message of each);
      assertEquals((await each.closed).code, 1001);
    }
    assertEquals(await filewatch.exited, 0, filewatch.stderr);
  });
}, { timeout: START_LIMIT, lacks: lacksInterrupt });

test("the example filewatch has a page that follows the file", async () => {
  await withFile(async (file) => {
    const lines = Array.from({ length: 99 }, (_, i) => `line ${i + 1}\n`);
    writeFileSync(file, lines.join(""));
    await using browser = await Browser.launch();
    const page = await browser.newPage();
    await page.view({ width: 360, height: 640, mobile: true, colors: "dark" });
    const has = (selector: string, text: string) =>
      page.waitFor(
        `document.querySelector("${selector}").textContent` +
          `.includes(${JSON.stringify(text)})`,
      );
    const port = await freePort();
    {
      await using filewatch = start(file, port);
      await filewatch.port();
      await page.navigate(`http://127.0.0.1:${port}/`);
      await has("h1", "notes.txt");
      await has("#text", "line 99\n");
      await has("#status", "Modified at");
      assertEquals(await page.evaluate("document.title"), "notes.txt");
      assertEquals(
        await page.evaluate("document.documentElement.scrollWidth"),
        360,
      );

      await page.press("Tab");
      assertEquals(await page.evaluate("document.activeElement.id"), "follow");
      await page.click("#follow");
      // In one step: what is empty for a moment would be a version of its own.
      writeFileSync(
        `${file}.new`,
        lines.toSpliced(49, 1, "<b>changed</b>\n").join(""),
      );
      renameSync(`${file}.new`, file);
      await has("mark", "<b>changed</b>\n");
      await page.waitFor(
        "text.scrollTop + text.clientHeight > text.scrollHeight - 2",
      );
      filewatch.interrupt();
      await has("#status", "Disconnected");
      await filewatch.exited;
    }
    {
      await using _filewatch = start(file, port);
      await has("#status", "Connected");
      assertEquals(
        await page.evaluate(`document.querySelector("mark").textContent`),
        "<b>changed</b>\n",
      );
      rmSync(file);
      await has("#note", "Cannot read notes.txt: ENOENT");
      writeFileSync(file, "back");
      await page.waitFor(
        `document.querySelector("#text").innerText === "back"`,
      );
    }
    // What failed is the connection to the server that was not there.
    const errors = page.errors.filter((text) => !text.includes("REFUSED"));
    assertEquals(errors, []);
  });
}, { timeout: 2 * START_LIMIT, lacks: lacksBrowser });

test("the example filewatch explains its arguments", async () => {
  await Promise.all([[], ["a", "b"], ["a", "--port=b"]].map(async (args) => {
    await using filewatch = new Program("filewatch.ts", args, {
      allow: ["--allow-net", "--allow-read"],
    });
    assertEquals(await filewatch.exited, 2);
    assertStringIncludes(filewatch.stderr, "Usage: filewatch.ts FILE");
  }));
}, { timeout: START_LIMIT });

test("the example filewatch says in one line why it cannot serve", async () => {
  await withFile(async (file) => {
    writeFileSync(file, "");
    await using first = start(file);
    const port = await first.port();
    await using second = start(file, port);
    assertEquals(await second.exited, 1);
    const line = `Cannot listen on 127.0.0.1:${port}: EADDRINUSE\n`;
    assertEquals(second.stderr, line);
  });
}, { timeout: START_LIMIT });
