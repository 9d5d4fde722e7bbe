/** What is sent over the networks of these tests. */

/** Around the borders of the three forms of a frame's length, and a large one. */
export const SIZES: readonly number[] = [
  0,
  1,
  125,
  126,
  65_535,
  65_536,
  2 ** 20,
];

/** Bytes that tell their place. */
export function bytesOf(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, i) => i % 251);
}

/** A text of so many bytes of UTF-8, of two each as far as it goes. */
export function textOf(size: number): string {
  return "é".repeat(size >> 1) + "e".repeat(size & 1);
}

/** What a message is, in a word that can be compared: type, size and a sum. */
export function digest(data: string | Uint8Array): string {
  const bytes = typeof data === "string"
    ? new TextEncoder().encode(data)
    : data;
  const sum = bytes.reduce((sum, byte) => (sum * 31 + byte) % 1_000_003, 7);
  return `${
    typeof data === "string" ? "text" : "binary"
  } ${bytes.length} ${sum}`;
}

/** What comes back of all that is sent, in order. */
export const ALL: readonly string[] = SIZES.flatMap((size) => [
  digest(textOf(size)),
  digest(bytesOf(size)),
]);
