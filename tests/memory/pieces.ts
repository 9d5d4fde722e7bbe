/** One message of any size, in pieces. */

import { type Conn, MessageType } from "../../mod.ts";

const PIECE = 65_536;

/** Sends a message of so many bytes. */
export async function writeMessage(conn: Conn, size: number): Promise<void> {
  const writer = conn.nextWriter(MessageType.Binary).getWriter();
  const piece = new Uint8Array(PIECE).fill(0x61);
  for (let left = size; left > 0; left -= PIECE) {
    await writer.write(left < PIECE ? piece.subarray(0, left) : piece);
  }
  await writer.close();
}

/** Reads a message; its bytes. */
export async function countMessage(conn: Conn): Promise<number> {
  const { readable } = await conn.nextReader();
  let size = 0;
  for await (const piece of readable) {
    if (piece[0] !== 0x61 || piece.at(-1) !== 0x61) {
      throw new Error(`The message is spoilt at ${size}`);
    }
    size += piece.length;
  }
  return size;
}
