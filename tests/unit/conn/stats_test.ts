import { assert, assertEquals } from "@std/assert";

import { Dialer } from "../../../src/client/dialer.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import { PreparedMessage } from "../../../src/prepared.ts";
import { serve } from "../../../src/server/serve.ts";
import { deferred, test } from "../../support/helper.ts";
import { portOf } from "../../support/servers.ts";

const TEXT = "a€".repeat(100_000);
const BYTES = 400_000;

/** Sends the text in every way, three times in all. */
async function sendAll(conn: Conn): Promise<void> {
  await conn.send(TEXT);
  await conn.writePreparedMessage(new PreparedMessage(1, TEXT));
  const writer = conn.nextWriter(1).getWriter();
  await writer.write(TEXT);
  await writer.close();
}

async function readAll(conn: Conn): Promise<void> {
  for (let i = 0; i < 3; i++) {
    assertEquals((await conn.readMessage()).data.length, TEXT.length);
  }
}

test("stats tell compressed messages from their inflated bytes", async () => {
  const enableCompression = { threshold: 0 };
  const accepted = deferred<Conn>();
  await using server = await serve(async (conn) => {
    accepted.resolve(conn);
    await readAll(conn);
    await sendAll(conn);
    await conn.closed;
  }, { port: 0, upgrader: { enableCompression } });
  const dialer = new Dialer({ enableCompression });
  const { conn } = await dialer.dial(`ws://127.0.0.1:${portOf(server)}/`);
  await sendAll(conn);
  await readAll(conn);
  const there = (await accepted.promise).stats;
  for (const { received, sent } of [conn.stats, there]) {
    for (const { messages, bytes, wireBytes = Infinity } of [received, sent]) {
      assertEquals([messages, bytes], [3, 3 * BYTES]);
      assert(wireBytes > 100 && wireBytes < BYTES / 10, `${wireBytes}`);
    }
  }
  assertEquals(conn.stats.received.wireBytes, there.sent.wireBytes);
  assertEquals(conn.stats.sent.wireBytes, there.received.wireBytes);
  await conn.close();
});
