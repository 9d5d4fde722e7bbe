/** A page and its WebSockets on one session of HTTP/2. */

import { assertEquals } from "@std/assert";

import { Upgrader } from "../../src/server/upgrader.ts";
import { test } from "../support/helper.ts";
import { startHttp2 } from "../support/http2_server.ts";
import { Browser, lacksBrowser } from "./browser.ts";

/** Opens a WebSocket; resolves with what has come, and how it was closed. */
const TALK = `new Promise((resolve) => {
  const ws = new WebSocket("wss://" + location.host + "/talk", ["a", "b"]);
  ws.binaryType = "arraybuffer";
  const got = [];
  ws.onopen = () => {
    ws.send("x".repeat(100));
    ws.send(new Uint8Array(300_000));
  };
  ws.onmessage = ({ data }) => got.push(data.byteLength ?? data.length);
  ws.onclose = ({ code, reason, wasClean }) =>
    resolve([ws.protocol, ws.extensions, got, code, reason, wasClean]);
})`;

/** The same, closed by the page. */
const LEAVE = `new Promise((resolve) => {
  const ws = new WebSocket("wss://" + location.host + "/echo");
  ws.onopen = () => ws.close(4001, "done");
  ws.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
})`;

const REFUSED = `new Promise((resolve) => {
  const ws = new WebSocket("wss://" + location.host + "/refused");
  ws.onclose = ({ code }) => resolve(code);
})`;

test("a page and its WebSockets share a session in Chromium", async () => {
  const ends: unknown[] = [];
  const upgrader = new Upgrader({
    subprotocols: ["b"],
    enableCompression: true,
    authorize: ({ url }) =>
      url.endsWith("/refused")
        ? new Response(null, { status: 403 })
        : undefined,
  });
  const listener = upgrader.listener(async (conn, request) => {
    const talks = request.url.endsWith("/talk");
    const start = performance.now();
    conn.closed.then(({ code, wasClean }) => {
      ends.push([code, wasClean, performance.now() - start < 3_000]);
    });
    for await (const { type, data } of conn) {
      await conn.writeMessage(type, data);
      if (talks && data.length > 100) return;
    }
  });
  await using server = await startHttp2("TLS", listener, {
    maxConcurrentStreams: 256,
  });
  const paths: string[] = [];
  server.server.on("stream", ({ session }, { ":path": path }) => {
    paths.push(`${path} ${server.sessions.findIndex((it) => it === session)}`);
  });
  await using browser = await Browser.launch();
  const page = await browser.newPage();
  await page.call("Security.setIgnoreCertificateErrors", { ignore: true });
  await page.navigate(`https://127.0.0.1:${server.port}/page`);
  assertEquals(await page.evaluate(TALK), [
    "b",
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    [100, 300_000],
    1000,
    "",
    true,
  ]);
  assertEquals(await page.evaluate(LEAVE), [4001, "", true]);
  assertEquals(await page.evaluate(REFUSED), 1006);
  assertEquals(ends, [[1000, true, true], [4001, true, true]]);
  const at = paths.find((path) => path.startsWith("/page "))!.split(" ")[1];
  assertEquals(paths.filter((path) => !path.startsWith("/favicon")), [
    `/page ${at}`,
    `/talk ${at}`,
    `/echo ${at}`,
    `/refused ${at}`,
  ]);
}, { lacks: lacksBrowser, timeout: 60_000 });
