/** The chat as a program: its page, its arguments and its end. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";

import { backoff } from "../../examples/chat_app/page/backoff.js";
import { NAME_LENGTH, TEXT_LENGTH } from "../../examples/chat_app/protocol.ts";
import { dial } from "../../src/client/dialer.ts";
import { portOf } from "../support/servers.ts";
import { test } from "../support/helper.ts";
import { Folder, joinOf, startChat } from "./chat_app_person.ts";
import { Program, START_LIMIT } from "./program.ts";

const PAGE = new URL("../../examples/chat_app/page/", import.meta.url);
const TYPES: Record<string, string> = {
  html: "text/html",
  css: "text/css",
  js: "text/javascript",
  svg: "image/svg+xml",
};
const ALLOW = ["--allow-net", "--allow-read"];

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`the example chat_app says good-bye at ${signal}`, async () => {
    await using chat = new Program("chat_app/main.ts", ["--port", "0"], {
      allow: ALLOW,
    });
    const port = await chat.port();
    const page = await fetch(`http://127.0.0.1:${port}/`);
    assertStringIncludes(await page.text(), "<title>Chat</title>");

    const { conn } = await dial(`ws://127.0.0.1:${port}/chat`);
    await conn.writeJSON(joinOf("Ann"));
    assertStringIncludes(String((await conn.readMessage()).data), "welcome");
    chat.interrupt(signal);
    const { code, reason, wasClean } = await conn.closed;
    assertEquals([code, reason, wasClean], [1001, "The server restarts", true]);
    assertEquals(await chat.exited, 0, chat.stderr);
  }, { timeout: START_LIMIT });
}

test("the example chat_app starts with nothing to download", async () => {
  using folder = new Folder();
  await using chat = new Program("chat_app/main.ts", ["--port", "0"], {
    allow: ALLOW,
    // Nothing in the cache, and a registry that is not there.
    env: {
      HOME: folder.path,
      DENO_DIR: `${folder.path}/deno`,
      JSR_URL: "http://127.0.0.1:1/",
      NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/",
    },
  });
  const page = await fetch(`http://127.0.0.1:${await chat.port()}/`);
  assertStringIncludes(await page.text(), "<title>Chat</title>");
  assertEquals(chat.stderr, "");
}, { timeout: START_LIMIT });

test("the example chat_app explains its arguments", async () => {
  for (const args of [["--port", "x"], ["--port=65536"], ["--bogus"], ["a"]]) {
    await using chat = new Program("chat_app/main.ts", args, { allow: ALLOW });
    assertEquals(await chat.exited, 2);
    assertStringIncludes(chat.stderr, "Usage: main.ts [--port N]");
  }
}, { timeout: 2 * START_LIMIT });

test("chat_app serves its page, and nothing else", async () => {
  await using server = await startChat();
  const origin = `http://127.0.0.1:${portOf(server)}`;
  for (const name of readdirSync(PAGE)) {
    const response = await fetch(`${origin}/${name}`);
    assertEquals(response.status, 200, name);
    assertEquals(
      await response.text(),
      readFileSync(new URL(name, PAGE), "utf8"),
    );
    const { headers } = response;
    const extension = name.split(".")[1]!;
    assertStringIncludes(headers.get("content-type")!, TYPES[extension]!);
    assertStringIncludes(
      headers.get("content-security-policy")!,
      "default-src 'none'; script-src 'self'; style-src 'self';",
    );
    assertEquals(headers.get("x-content-type-options"), "nosniff");
  }
  const refused: [path: string, init: RequestInit, status: number][] = [
    ["/protocol.ts", {}, 404],
    ["/..%2fprotocol.ts", {}, 404],
    ["/%2e%2e/main.ts", {}, 404],
    ["/page/", {}, 404],
    ["/", { method: "POST", body: "x" }, 405],
  ];
  for (const [path, init, status] of refused) {
    const response = await fetch(origin + path, init);
    await response.body?.cancel();
    assertEquals(response.status, status, path);
  }
  // A browser asks whether what it has is still the same; so does a proxy that
  // has compressed it.
  const { headers } = await fetch(`${origin}/style.css`, { method: "HEAD" });
  assertEquals(headers.get("cache-control"), "no-cache");
  const etag = headers.get("etag")!;
  for (const [known, status] of [[etag, 304], [`W/${etag}`, 304], ["x", 200]]) {
    const response = await fetch(`${origin}/style.css`, {
      headers: { "If-None-Match": `${known}` },
    });
    assertEquals([response.status, response.headers.get("etag")], [
      status,
      etag,
    ]);
    await response.body?.cancel();
  }
  const head = await fetch(`${origin}/`, { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
});

test("chat_app's page takes what the server takes", () => {
  const html = readFileSync(new URL("index.html", PAGE), "utf8");
  const lengths = Array.from(
    html.matchAll(/id="(\w+)"[^>]*maxlength="(\d+)"/g),
    ([, id, length]) => [id, Number(length)],
  );
  assertEquals(lengths, [
    ["name", NAME_LENGTH],
    ["room", NAME_LENGTH],
    ["text", TEXT_LENGTH],
  ]);
  // No style or script that its Content-Security-Policy would refuse.
  assertEquals(
    /<style|\sstyle=|\son\w+=|<script(?! type="module" src)/.test(html),
    false,
  );
});

test("backoff() doubles up to a bound, and strews the upper half", () => {
  const waits = [0, 1, 2, 5, 6, 7, 1_000].map((failed) => [
    backoff(failed, 0),
    backoff(failed, 1),
  ]);
  assertEquals(waits, [
    [250, 500],
    [500, 1_000],
    [1_000, 2_000],
    [8_000, 16_000],
    [15_000, 30_000],
    [15_000, 30_000],
    [15_000, 30_000],
  ]);
});
