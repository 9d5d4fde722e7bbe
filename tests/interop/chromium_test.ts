/** Our servers against Chromium's WebSocket, in a page. */

import { assertEquals, assertInstanceOf } from "@std/assert";

import { CloseError, type CloseInfo } from "../../src/close.ts";
import { Browser, lacksBrowser } from "../browser/browser.ts";
import {
  echo,
  type Place,
  PLACES,
  portOf,
  serveAt,
  WIRE_PLACES,
  wsUrl,
} from "../support/servers.ts";
import { deferred, runtime, test } from "../support/helper.ts";
import { exercise } from "./exercise.ts";
import { check, planOf, startExercised } from "./exercised.ts";
import { bytesOf, digest, SIZES, textOf } from "./payloads.ts";

/** What the page needs for the exercise. */
const SOURCE = [bytesOf, digest, textOf, exercise].join("\n");

const OPTIONS = { lacks: lacksBrowser, timeout: 60_000 };

const [WIRE, WIRE_TLS] = WIRE_PLACES as [Place, Place];

for (const place of PLACES.filter(({ carrier }) => carrier === "TCP")) {
  test(`our server speaks with Chromium, ${place.name}`, async () => {
    const exercised = await startExercised(place, true);
    const { url } = exercised;
    await using server = exercised.server;
    const wire = place.engine === "wire";
    const plan = planOf(url, {
      large: 2 ** 24,
      pinged: wire || runtime === "bun",
    });
    await using browser = await Browser.launch();
    const page = await browser.newPage();
    await page.navigate(url.replace("ws", "http"));
    const seen = await page.evaluate(
      `${SOURCE}\nexercise(${JSON.stringify(plan)})`,
    );
    await server.shutdown();
    check(seen, plan, exercised);
    // Deno's own engine has none.
    const compresses = wire || runtime === "bun";
    assertEquals(seen.extension, compresses ? "permessage-deflate" : "");
    assertEquals(page.errors, []);
  }, OPTIONS);
}

test("our server compresses for Chromium by all parameters", async () => {
  await using browser = await Browser.launch();
  const page = await browser.newPage();
  for (const takeover of [false, true]) {
    for (const bits of [9, 15]) {
      const exercised = await startExercised(WIRE, {
        threshold: 0,
        serverNoContextTakeover: !takeover,
        clientNoContextTakeover: !takeover,
        serverMaxWindowBits: bits,
        clientMaxWindowBits: bits,
      });
      await using server = exercised.server;
      const plan = planOf(exercised.url, {
        sizes: SIZES.slice(0, -1),
        own: [],
        remote: [],
      });
      await page.navigate(plan.url.replace("ws", "http"));
      const seen = await page.evaluate(
        `${SOURCE}\nexercise(${JSON.stringify(plan)})`,
      );
      assertEquals(seen.extension, "permessage-deflate");
      await server.shutdown();
      check(seen, plan, exercised);
    }
  }
}, OPTIONS);

/** Connects, says Hello, and closes; tells what has come of it. */
const VISIT = `(url) => new Promise((resolve) => {
  const socket = new WebSocket(url);
  const events = [];
  socket.onopen = () => socket.send("Hello");
  socket.onmessage = ({ data }) => {
    events.push(data);
    socket.close();
  };
  socket.onerror = () => events.push("error");
  socket.onclose = ({ code, wasClean }) => {
    resolve([...events, code, wasClean].join(" "));
  };
})`;

test(
  "our server lets Chromium's pages of its own origin in, no others",
  async () => {
    await using server = await serveAt(WIRE, echo, {
      fetch: () => new Response(),
    });
    await using other = await serveAt(WIRE, echo, {
      fetch: () => new Response(),
      upgrader: {
        checkOrigin: (request) =>
          request.headers.get("origin") ===
            `http://127.0.0.1:${portOf(server)}`,
      },
    });
    await using browser = await Browser.launch();
    const page = await browser.newPage();
    const visit = (url: string) => page.evaluate(`(${VISIT})("${url}")`);
    const refused = "error 1006 false";
    const served = "Hello 1005 true";

    // A blank page's origin is "null".
    assertEquals(await visit(wsUrl(WIRE, server)), refused);
    await page.navigate(wsUrl(WIRE, other).replace("ws", "http"));
    assertEquals(await visit(wsUrl(WIRE, server)), refused);
    assertEquals(await visit(wsUrl(WIRE, other)), refused);
    await page.navigate(wsUrl(WIRE, server).replace("ws", "http"));
    assertEquals(await visit(wsUrl(WIRE, server)), served);
    assertEquals(await visit(wsUrl(WIRE, other)), served);
    assertEquals(
      page.errors.map((error) =>
        /Unexpected response code: \d+/.exec(error)?.[0]
      ),
      Array(3).fill("Unexpected response code: 403"),
    );
  },
  OPTIONS,
);

test("our server's connection to Chromium outlives an outage", async () => {
  await using server = await serveAt(WIRE, echo, {
    fetch: () => new Response(),
  });
  const url = wsUrl(WIRE, server);
  await using browser = await Browser.launch();
  const page = await browser.newPage();
  await page.navigate(url.replace("ws", "http"));
  await page.evaluate(`new Promise((resolve) => {
    globalThis.socket = new WebSocket("${url}");
    socket.onopen = resolve;
  })`);
  await page.network({ offline: true });
  await page.evaluate(`{
    globalThis.seen = "nothing";
    globalThis.message = new Promise((resolve) => {
      socket.onmessage = ({ data }) => resolve(seen = data);
    });
    socket.send("during");
  }`);
  assertEquals(
    await page.evaluate(`(${VISIT})("${url}")`),
    "error 1006 false",
  );
  assertEquals(await page.evaluate("seen"), "nothing");
  await page.network();
  assertEquals(await page.evaluate("message"), "during");
  assertEquals(
    await page.evaluate(`new Promise((resolve) => {
      socket.onclose = ({ code, wasClean }) => resolve([code, wasClean]);
      socket.close(1000);
    })`),
    [1000, true],
  );
}, OPTIONS);

test(
  "our server hears that Chromium's page is left, over TLS, too",
  async () => {
    await using browser = await Browser.launch();
    for (const place of [WIRE, WIRE_TLS]) {
      let ended = deferred<CloseInfo>();
      await using server = await serveAt(place, async (conn) => {
        conn.closed.then(ended.resolve);
        await echo(conn);
      }, {
        fetch: () => new Response(),
        onError: (error) => assertInstanceOf(error, CloseError),
      });
      const url = wsUrl(place, server);
      const page = await browser.newPage();
      await page.call("Security.setIgnoreCertificateErrors", { ignore: true });
      await page.navigate(url.replace("ws", "http"));
      // Not by another page: the one that is left would be kept as it is, with
      // its connection, for the way back.
      for (
        const leave of [() => page.call("Page.reload"), () => page.close()]
      ) {
        ended = deferred();
        await page.evaluate(`new Promise((resolve) => {
        const socket = new WebSocket("${url}");
        socket.onopen = () => socket.send("Hello");
        socket.onmessage = ({ data }) => resolve(data);
      })`);
        await leave();
        const { code, reason, wasClean, initiator } = await ended.promise;
        assertEquals([code, reason, wasClean, initiator], [
          1001,
          "",
          true,
          "remote",
        ]);
      }
    }
  },
  OPTIONS,
);
