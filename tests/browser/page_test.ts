/** The driver of the browser, and with it our client at Chromium's DevTools. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "../support/helper.ts";
import { Browser, lacksBrowser } from "./browser.ts";

/** A page that is made of a text. */
function pageOf(html: string): string {
  return `data:text/html;charset=utf-8,${
    encodeURIComponent(`<!doctype html>${html}`)
  }`;
}

test("Page.screenshot() brings a picture of megabytes", async () => {
  // Chromium compresses what it sends, where that is offered.
  for (const enableCompression of [false, true]) {
    await using browser = await Browser.launch({ enableCompression });
    const page = await browser.newPage();
    await page.view({ width: 800, height: 600 });
    await page.navigate(pageOf(`
      <body style="margin: 0"><canvas width=800 height=600></canvas><script>
        const context = document.querySelector("canvas").getContext("2d");
        const noise = context.createImageData(800, 600);
        const bytes = new Uint8Array(noise.data.buffer);
        for (let i = 0, x = 1; i < bytes.length; i++) {
          x = Math.imul(x, 1_664_525) + 1_013_904_223;
          bytes[i] = i % 4 === 3 ? 255 : x >>> 24;
        }
        context.putImageData(noise, 0, 0);
      </script>`));
    const picture = await page.screenshot();
    assert(picture.length > 2 ** 20, `${picture.length} bytes`);
    // The PNG's width and height, and its last chunk.
    const view = new DataView(picture.buffer);
    assertEquals([view.getUint32(16), view.getUint32(20)], [800, 600]);
    const last = new TextDecoder().decode(picture.subarray(-8, -4));
    assertEquals(last, "IEND");
  }
}, { lacks: lacksBrowser, timeout: 60_000 });

test("Page drives a page", async () => {
  await using browser = await Browser.launch();
  const page = await browser.newPage();
  await page.navigate(pageOf(`
    <form><input name=text></form><p></p><script>
      const form = document.querySelector("form");
      form.onsubmit = (event) => {
        event.preventDefault();
        const text = form.text.value;
        setTimeout(() => {
          document.querySelector("p").textContent = "Hello, " + text;
        });
      };
    </script>`));

  await page.click("input");
  await page.type("café ☕");
  await page.press("Enter");
  assertEquals(
    await page.waitFor(`document.querySelector("p").textContent`),
    "Hello, café ☕",
  );

  assertEquals(await page.evaluate(`Promise.resolve([1, "é", null])`), [
    1,
    "é",
    null,
  ]);
  await assertRejects(
    () => page.evaluate(`Promise.reject(new TypeError("no"))`),
    Error,
    "The page threw: TypeError: no",
  );
  await assertRejects(
    () => page.evaluate(`throw 3`),
    Error,
    "The page threw: 3",
  );
  await assertRejects(
    () => page.waitFor("document.missing", 50),
    Error,
    "Cannot wait for document.missing in the page longer than 50 ms",
  );
  await assertRejects(
    () => page.navigate("http://127.0.0.1:1/"),
    Error,
    "Cannot go to http://127.0.0.1:1/",
  );

  // What is waited for may come with another document.
  const title = page.waitFor("document.title === 'second' && document.title");
  await page.navigate(pageOf("<title>first</title>"));
  await page.navigate(pageOf(
    `<meta name=viewport content="width=device-width"><title>second</title>`,
  ));
  assertEquals(await title, "second");

  assertEquals(await page.evaluate("navigator.onLine"), true);
  await page.network({ offline: true });
  await page.waitFor("!navigator.onLine");
  await page.network();
  await page.waitFor("navigator.onLine");

  assertEquals(page.errors, []);
  await page.evaluate(`void setTimeout(() => {
    console.error("one", 2);
    document.title = "third";
    nothing();
  })`);
  await page.waitFor("document.title === 'third'");
  assertEquals(page.errors.map((error) => error.split("\n")[0]), [
    "one 2",
    "ReferenceError: nothing is not defined",
  ]);

  await page.view({ width: 300, height: 500, mobile: true, colors: "dark" });
  assertEquals(
    await page.evaluate(`[
      innerWidth,
      matchMedia("(pointer: coarse)").matches,
      matchMedia("(prefers-color-scheme: dark)").matches,
    ]`),
    [300, true, true],
  );
  await page.close();
}, { lacks: lacksBrowser, timeout: 60_000 });

test("Browser.newPage() keeps isolated pages apart", async () => {
  await using browser = await Browser.launch();
  const url = "chrome://version/";
  const pages = await Promise.all([
    browser.newPage(),
    browser.newPage(),
    browser.newPage({ isolated: true }),
  ]);
  for (const page of pages) await page.navigate(url);
  await pages[0]!.evaluate(`localStorage.name = "first"`);
  const read = "localStorage.name ?? null";
  assertEquals(await pages[1]!.evaluate(read), "first");
  assertEquals(await pages[2]!.evaluate(read), null);
}, { lacks: lacksBrowser, timeout: 60_000 });

test("Browser ends a call that waits where the browser goes", async () => {
  await using browser = await Browser.launch();
  const page = await browser.newPage();
  const waiting = assertRejects(
    () => page.evaluate("new Promise(() => {})"),
    Error,
    "Cannot call Runtime.evaluate: ",
  );
  await browser[Symbol.asyncDispose]();
  await waiting;
}, { lacks: lacksBrowser, timeout: 60_000 });
