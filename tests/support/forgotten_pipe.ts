/** Connections in memory that nobody ends: the process ends all the same. */

import { pipe, rawPeer } from "../../src/testing/mod.ts";

const [client, server] = pipe();
client.send("Hello");
const { data } = await server.readMessage();
server.readMessage();
client.readMessage();
const [conn] = rawPeer({ side: "server" });
conn.readMessage();
console.log(data === "Hello" ? "forgotten" : data);
