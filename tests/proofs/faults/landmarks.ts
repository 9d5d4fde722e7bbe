/** Where things stand in the bytes of a session. */

import type { Direction } from "./faulty_link.ts";

/** A frame by its header. */
export interface FrameMark {
  readonly fin: boolean;
  readonly rsv1: boolean;
  readonly opcode: number;
  /** The offset behind its last byte. */
  readonly end: number;
}

/** What a direction of a session consists of. */
export interface Landmarks {
  /** The offset behind the head of the handshake. */
  readonly head: number;
  readonly frames: readonly FrameMark[];
  /** The offset behind each data message. */
  readonly messages: readonly number[];
  /** The offset behind the close frame, which is that behind all. */
  readonly total: number;
}

/** The bytes of a session without a fault, in both directions. */
export type Profile = Readonly<Record<Direction, Landmarks>>;

/** Reads the bytes of a direction, from its first to the close frame. */
export function findLandmarks(bytes: Uint8Array): Landmarks {
  const text = new TextDecoder("latin1").decode(bytes);
  const head = text.indexOf("\r\n\r\n") + 4;
  if (head < 4) throw new Error("There is no head of a handshake");
  const frames: FrameMark[] = [];
  for (let at = head; at < bytes.length;) {
    const [first = 0, second = 0, high = 0, low = 0] = bytes.subarray(at);
    const short = second & 0x7f;
    if (short === 127) throw new Error("There is a frame of 64 KiB or more");
    const size = short === 126 ? high << 8 | low : short;
    at += 2 + (short === 126 ? 2 : 0) + (second >= 0x80 ? 4 : 0) + size;
    frames.push({
      fin: first >= 0x80,
      rsv1: (first & 0x40) !== 0,
      opcode: first & 0xf,
      end: at,
    });
  }
  const last = frames.at(-1);
  if (last?.opcode !== 8 || last.end !== bytes.length) {
    throw new Error("The last frame is no close frame");
  }
  return {
    head,
    frames,
    messages: frames.filter(({ fin, opcode }) => fin && opcode < 8)
      .map(({ end }) => end),
    total: last.end,
  };
}

/** Around which a fault is most likely to matter. */
export function borders({ head, frames }: Landmarks): number[] {
  return [0, head, ...frames.map(({ end }) => end)];
}
