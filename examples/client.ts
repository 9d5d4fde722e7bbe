/**
 * A client that sends a message every two seconds and prints what comes back.
 *
 *     bun run examples/client.ts [URL] [--count N]
 *     deno run --allow-net --no-prompt examples/client.ts [URL] [--count N]
 *
 * URL is ws://127.0.0.1:8080/ws by default, where `deno task example:echo`
 * listens. With `--count N` it closes the connection after N messages have come.
 */

import process from "node:process";

import {
  BadHandshakeError,
  CloseCode,
  CloseError,
  type Conn,
  dial,
  DialError,
  MessageType,
} from "../mod.ts";

const INTERVAL = 2_000;
const PONG_TIMEOUT = 5_000;

async function main(): Promise<number> {
  const { url, count } = readArguments(process.argv.slice(2));

  let conn: Conn;
  try {
    ({ conn } = await dial(url));
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
  const stopSending = sendEvery(conn, INTERVAL);
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

function readArguments(args: string[]): { url: string; count: number } {
  let url = "ws://127.0.0.1:8080/ws";
  let count = Infinity;
  for (let arg; (arg = args.shift()) !== undefined;) {
    if (arg === "--count") {
      count = Number(args.shift());
      if (Number.isSafeInteger(count) && count > 0) continue;
    } else if (!arg.startsWith("-")) {
      url = arg;
      continue;
    }
    console.error("Usage: client.ts [URL] [--count N]");
    process.exit(2);
  }
  return { url, count };
}

process.exitCode = await main();
