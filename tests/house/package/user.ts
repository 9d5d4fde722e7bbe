/** What a user of all entry points writes; it is type checked and run. */

import {
  CloseCode,
  type Conn,
  dial,
  isCloseError,
  type Message,
  serve,
} from "@silverback/websocket";
import { connFrom } from "@silverback/websocket/browser";
import { toWebSocket, WebSocket } from "@silverback/websocket/compat";
import { Hub } from "@silverback/websocket/pubsub";
import { pipe, rawPeer } from "@silverback/websocket/testing";
import Ws, { WebSocketServer } from "@silverback/websocket/ws";

async function echo(conn: Conn): Promise<void> {
  for await (const message of conn) {
    await conn.writeMessage(message.type, message.data);
  }
}

const [client, server] = pipe({ server: { readLimit: 1024 } });
const echoing: Promise<void> = echo(server);
await client.send("in memory");
const first: Message = await client.readMessage();
await using hub = new Hub();
await hub.subscribe("topic", server);
await hub.publish("topic", "published");
const published: Message = await client.readMessage();
await client.close(CloseCode.NormalClosure, "done");
await echoing;

const [conn, peer] = rawPeer({ side: "client" });
peer.reset();
const cut: boolean = await conn.readMessage().then(
  () => false,
  (error: unknown) => isCloseError(error, CloseCode.AbnormalClosure),
);

const served = await serve(echo, { port: 0, hostname: "127.0.0.1" });
const { addr } = served;
if (addr.transport !== "tcp") throw new Error("Not on TCP");
const { conn: dialed } = await dial(`ws://127.0.0.1:${addr.port}/`);
await dialed.send(new Uint8Array([1, 2, 3]));
const second: Message = await dialed.readMessage();
await dialed.close();

const socket: globalThis.WebSocket = new WebSocket(
  `ws://127.0.0.1:${addr.port}/`,
);
socket.onopen = () => socket.send("W3C");
const third = await new Promise((resolve) => {
  socket.onmessage = ({ data }) => resolve(data);
});
socket.close();
await served.shutdown();
const names: string[] = [connFrom, toWebSocket, Ws, WebSocketServer]
  .map(({ name }) => name);
if (third !== "W3C" || names.length !== 4) throw new Error("Not there");

console.log(
  JSON.stringify([
    first.data,
    published.data,
    cut,
    second.type,
    second.data.length,
  ]),
);
