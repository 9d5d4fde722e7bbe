/**
 * A chat: rooms, names, presence, history, and a page that stays connected.
 *
 *     deno task example:chat_app
 *     bun run examples/chat_app/main.ts [OPTIONS]
 *     deno run --allow-net --allow-read --no-prompt examples/chat_app/main.ts [OPTIONS]
 *
 * Open http://localhost:8080/ in two windows. Ctrl-C tells every page good-bye;
 * the pages come back when the server does. The options:
 *
 *     --port N          default 8080
 *     --hostname NAME   default: every address of this machine
 *     --history FILE    keeps what is said over a restart; Deno writes the file
 *                       with --allow-write
 *     --redis URL       joins several processes to one chat, with one history;
 *                       Bun has the client, Deno says how to bring one
 *
 * Where to look: `talk.ts` serves one connection, `room.ts` is a topic of the Hub,
 * `protocol.ts` is what page and server say, `page/connection.js` is the other
 * end.
 */

import { beforeExit, port, run, text } from "../shared/command_line.ts";
import { serveChat } from "./chat_server.ts";

await run("main.ts", {
  port: port(8080),
  hostname: text("NAME", "0.0.0.0"),
  history: text("FILE", undefined),
  redis: text("URL", undefined),
}, async (options) => {
  const server = await serveChat({
    ...options,
    onListen: ({ port }) =>
      console.log(`Listening on http://localhost:${port}/`),
  });
  // 1001, going away: the pages connect again by themselves.
  beforeExit(() => server.shutdown({ reason: "The server restarts" }));
});
