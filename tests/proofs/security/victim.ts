/**
 * A server in a process of its own, whose memory is measured. The path says what
 * is done with a connection; `/start` and `/peak` are of the memory. Ends with
 * its standard input.
 *
 *     victim.ts wire|native
 */

import process from "node:process";

import { type Conn, serve } from "../../../mod.ts";
import { openContexts } from "../../../src/deflate/contexts.ts";
import { PeakGauge } from "../memory/gauge.ts";
import { collectGarbage, collectNow } from "../../support/process/garbage.ts";

const MiB = 2 ** 20;

const gauge = new PeakGauge();
const heard = Promise.withResolvers<void>();
// Compression makes no less of it.
const message = new Uint8Array(MiB);
for (let i = 0; i < MiB; i += 65_536) {
  crypto.getRandomValues(message.subarray(i, i + 65_536));
}

async function onConn(conn: Conn, request: Request): Promise<void> {
  switch (new URL(request.url).pathname) {
    case "/start":
      await gauge.start();
      await conn.writeJSON(process.memoryUsage().heapUsed);
      break;
    case "/peak":
      await conn.writeJSON(gauge.above);
      break;
    // What is left of connections that have ended.
    case "/left":
      while (server.conns.size > 1) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await collectGarbage();
      await conn.writeJSON({
        contexts: openContexts(),
        heap: process.memoryUsage().heapUsed,
        conns: server.conns.size,
      });
      break;
    case "/sizes":
      for await (const { data } of conn) await conn.writeJSON(data.length);
      break;
    case "/deaf":
      await conn.closed;
      break;
    // More than the peer takes.
    case "/flood":
      while (conn.state === "open") {
        conn.send(message);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await conn.closed;
      break;
    // An echo, and not what V8 would collect when it likes.
    case "/collecting": {
      const timer = setInterval(collectNow, 20);
      await echo(conn);
      clearInterval(timer);
      break;
    }
    // An echo has read its "end".
    case "/heard":
      await heard.promise;
      await conn.writeJSON("heard");
      break;
    default:
      await echo(conn);
  }
}

async function echo(conn: Conn): Promise<void> {
  for await (const { type, data } of conn) {
    if (data === "end") heard.resolve();
    await conn.writeMessage(type, data);
  }
}

const server = await serve(onConn, {
  port: 0,
  hostname: "127.0.0.1",
  engine: process.argv[2] as "wire" | "native",
  upgrader: {
    readLimit: MiB,
    writeLimit: 8 * MiB,
    closeTimeout: 500,
    enableCompression: {
      serverNoContextTakeover: false,
      clientNoContextTakeover: false,
    },
  },
  // What attackers do is no news.
  onError: () => {},
});

if (server.addr.transport !== "tcp") throw new Error("Not on a port");
console.log(server.addr.port);
process.stdin.on("end", () => process.exit());
process.stdin.resume();
