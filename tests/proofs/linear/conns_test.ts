/** What a connection costs does not grow with their number. */

import { assert } from "@std/assert";

import type { Conn } from "../../../src/conn/conn.ts";
import { dial } from "../../../src/client/dialer.ts";
import { PreparedMessage } from "../../../src/prepared.ts";
import { MessageType } from "../../../src/message.ts";
import { serve } from "../../../src/server/serve.ts";
import { echo } from "../../support/servers.ts";
import { test } from "../../support/helper.ts";
import { turn } from "../../unit/wire/held_stream.ts";
import { Link } from "./link.ts";
import { countWork, type Work } from "./work.ts";

/** Opens so many connections to a server, uses each, and ends them. */
async function serveConns(count: number): Promise<Work> {
  return await countWork(async () => {
    const server = await serve(echo, {
      port: 0,
      hostname: "127.0.0.1",
      // Its clock looks at all of them once a second.
      upgrader: { keepAlive: false },
    });
    const url = `ws://127.0.0.1:${server.addr.port}/`;
    const conns: Conn[] = [];
    for (let i = 0; i < count; i++) conns.push((await dial(url)).conn);
    for (const conn of conns) {
      await conn.send("Hello");
      await conn.readMessage();
    }
    for (const conn of conns.splice(count / 2)) await conn.close();
    await Promise.all([server.shutdown(), ...conns.map((conn) => conn.closed)]);
  });
}

test("serve() holds connections in linear work", async () => {
  const few = await serveConns(25);
  const many = await serveConns(200);
  assert(
    many.items <= 10 * few.items && many.bytes <= 10 * few.bytes,
    `${JSON.stringify(few)} for 25, ${JSON.stringify(many)} for 200`,
  );
});

test("10,000 connections with keepalive come and go in linear work", async () => {
  const count = 10_000;
  const work = await countWork(async () => {
    const links = Array.from({ length: count }, () => new Link());
    const message = new PreparedMessage(MessageType.Text, "news");
    for (const { conn } of links) conn.writePreparedMessage(message);
    await turn();
    for (const link of links) link.end();
    await Promise.all(links.map(({ conn }) => conn.closed));
  });
  assert(work.items <= 100 * count, `${work.items} items`);
  assert(work.bytes <= 4096 * count, `${work.bytes} bytes`);
});
