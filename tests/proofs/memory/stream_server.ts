/**
 * A server for messages of any size, a process of its own. The path says what is
 * done: `/sink` counts a message's bytes, `/source?size=` sends one, `/echo`
 * pipes one back; `/start` and `/peak` are of its memory. Ends with its
 * standard input.
 */

import process from "node:process";

import { type Conn, serve } from "../../../mod.ts";
import { collectNow } from "../../support/process/garbage.ts";
import { PeakGauge } from "./gauge.ts";
import { countMessage, writeMessage } from "./pieces.ts";

const gauge = new PeakGauge();

const server = await serve(async (conn: Conn, request) => {
  const { pathname, searchParams } = new URL(request.url);
  switch (pathname) {
    case "/sink":
      await conn.writeJSON(await countMessage(conn));
      break;
    case "/source":
      await writeMessage(conn, Number(searchParams.get("size")));
      break;
    case "/echo": {
      const { type, readable } = await conn.nextReader();
      // What V8 would collect when it likes is not to be taken for ours.
      const timer = setInterval(collectNow, 20);
      await readable.pipeTo(conn.nextWriter(type));
      clearInterval(timer);
      break;
    }
    case "/start":
      await gauge.start();
      await conn.writeJSON("started");
      break;
    case "/peak":
      await conn.writeJSON(gauge.above);
  }
}, { port: 0, hostname: "127.0.0.1", upgrader: { readLimit: Infinity } });

if (server.addr.transport !== "tcp") throw new Error("Not on a port");
console.log(server.addr.port);
process.stdin.on("end", () => process.exit());
process.stdin.resume();
