/** Text as bytes: one character each, as the heads of HTTP are read. */

import { join } from "../../../unit/protocol/recorder.ts";
import type { Random } from "../random.ts";
import { mutate } from "./wire_bytes.ts";

/** The text of bytes. */
export function toText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** The bytes of a text; what is above U+00FF is cut to a byte. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0) & 0xff);
}

/**
 * A text with changes, pieces of a dictionary among them. One in four stays as
 * it is.
 */
export function changedText(
  random: Random,
  text: string,
  dictionary: readonly string[],
): Uint8Array<ArrayBuffer> {
  let bytes = toBytes(text);
  if (random.oneIn(4)) return bytes;
  for (let i = random.below(4); i > 0; i--) {
    const at = random.below(bytes.length + 1);
    const end = random.oneIn(2) ? at : at + random.length(12);
    let piece = random.pick(dictionary);
    // Far too much of something, at times.
    if (random.oneIn(100)) piece = piece.repeat(1 + random.below(3000));
    bytes = join([bytes.subarray(0, at), toBytes(piece), bytes.subarray(end)]);
  }
  return random.oneIn(2) ? mutate(random, bytes) : bytes;
}

/** Some of a list, in its order or not, with a separator between. */
export function someOf(
  random: Random,
  list: readonly string[],
  separator: string,
): string {
  const some: string[] = [];
  for (let i = random.below(5); i > 0; i--) some.push(random.pick(list));
  return some.join(separator);
}

/** The input of settings and a text. */
export function inputOf(
  settings: readonly number[],
  bytes: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return join([Uint8Array.from(settings), bytes]);
}
