/** The examples of RFC 7692, section 7.2.3, and data for the codec. */

/** A message, as it travels: each of them says "Hello". */
export const HELLO: readonly [name: string, payload: string][] = [
  ["one block (7.2.3.1)", "f2 48 cd c9 c9 07 00"],
  ["a block without compression (7.2.3.3)", "00 05 00 fa ff 48 65 6c 6c 6f 00"],
  ["a final block (7.2.3.4)", "f3 48 cd c9 c9 07 00 00"],
  ["a final block and nothing behind it", "f3 48 cd c9 c9 07 00"],
  ["two blocks (7.2.3.5)", "f2 48 05 00 00 00 ff ff ca c9 c9 07 00"],
  ["two final blocks", "f3 48 05 00 cb c9 c9 07 00 00"],
  ["an empty block behind it", "f2 48 cd c9 c9 07 00 00 00 ff ff 00"],
];

/** Messages that cannot be inflated, and what is wrong with them. */
export const BROKEN: readonly [what: string, payload: string][] = [
  ["corrupt", "ff ff ff ff"], // a block of the reserved type
  ["corrupt", "00 05 00 fa fe 48 65 6c 6c 6f 00"], // LEN without its complement
  ["corrupt", "f2 48 cd c9 c9 07 00 ff ff ff ff"],
  ["cut off", "f2 48 cd c9 c9 07"],
  ["cut off", "f2 48 cd"],
  ["cut off", "f3 48 cd c9 c9 07"],
  ["cut off", "00 05 00 fa ff 48 65"],
  ["cut off", "00 05 00 fa ff 48"], // 00 00 ff ff would fit
  ["cut off", "01 08 00 f7 ff 48 65"], // and 00 00 ff ff 03 00
  ["cut off", "34 00"], // in the header of a block
  ["cut off", "db b0 60"], // what is added would go on as symbols
];

/** Text like JSON: it shrinks to a third. */
export function jsonBytes(size: number): Uint8Array<ArrayBuffer> {
  let text = "[";
  for (let i = 0; text.length < size; i++) {
    text += `{"id":${i * 7919 % 1000},"name":"user${i % 97}"},`;
  }
  return new TextEncoder().encode(text.slice(0, size));
}

/** Bytes that do not shrink, the same at every call. */
export function noiseBytes(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let state = 0x9e3779b9;
  for (let i = 0; i < size; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}

/**
 * The blocks that cost most and come to nothing: dynamic ones (RFC 1951, section
 * 3.2.7) of 90 bits, each of which has its codes and no symbol but the end. Of so
 * many bytes at the most, 45 and a last one at the least.
 */
export function emptyDynamicBlocks(size: number): Uint8Array<ArrayBuffer> {
  const number = (value: number, count: number) =>
    Array.from({ length: count }, (_, i) => value >> i & 1).join("");
  // Code lengths of a bit for 18, which repeats zeros, and for 1.
  const codes = Array.from({ length: 18 }, (_, i) => i === 2 || i === 17);
  const block = "001" + number(0, 5) + number(0, 5) + number(14, 4) +
    codes.map((used) => used ? "100" : "000").join("") +
    // 138 and 118 literals that are not there, the end, a distance.
    "1" + number(127, 7) + "1" + number(107, 7) + "00" + "0";
  const bits = block.repeat(4);
  const end = 45 * Math.max(0, Math.floor((size - 1) / 45));
  const bytes = new Uint8Array(end + 1);
  for (let i = 0; i < 8 * end; i++) {
    bytes[i >> 3]! |= Number(bits[i % bits.length]) << i % 8;
  }
  // The last byte is a block without compression, whose length is left out.
  return bytes;
}

/** Joins bytes. */
export function concat(
  parts: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
