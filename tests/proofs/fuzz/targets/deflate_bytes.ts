/** Compressed messages as a peer might send them. */

import { constants, deflateRawSync } from "node:zlib";

import {
  emptyDynamicBlocks,
  jsonBytes,
} from "../../../unit/deflate/samples.ts";
import { hex } from "../../../unit/protocol/recorder.ts";
import type { Random } from "../random.ts";
import { mutate } from "./wire_bytes.ts";

/** A message: compressed by zlib or by hand, changed, or any bytes. */
export function deflateBytes(random: Random): Uint8Array<ArrayBuffer> {
  const bytes = random.oneIn(12)
    ? random.bytes(random.length(300))
    : random.oneIn(50)
    ? emptyBlocks(random)
    : random.oneIn(2)
    ? byZlib(random)
    : byHand(random);
  return random.oneIn(3) ? mutate(random, bytes) : bytes;
}

function byZlib(random: Random): Uint8Array<ArrayBuffer> {
  const data = plainBytes(random);
  const final = random.oneIn(5);
  const compressed = deflateRawSync(data, {
    level: random.below(10),
    strategy: random.below(5),
    windowBits: 9 + random.below(7),
    memLevel: 1 + random.below(9),
    finishFlush: final ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
  });
  return new Uint8Array(final ? compressed : compressed.subarray(0, -4));
}

/** What compresses well, badly, or extremely. */
function plainBytes(random: Random): Uint8Array<ArrayBuffer> {
  // A bomb: where there is no limit, it takes the reference its time.
  if (random.oneIn(1000)) return new Uint8Array(1 << 20);
  const size = random.oneIn(200) ? random.below(40_000) : random.length(2_000);
  switch (random.below(3)) {
    case 0:
      return jsonBytes(size);
    case 1:
      return random.bytes(size);
    default:
      return new Uint8Array(size).fill(random.below(256));
  }
}

/** Blocks that come to nothing, as many as that may cost anything. */
function emptyBlocks(random: Random): Uint8Array<ArrayBuffer> {
  const count = random.length(600);
  switch (random.below(4)) {
    case 0:
      return hex("03 00".repeat(count));
    case 1:
      return hex("02 00".repeat(count));
    case 2:
      return hex("00 00 00 ff ff".repeat(count));
    default:
      return emptyDynamicBlocks(10 * count);
  }
}

/** Blocks of any kind but dynamic; a few distances lead astray. */
function byHand(random: Random): Uint8Array<ArrayBuffer> {
  const bits = new BitWriter();
  for (let blocks = random.below(4); blocks > 0; blocks--) {
    bits.write(random.oneIn(10) ? 1 : 0, 1);
    if (random.oneIn(3)) {
      const length = random.length(100);
      bits.write(0, 2);
      bits.align();
      bits.write(length, 16);
      bits.write(0xffff ^ length, 16);
      for (let i = 0; i < length; i++) bits.write(random.below(256), 8);
      continue;
    }
    bits.write(1, 2);
    for (let i = random.below(12); i > 0; i--) writeFixed(bits, random);
    bits.write(0, 7);
  }
  // The empty block whose length is left out, or none.
  if (!random.oneIn(6)) bits.write(0, 3);
  bits.align();
  return bits.bytes;
}

/** A literal, or a length and a distance, in fixed codes. */
function writeFixed(bits: BitWriter, random: Random): void {
  if (random.oneIn(2)) {
    // The codes of the literals 0 to 143.
    return bits.writeCode(0x30 + random.below(144), 8);
  }
  const length = random.below(random.oneIn(30) ? 32 : 29);
  const code = 1 + length;
  if (code < 24) bits.writeCode(code, 7);
  else bits.writeCode(0xc0 + code - 24, 8);
  const extra = length < 8 || length >= 28 ? 0 : (length >> 2) - 1;
  bits.write(random.below(2 ** extra), extra);
  const distance = random.oneIn(3)
    ? random.below(random.oneIn(10) ? 32 : 30)
    : random.below(6);
  bits.writeCode(distance, 5);
  const more = distance < 4 || distance > 29 ? 0 : (distance >> 1) - 1;
  bits.write(random.below(2 ** more), more);
}

/** Writes bits as RFC 1951, section 3.1.1, packs them. */
class BitWriter {
  readonly #bits: number[] = [];

  get bytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(Math.ceil(this.#bits.length / 8));
    for (const [i, bit] of this.#bits.entries()) bytes[i >> 3]! |= bit << i % 8;
    return bytes;
  }

  /** A number, its least significant bit first. */
  write(value: number, count: number): void {
    for (let i = 0; i < count; i++) this.#bits.push(value >> i & 1);
  }

  /** A Huffman code, its most significant bit first. */
  writeCode(code: number, count: number): void {
    for (let i = count - 1; i >= 0; i--) this.#bits.push(code >> i & 1);
  }

  align(): void {
    while (this.#bits.length % 8 !== 0) this.#bits.push(0);
  }
}
