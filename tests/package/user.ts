/** What a user of both entry points writes; it is type checked and run. */

import {
  CloseCode,
  type Conn,
  dial,
  isCloseError,
  type Message,
  serve,
} from "@silverback/websocket";
import { pipe, rawPeer } from "@silverback/websocket/testing";

async function echo(conn: Conn): Promise<void> {
  for await (const message of conn) {
    await conn.writeMessage(message.type, message.data);
  }
}

const [client, server] = pipe({ server: { readLimit: 1024 } });
const echoing: Promise<void> = echo(server);
await client.send("in memory");
const first: Message = await client.readMessage();
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
await served.shutdown();

console.log(JSON.stringify([first.data, cut, second.type, second.data.length]));
