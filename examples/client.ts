/**
 * A client that sends a message every two seconds, or the lines that are typed,
 * and prints what comes back.
 *
 *     bun run examples/client.ts [URL] [OPTIONS]
 *     deno run --allow-net --no-prompt examples/client.ts [URL] [OPTIONS]
 *
 * URL is ws://127.0.0.1:8080/ws by default, where `deno task example:echo`
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
import { parseArgs } from "node:util";

import {
  BadHandshakeError,
  CloseCode,
  CloseError,
  type Conn,
  Dialer,
  DialError,
  MessageType,
  proxyFromEnvironment,
} from "../mod.ts";

const USAGE = "Usage: client.ts [URL] [--stdin] [--count N] [--header LINE] " +
  "[--subprotocol NAME] [--proxy URL] [--ca FILE]";
const INTERVAL = 2_000;
const PONG_TIMEOUT = 5_000;

interface Arguments {
  readonly url: string;
  readonly stdin: boolean;
  readonly count: number;
  readonly headers: [string, string][];
  readonly subprotocols: string[];
  readonly proxy: string | undefined;
  readonly ca: string | undefined;
}

async function main(): Promise<number> {
  const args = readArguments(process.argv.slice(2));
  if (args === undefined) {
    console.error(USAGE);
    return 2;
  }
  const { url, count } = args;

  let conn: Conn;
  try {
    conn = await connect(args);
  } catch (error) {
    // The messages of these say all that there is to say.
    if (
      error instanceof DialError || error instanceof BadHandshakeError ||
      error instanceof DOMException || error instanceof TypeError
    ) {
      console.error(error.message);
      return 1;
    }
    throw error;
  }
  console.log(`Connected to ${url}`);

  process.once("SIGINT", () => {
    conn.close(CloseCode.NormalClosure, "interrupted");
  });

  const stopPing = checkAlive(conn);
  const stopSending = args.stdin ? sendLines(conn) : sendEvery(conn, INTERVAL);
  try {
    let received = 0;
    for await (const { data } of conn) {
      console.log("Received:", data);
      if (++received === count) conn.close(CloseCode.NormalClosure);
    }
  } catch (error) {
    // A close code that means trouble, or a connection that was cut.
    if (!(error instanceof CloseError)) throw error;
    console.error(error.message);
  } finally {
    stopPing();
    stopSending();
  }

  const { code, wasClean } = await conn.closed;
  console.log(`Closed: ${code}${wasClean ? "" : " (not clean)"}`);
  return wasClean ? 0 : 1;
}

async function connect(args: Arguments): Promise<Conn> {
  const { url, headers, subprotocols, proxy, ca } = args;
  const dialer = new Dialer({
    subprotocols,
    proxy: proxy ?? proxyFromEnvironment,
    tls: ca === undefined ? {} : { ca: readFileSync(ca, "utf8") },
  });
  const { conn } = await dialer.dial(url, { headers });
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

function readArguments(args: string[]): Arguments | undefined {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        stdin: { type: "boolean", default: false },
        count: { type: "string" },
        header: { type: "string", multiple: true, default: [] },
        subprotocol: { type: "string", multiple: true, default: [] },
        proxy: { type: "string" },
        ca: { type: "string" },
      },
    });
    const [url = "ws://127.0.0.1:8080/ws", ...more] = positionals;
    const count = values.count === undefined ? Infinity : Number(values.count);
    const counts = count === Infinity || Number.isSafeInteger(count);
    if (more.length > 0 || !counts || count < 1) return undefined;
    return {
      url,
      stdin: values.stdin,
      count,
      headers: values.header.map(readHeader),
      subprotocols: values.subprotocol,
      proxy: values.proxy,
      ca: values.ca,
    };
  } catch {
    return undefined;
  }
}

function readHeader(line: string): [name: string, value: string] {
  const colon = line.indexOf(":");
  if (colon < 1) throw new TypeError("No header");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

process.exitCode = await main();
