/**
 * A chat: rooms, names, presence, history, and a page that stays connected.
 *
 *     deno task example:chat
 *     bun run examples/chat/main.ts [OPTIONS]
 *     deno run --allow-net --allow-read --no-prompt examples/chat/main.ts [OPTIONS]
 *
 * Open http://localhost:8080/ in two windows. Ctrl-C tells every page good-bye;
 * the pages come back when the server does. The options:
 *
 *     --port N          default 8080
 *     --hostname NAME   default: every address of this machine
 *     --history FILE    keeps what is said over a restart; Deno writes the file
 *                       with --allow-write
 *
 * Where to look: `talk.ts` serves one connection, `room.ts` tells everybody,
 * `protocol.ts` is what page and server say, `page/connection.js` is the other
 * end.
 */

import process from "node:process";
import { parseArgs } from "node:util";

import type { Server } from "../../mod.ts";
import { type ChatOptions, serveChat } from "./chat_server.ts";

const USAGE = "Usage: main.ts [--port N] [--hostname NAME] [--history FILE]";

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) {
    console.error(USAGE);
    return 2;
  }
  let server: Server;
  try {
    server = await serveChat({
      ...options,
      onListen: ({ port }) =>
        console.log(`Listening on http://localhost:${port}/`),
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
  await untilSignal();
  // 1001, going away: the pages connect again by themselves.
  await server.shutdown({ reason: "The server restarts" });
  return 0;
}

function readOptions(args: string[]): ChatOptions | undefined {
  try {
    const { port, hostname, history } = parseArgs({
      args,
      options: {
        port: { type: "string", default: "8080" },
        hostname: { type: "string", default: "0.0.0.0" },
        history: { type: "string" },
      },
    }).values;
    return /^\d+$/.test(port) && Number(port) < 65_536
      ? { port: Number(port), hostname, history }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Waits for Ctrl-C, or for what supervisors send. A second one ends at once. */
async function untilSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
}

process.exit(await main());
