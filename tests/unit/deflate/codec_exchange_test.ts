/** Every mode, our own other side: sizes, types, whole and in pieces. */

import { assertEquals } from "@std/assert";
import type { Conn } from "../../../src/conn/conn.ts";
import { openContexts } from "../../../src/deflate/contexts.ts";
import type { MessageType } from "../../../src/message.ts";
import { test } from "../../support/helper.ts";
import { connPair } from "./links.ts";
import { jsonBytes, noiseBytes } from "./samples.ts";

const SIZES = [0, 1, 125, 126, 65_535, 65_536, 1_048_576];

for (const takeover of [false, "server", "client", true] as const) {
  for (const windowBits of [9, 12, 15]) {
    for (const chunkSize of [1, 1000, undefined]) {
      const chunks = chunkSize === undefined ? "whole" : `${chunkSize}-byte`;
      test(
        `takeover ${takeover}, window of ${windowBits} bits, ${chunks} chunks`,
        async () => {
          const options = { takeover, windowBits, chunkSize };
          const { server, client } = connPair(options);
          for (
            const [from, to] of [[server, client], [client, server]] as const
          ) {
            for (const size of SIZES) {
              // A chunk of one byte is a turn of the event loop.
              if (chunkSize === 1 && size > 1000) continue;
              await exchange(from, to, size);
            }
          }
          await client.close();
          await server.closed;
          assertEquals(openContexts(), 0);
        },
        { timeout: 60_000 },
      );
    }
  }
}

async function exchange(from: Conn, to: Conn, size: number): Promise<void> {
  const bytes = size > 100_000 ? jsonBytes(size) : noiseBytes(size);
  const json = new TextDecoder().decode(jsonBytes(size));
  const text = size < 4 ? json : json.slice(0, -3) + "é😀";
  // Behind the first, the same again has something to refer to.
  for (const data of size > 100_000 ? [text] : [bytes, text, bytes]) {
    const type: MessageType = typeof data === "string" ? 1 : 2;
    from.writeMessage(type, data);
    check(await to.readMessage(), type, data);
    const writing = write(from, type, data);
    check(await to.readMessage(), type, data);
    await writing;
    from.writeMessage(type, data);
    const reader = await to.nextReader();
    const read = type === 1 ? await reader.text() : await reader.bytes();
    check({ type: reader.type, data: read }, type, data);
  }
}

/** Writes a message in four pieces, cut anywhere. */
async function write(
  conn: Conn,
  type: 1 | 2,
  data: string | Uint8Array,
): Promise<void> {
  const writer = conn.nextWriter(type).getWriter();
  const size = Math.max(1, Math.floor(data.length / 3));
  for (let start = 0; start < data.length; start += size) {
    await writer.write(
      typeof data === "string"
        ? data.slice(start, start + size)
        : data.subarray(start, start + size),
    );
  }
  await writer.close();
}

function check(
  message: { type: MessageType; data: string | Uint8Array },
  type: MessageType,
  data: string | Uint8Array,
): void {
  assertEquals(message.type, type);
  assertEquals(message.data.length, data.length);
  const same = typeof data === "string"
    ? message.data === data
    : data.every((byte, index) => byte === message.data[index]);
  assertEquals(same, true);
}
