/** `./browser` in Chromium, in a page and in a worker, against our servers. */

import { assertEquals } from "@std/assert";

import { Browser, lacksBrowser } from "../browser/browser.ts";
import {
  bundleForBrowsers,
  lacksBundler,
} from "../house/package/browser_bundle.ts";
import type { Conn } from "../../src/conn/conn.ts";
import { test } from "../support/helper.ts";
import { PLACES, serveAt, wsUrl } from "../support/servers.ts";

/** Echoes, until it is told to close. */
async function onConn(conn: Conn): Promise<void> {
  for await (const { type, data } of conn) {
    if (data === "close") await conn.close(4000, "bye");
    else await conn.writeMessage(type, data);
  }
}

/** What is done in the page, with the module and the server's URL. */
const VISIT = `async (module, url, flood) => {
  const { CloseError, connFrom, dial, UnsupportedError } = module;
  const seen = [];
  const { conn } = await dial(url, { subprotocols: ["chat"] });
  seen.push(conn.subprotocol, conn.engine, conn.capabilities.ping);
  await conn.send("Hällo");
  seen.push((await conn.readMessage()).data);
  await conn.send(new Uint8Array([1, 2, 3]));
  seen.push((await conn.readMessage()).data.join());
  await conn.writeJSON({ a: 1 });
  seen.push((await conn.json().next()).value.a);
  const writer = conn.nextWriter(1).getWriter();
  await writer.write("piece ");
  await writer.write("by piece");
  await writer.close();
  seen.push(await (await conn.nextReader()).text());
  try { conn.ping(); } catch (error) { seen.push(error instanceof UnsupportedError); }
  try { conn.close(1001); } catch (error) { seen.push(error.name); }
  for (let i = 0; i < flood; i++) conn.send("x");
  for (let i = 0; i < flood; i++) await conn.readMessage();
  conn.send("close");
  const error = await conn.readMessage().catch((error) => error);
  seen.push(error instanceof CloseError, error.code, error.reason);
  const over = connFrom(new WebSocket(url, "chat"));
  await over.send("early");
  seen.push((await over.readMessage()).data, (await over.close(4001)).code);
  return seen;
}`;

const SEEN: readonly unknown[] = [
  "chat",
  "native",
  false,
  "Hällo",
  "1,2,3",
  1,
  "piece by piece",
  true,
  "UnsupportedError",
  true,
  4000,
  "bye",
  "early",
  4001,
];

for (const place of PLACES.filter(({ carrier }) => carrier === "TCP")) {
  test(
    `the entry point for browsers speaks in Chromium, ${place.name}`,
    async () => {
      await using server = await serveAt(place, onConn, {
        upgrader: { subprotocols: ["chat"] },
        fetch: () =>
          new Response("<!doctype html>", {
            headers: { "Content-Type": "text/html" },
          }),
      });
      const url = wsUrl(place, server);
      // Deno's own engine cuts who sends more at once.
      const flood = place.name === "native on deno, TCP" ? 500 : 3_000;
      const code = JSON.stringify(bundleForBrowsers());
      await using browser = await Browser.launch();
      const page = await browser.newPage();
      await page.navigate(url.replace("ws:", "http:"));
      assertEquals(
        await page.evaluate(`(async () => {
        const blob = new Blob([${code}], { type: "text/javascript" });
        const module = await import(URL.createObjectURL(blob));
        return await (${VISIT})(module, ${JSON.stringify(url)}, ${flood});
      })()`),
        SEEN,
      );
      assertEquals(
        await page.evaluate(`new Promise((resolve, reject) => {
        const code = ${code} + ${JSON.stringify(";\n")};
        const blob = new Blob([code], { type: "text/javascript" });
        const main = \`import * as module from "\${URL.createObjectURL(blob)}";
          (\${${JSON.stringify(VISIT)}})(module, "${url}", ${flood})
            .then(postMessage, (error) => postMessage(String(error)));\`;
        const worker = new Worker(
          URL.createObjectURL(new Blob([main], { type: "text/javascript" })),
          { type: "module" },
        );
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
      })`),
        SEEN,
      );
      assertEquals(page.errors, []);
    },
    { lacks: lacksBrowser ?? lacksBundler, timeout: 60_000 },
  );
}
