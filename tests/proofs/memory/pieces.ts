/** One message of any size, in pieces. */

import { type Conn, MessageType } from "../../../mod.ts";
import { collectNow } from "../../support/process/garbage.ts";

const PIECE = 65_536;
/** Bytes after which a reader collects the pieces that it has dropped. */
const COLLECT_EVERY = 16 * 2 ** 20;

/** Sends a message of so many bytes. */
export async function writeMessage(conn: Conn, size: number): Promise<void> {
  const writer = conn.nextWriter(MessageType.Binary).getWriter();
  const piece = new Uint8Array(PIECE).fill(0x61);
  for (let left = size; left > 0; left -= PIECE) {
    await writer.write(left < PIECE ? piece.subarray(0, left) : piece);
  }
  await writer.close();
}

/**
 * Reads a message; its bytes. The dropped pieces are the reader's own garbage,
 * which V8 collects when it likes: here, so that it is not taken for ours.
 */
export async function countMessage(conn: Conn): Promise<number> {
  const { readable } = await conn.nextReader();
  let size = 0;
  let collected = 0;
  for await (const piece of readable) {
    if (piece[0] !== 0x61 || piece.at(-1) !== 0x61) {
      throw new Error(`The message is spoilt at ${size}`);
    }
    size += piece.length;
    if (size - collected < COLLECT_EVERY) continue;
    collectNow();
    collected = size;
  }
  return size;
}
