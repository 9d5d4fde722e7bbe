/**
 * A client that sends a message every two seconds, or the lines that are typed,
 * and prints what comes back.
 *
 *     bun run examples/client.ts [URL] [OPTIONS]
 *     deno run --allow-net --no-prompt examples/client.ts [URL] [OPTIONS]
 *
 * URL is ws://127.0.0.1:8080 by default, where `deno task example:echo`
 * listens. The options:
 *
 *     --stdin              sends the lines of the standard input
 *     --count N            closes the connection after N messages have come
 *     --header "Name: V"   sends a header with the request; may be repeated
 *     --subprotocol NAME   offers a subprotocol; may be repeated
 *     --proxy URL          dials through a proxy: http, https, socks5, socks5h;
 *                          default: the one that the environment names, which
 *                          Deno reads with --allow-env
 *     --ca FILE            trusts the authorities of a PEM file, which Deno
 *                          reads with --allow-read
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";

import {
  CloseCode,
  CloseError,
  type Conn,
  Dialer,
  MessageType,
  proxyFromEnvironment,
} from "../mod.ts";
import {
  count,
  expect,
  isGiven,
  run,
  text,
  texts,
  type Values,
} from "./shared/command_line.ts";
import { visible } from "./shared/visible.ts";

const INTERVAL = 2_000;
const PONG_TIMEOUT = 5_000;

const FLAGS = {
  stdin: isGiven(),
  count: count(Infinity),
  header: texts("LINE"),
  subprotocol: texts("NAME"),
  proxy: text("URL", undefined),
  ca: text("FILE", undefined),
};

await run("client.ts [URL]", FLAGS, async (
  flags,
  [url = "ws://127.0.0.1:8080"],
) => {
  const conn = await connect(url, flags);
  console.log(`Connected to ${url}`);

  process.once("SIGINT", () => {
    conn.close(CloseCode.NormalClosure, "interrupted");
  });

  const stopPing = checkAlive(conn);
  const stopSending = flags.stdin ? sendLines(conn) : sendEvery(conn, INTERVAL);
  try {
    let received = 0;
    for await (const { data } of conn) {
      console.log(
        "Received:",
        typeof data === "string" ? visible(data) : data,
      );
      if (++received === flags.count) conn.close(CloseCode.NormalClosure);
    }
  } catch (error) {
    // A close code that means trouble, or a connection that was cut.
    if (!(error instanceof CloseError)) throw error;
    console.error(visible(error.message));
  } finally {
    stopPing();
    stopSending();
  }

  const { code, wasClean } = await conn.closed;
  console.log(`Closed: ${code}${wasClean ? "" : " (not clean)"}`);
  return wasClean ? 0 : 1;
});

async function connect(
  url: string,
  { header, subprotocol, proxy, ca }: Values<typeof FLAGS>,
): Promise<Conn> {
  const dialer = new Dialer({
    subprotocols: subprotocol,
    proxy: proxy ?? proxyFromEnvironment,
    tls: ca === undefined ? {} : { ca: readFileSync(ca, "utf8") },
  });
  const { conn } = await dialer.dial(url, {
    headers: header.map(readHeader),
  });
  return conn;
}

/** Sends a ping and says whether a pong comes; returns how to stop waiting. */
function checkAlive(conn: Conn): () => void {
  const timer = setTimeout(() => {
    console.log("Server is dead: timeout");
  }, PONG_TIMEOUT);
  conn.setPongHandler(() => {
    clearTimeout(timer);
    console.log("Server is alive");
  });
  conn.writeControl(MessageType.Ping);
  return () => clearTimeout(timer);
}

/** Sends a message now and then; returns how to stop. */
function sendEvery(conn: Conn, interval: number): () => void {
  let sent = 0;
  const send = () => {
    // A failure ends the loop that reads, too.
    conn.send(`Hello ${++sent}`);
  };
  send();
  const timer = setInterval(send, interval);
  return () => clearInterval(timer);
}

/** Sends what is typed, and closes at its end; returns how to stop. */
function sendLines(conn: Conn): () => void {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => conn.send(line));
  lines.on("close", () => conn.close(CloseCode.NormalClosure));
  return () => {
    lines.close();
    process.stdin.destroy();
  };
}

function readHeader(line: string): [name: string, value: string] {
  const colon = line.indexOf(":");
  expect(colon > 0);
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}
