/** What is said in a round trip, and how it is heard. */

import type { Conn } from "../../../../src/conn/conn.ts";
import { join } from "../../../unit/protocol/recorder.ts";
import type { Random } from "../random.ts";

/** A message that is sent. */
export interface Saying {
  readonly type: 1 | 2;
  readonly data: Uint8Array<ArrayBuffer>;
  readonly sum: number;
  /** The way to write it. */
  readonly way: number;
  /** In how many places it is cut, where it is written in pieces. */
  readonly cuts: number;
}

/** A checksum that depends on the order and the number of bytes (Adler-32). */
export function checksum(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return b * 0x1_0000 + a;
}

/** Reads a message, in one of the ways. */
export async function take(
  conn: Conn,
  random: Random,
): Promise<{ readonly type: number; readonly data: Uint8Array }> {
  switch (random.below(4)) {
    case 0: {
      const reader = await conn.nextReader();
      return { type: reader.type, data: await reader.bytes() };
    }
    case 1: {
      const { type, readable } = await conn.nextReader();
      const parts: Uint8Array[] = [];
      for await (const part of readable) parts.push(part);
      return { type, data: join(parts) };
    }
    case 2:
      for await (const { type, data } of conn) {
        return { type, data: toBytes(data) };
      }
      throw new Error("The connection has ended");
    default: {
      const { type, data } = await conn.readMessage();
      return { type, data: toBytes(data) };
    }
  }
}

function toBytes(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}
