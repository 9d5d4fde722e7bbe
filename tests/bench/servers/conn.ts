/**
 * Ours, through the public surface. The first argument is the engine, `wire` or
 * `native`, `tls` may follow; the path of the request says what is done with the
 * connection.
 */

import process from "node:process";

import {
  type Conn,
  type Engine,
  MessageType,
  PreparedMessage,
  serve,
} from "../../../mod.ts";
import { Hub } from "../../../src/pubsub/mod.ts";
import { jsonText } from "../load/frames.ts";
import { announce } from "../../support/process/control.ts";
import { certificateIfAsked } from "./certificate.ts";

async function echo(conn: Conn): Promise<void> {
  for await (const message of conn) {
    await conn.writeMessage(message.type, message.data);
  }
}

/** Each message piece by piece, of any size. */
async function stream(conn: Conn): Promise<void> {
  conn.setReadLimit(Infinity);
  for (;;) {
    const reader = await conn.nextReader();
    await reader.readable.pipeTo(conn.nextWriter(reader.type));
  }
}

const members = new Set<Conn>();

/** A message to all for each that comes, but for the first: who joins. */
async function broadcast(conn: Conn, prepared: boolean): Promise<void> {
  const news = jsonText(4096);
  await conn.readMessage();
  members.add(conn);
  try {
    await conn.writeMessage(MessageType.Text, news);
    for await (const _message of conn) {
      const message = new PreparedMessage(MessageType.Text, news);
      for (const member of members) {
        if (prepared) member.writePreparedMessage(message);
        else member.writeMessage(MessageType.Text, news);
      }
    }
  } finally {
    members.delete(conn);
  }
}

const hub = new Hub();

/** So many messages to all for each that comes, but for the first. */
async function fanOut(
  conn: Conn,
  count: number,
  send: (news: string) => void,
): Promise<void> {
  const news = jsonText(1024);
  await conn.readMessage();
  await hub.subscribe("topic", conn);
  await conn.send(news);
  for await (const _message of conn) {
    for (let i = 0; i < count; i++) send(news);
  }
}

function sendToAll(news: string): void {
  for (const conn of hub.subscribers("topic")) conn.send(news);
}

const tls = certificateIfAsked();
const server = await serve((conn, request) => {
  const { pathname, search } = new URL(request.url);
  const count = Number(search.slice(1));
  switch (pathname) {
    case "/hub":
      return fanOut(conn, count, (news) => hub.publish("topic", news));
    case "/send":
      return fanOut(conn, count, sendToAll);
    case "/stream":
      return stream(conn);
    case "/broadcast":
      return broadcast(conn, false);
    case "/prepared":
      return broadcast(conn, true);
    default:
      return echo(conn);
  }
}, {
  port: 0,
  hostname: "127.0.0.1",
  engine: process.argv[2] as Engine,
  upgrader: { enableCompression: true },
  ...tls && { tls },
});
if (server.addr.transport !== "tcp") throw new Error("Not on a port");
announce(server.addr.port);
