/**
 * A chat in one room; its page is `chat.html`. `chat_app/` is a larger one, with
 * rooms, history, and a page that loses nothing.
 *
 *     deno task example:chat
 *     bun run examples/chat.ts [OPTIONS]
 *     deno run --allow-net --allow-read --no-prompt examples/chat.ts [OPTIONS]
 *
 * Open http://localhost:8080/ in two windows. The options:
 *
 *     --port N         listens there; default: 8080
 *     --hostname NAME  listens there; default: every address of this machine
 */

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { type Conn, MessageType, PreparedMessage, serve } from "../mod.ts";
import { beforeExit, port, run, text } from "./shared/command_line.ts";
import { visible } from "./shared/visible.ts";

/** UTF-16 code units, as the page's `maxlength` counts them. */
const NAME_LENGTH = 24;
/** Milliseconds from one message of somebody's to the next. */
const PACE = 200;
/** The page does not come back by itself: it would be refused again. */
const REFUSED = 4000;
// Controls, formats, fillers and Braille's blank; and marks upon marks, which
// cover the lines above and below.
const UNSEEN =
  /[\p{C}\p{Default_Ignorable_Code_Point}\u2800]|(?<=\p{M}{4})\p{M}/gu;

/** What the page is told, beside how many people there are. */
type ChatEvent =
  | { readonly type: "joined" | "left"; readonly name: string }
  | { readonly type: "said"; readonly name: string; readonly text: string };

/** Who is there, by the name in lower case. */
const people = new Map<string, Conn>();

async function talk(conn: Conn, request: Request): Promise<void> {
  const name = readName(request);
  const key = name.toLowerCase();
  if (name === "" || people.has(key)) {
    await conn.close(REFUSED, name === "" ? "Choose a name" : "Name is taken");
    return;
  }
  people.set(key, conn);
  tell({ type: "joined", name });
  try {
    for await (const { data } of conn) {
      const text = typeof data === "string" ? data.trim() : "";
      if (text !== "") tell({ type: "said", name, text });
      // Nobody reads meanwhile: who writes faster is stopped by TCP.
      await sleep(PACE);
    }
  } finally {
    people.delete(key);
    tell({ type: "left", name });
  }
}

/** Reads a name from a stranger: what of it can be seen, and tells it apart. */
function readName(request: Request): string {
  const name = new URL(request.url).searchParams.get("name") ?? "";
  return name.normalize("NFKC").slice(0, NAME_LENGTH)
    .replace(UNSEEN, "").trim().replace(/\s+/g, " ");
}

/** Tells everybody, encoded once. */
function tell(event: ChatEvent): void {
  const json = JSON.stringify({ ...event, people: people.size });
  const message = new PreparedMessage(MessageType.Text, json);
  // Nobody waits for a slow reader: one that is over the write limit is cut.
  for (const conn of people.values()) conn.writePreparedMessage(message);
}

await run("chat.ts", {
  port: port(8080),
  hostname: text("NAME", "0.0.0.0"),
}, async ({ port, hostname }) => {
  const page = readFileSync(new URL("chat.html", import.meta.url), "utf8");
  const headers = { "Content-Type": "text/html; charset=utf-8" };
  const server = await serve(talk, {
    port,
    hostname,
    path: "/chat",
    maxConns: 1_000,
    fetch: ({ url }) =>
      new URL(url).pathname === "/"
        ? new Response(page, { headers })
        : new Response("Not found\n", { status: 404 }),
    upgrader: { readLimit: 4_096, writeLimit: 1024 * 1024 },
    // Of one that was cut, for one: what a peer has done is no reason to stop.
    onError: (error) => console.error(visible(String(error))),
  });
  console.log(`Listening on http://localhost:${server.addr.port}/`);
  beforeExit(() => server.shutdown());
});
