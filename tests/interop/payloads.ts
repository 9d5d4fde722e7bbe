/**
 * What is sent over the networks of these tests. The functions are also sent to
 * pages, as source: they refer to nothing outside.
 */

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

/** Noise that repeats itself, at a distance of which large windows make use. */
export function bytesOf(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let x = 0;
  for (let i = 0; i < size; i++) {
    if (i % 20_011 === 0) x = 1;
    x = Math.imul(x, 1_664_525) + 1_013_904_223;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

/** A text of so many bytes of UTF-8, of two each as far as it goes. */
export function textOf(size: number): string {
  return "é".repeat(size >> 1) + "e".repeat(size & 1);
}

/** A message in a word that can be compared: type, size and its Adler-32. */
export function digest(data: string | Uint8Array): string {
  const text = typeof data === "string";
  const bytes = text ? new TextEncoder().encode(data) : data;
  let a = 1;
  let b = 0;
  for (let i = 0; i < bytes.length; i++) {
    a = (a + bytes[i]!) % 65_521;
    b = (b + a) % 65_521;
  }
  return `${text ? "text" : "binary"} ${bytes.length} ${b * 65_536 + a}`;
}

/** What comes back of all that is sent, in order. */
export function digests(sizes: readonly number[] = SIZES): string[] {
  return sizes.flatMap((size) => [
    digest(textOf(size)),
    digest(bytesOf(size)),
  ]);
}
