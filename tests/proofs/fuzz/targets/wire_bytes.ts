/** Bytes as a peer might send them: any, nearly frames, and frames that are changed. */

import { frame, join } from "../../../unit/protocol/recorder.ts";
import type { Random } from "../random.ts";

type Side = "server" | "client";

/** First bytes: those of all valid frames, and the other ones at times. */
const FIRST: readonly number[] = [
  0x81,
  0x82,
  0x01,
  0x02,
  0x00,
  0x80,
  0x89,
  0x8a,
  0x88,
  0xc1,
  0xc2,
  0x41,
  0x42,
];

/** Arbitrary bytes: at all, or behind headers that claim one length or another. */
export function looseBytes(random: Random, side: Side): Uint8Array {
  if (random.oneIn(4)) return random.bytes(random.length(300));
  const parts: Uint8Array[] = [];
  for (let i = random.below(6); i >= 0; i--) {
    const payload = random.bytes(random.length(140));
    const length = random.oneIn(6) ? claim(random) : payload.length;
    parts.push(looseHeader(random, side, length), payload);
  }
  return join(parts);
}

/** A length that nothing stands behind: about the edges of the forms, or any. */
function claim(random: Random): number {
  return random.oneIn(2)
    ? random.uint32()
    : random.pick([0, 125, 65_535]) + random.below(3);
}

function looseHeader(
  random: Random,
  side: Side,
  length: number,
): Uint8Array<ArrayBuffer> {
  const first = random.oneIn(8) ? random.below(256) : random.pick(FIRST);
  const maskBit = (side === "server") !== random.oneIn(40) ? 0x80 : 0;
  const bits = random.oneIn(20)
    ? random.pick([7, 16, 64])
    : length < 126
    ? 7
    : length < 65_536
    ? 16
    : 64;
  const head = [first];
  if (bits === 7) head.push(maskBit | length & 0x7f);
  else {
    head.push(maskBit | (bits === 16 ? 126 : 127));
    // The high half is seldom used, but for what goes wrong with it.
    const high = random.oneIn(20) ? random.uint32() : 0;
    if (bits === 64) head.push(...bytesOf(high));
    head.push(...bytesOf(length).slice(bits === 64 ? 0 : 2));
  }
  if (maskBit !== 0) head.push(...bytesOf(random.uint32()));
  return Uint8Array.from(head);
}

function bytesOf(word: number): number[] {
  return [word >>> 24, word >>> 16 & 255, word >>> 8 & 255, word & 255];
}

/** Makes the payload of a compressed message. */
type Deflate = (random: Random) => Uint8Array;

/** Frames of a conversation; two of three times some bytes are changed. */
export function changedFrames(
  random: Random,
  side: Side,
  deflate?: Deflate,
): Uint8Array {
  const bytes = frames(random, side, deflate);
  if (random.oneIn(3)) return bytes;
  return mutate(random, bytes);
}

/** The frames of some valid messages, with control frames between. */
export function frames(
  random: Random,
  side: Side,
  deflate?: Deflate,
): Uint8Array {
  const parts: Uint8Array[] = [];
  const add = (first: number, payload: Uint8Array) => {
    const key = random.oneIn(8) ? 0 : random.uint32();
    parts.push(frame(side, first, payload, key));
  };
  for (let i = random.below(5); i >= 0; i--) {
    const type = 1 + random.below(2);
    // A session without the extension refuses these.
    const rsv1 = random.oneIn(deflate === undefined ? 6 : 2) ? 0x40 : 0;
    const most = random.oneIn(400) ? 70_000 : 600;
    const payload = rsv1 !== 0 && deflate !== undefined
      ? deflate(random)
      : type === 1
      ? randomText(random, random.length(most))
      : random.bytes(random.length(most));
    const cuts = random.oneIn(2) ? 0 : random.below(5);
    let at = 0;
    for (let cut = 0; cut <= cuts; cut++) {
      const end = cut === cuts
        ? payload.length
        : at + random.below(payload.length - at + 1);
      const opcode = cut === 0 ? type | rsv1 : 0;
      add((cut === cuts ? 0x80 : 0) | opcode, payload.subarray(at, end));
      at = end;
      if (random.oneIn(4)) {
        const control = random.oneIn(2) ? 0x89 : 0x8a;
        add(control, random.bytes(random.length(125)));
      }
      if (random.oneIn(30)) add(0x88, closePayload(random));
    }
  }
  if (random.oneIn(3)) add(0x88, closePayload(random));
  return join(parts);
}

function closePayload(random: Random): Uint8Array {
  if (random.oneIn(4)) return new Uint8Array(0);
  const code = random.oneIn(2) ? 1000 + random.below(17) : random.below(5200);
  return join([
    Uint8Array.of(code >> 8, code & 255),
    randomText(random, random.length(123)),
  ]);
}

/** Valid UTF-8 of about so many bytes, sequences of all lengths in it. */
export function randomText(
  random: Random,
  length: number,
): Uint8Array<ArrayBuffer> {
  const ascii = random.oneIn(2);
  let text = "";
  for (let size = 0; size < length;) {
    const point = ascii || !random.oneIn(3)
      ? random.below(0x80)
      : random.pick([0x7ff, 0xd7ff, 0xe000, 0xffff, 0xfffd, 0x10ffff]) -
        random.below(0x20);
    const char = String.fromCodePoint(
      point >= 0xd800 && point < 0xe000 ? 0xe000 : point,
    );
    size += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
    text += char;
  }
  const bytes = new TextEncoder().encode(text);
  return bytes.length > length && ascii ? bytes.slice(0, length) : bytes;
}

/** Bytes with a few changes: a bit, a byte, a part left out, doubled or put in. */
export function mutate(
  random: Random,
  bytes: Uint8Array,
): Uint8Array<ArrayBuffer> {
  let result: Uint8Array<ArrayBuffer> = new Uint8Array(bytes);
  for (let i = random.below(3); i >= 0; i--) {
    // A bit near the front is likely to be a header's.
    const near = Math.min(result.length, random.oneIn(2) ? 16 : Infinity);
    const at = random.below(near);
    const end = Math.min(result.length, at + 1 + random.length(20));
    const before = result.subarray(0, at);
    switch (random.below(6)) {
      case 0:
      case 1:
        if (result.length > 0) result[at]! ^= 1 << random.below(8);
        break;
      case 2:
        if (result.length > 0) result[at] = random.below(256);
        break;
      case 3:
        result = join([before, result.subarray(end)]);
        break;
      case 4:
        result = join([result.subarray(0, end), result.subarray(at)]);
        break;
      default: {
        const added = random.bytes(1 + random.length(20));
        result = join([before, added, result.subarray(at)]);
      }
    }
  }
  return result;
}
