/** Messages that tell whether they are whole, and in their place. */

/** A message of a soak. */
export type Payload = string | Uint8Array<ArrayBuffer>;

/** Milliseconds that anything may take, however busy the machine. */
export const PATIENCE = 90_000;

const POOL = 2 ** 20;
// Of one UTF-16 unit each, and of one to three bytes.
const LETTERS = "etaoin shrdlu ÄÖÜß €✓ 0123456789";
const HEAD = 17; // two numbers of 8 hex digits, and a space
const BINARY_HEAD = 8;

/** Numbers that follow from a seed (mulberry32), from 0 to 1. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = state + 0x6d2b79f5 >>> 0;
    let t = state;
    t = Math.imul(t ^ t >>> 15, t | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

/** Makes messages; their bodies come from one pool, so that they cost little. */
export class PayloadSource {
  readonly #random: () => number;
  readonly #bytes = new Uint8Array(2 * POOL);
  readonly #text: string;

  constructor(random: () => number) {
    this.#random = random;
    const letters: string[] = [];
    for (let i = 0; i < POOL; i++) {
      this.#bytes[i] = random() * 256;
      letters.push(LETTERS[Math.floor(random() * LETTERS.length)]!);
    }
    this.#bytes.copyWithin(POOL, 0, POOL);
    const text = letters.join("");
    this.#text = text + text;
  }

  /** A message of a mixed size: the one of that number, of that connection. */
  next(conn: number, number: number): Payload {
    const random = this.#random;
    const size = this.#size();
    const start = Math.floor(random() * POOL);
    if (random() < 0.5) {
      const body = this.#text.slice(start, start + size);
      return hex8(number) + hex8(sumText(body, 0, conn + number)) + " " + body;
    }
    const payload = new Uint8Array(BINARY_HEAD + size);
    payload.set(this.#bytes.subarray(start, start + size), BINARY_HEAD);
    const view = new DataView(payload.buffer);
    view.setUint32(0, number);
    view.setUint32(4, sumBytes(payload, BINARY_HEAD, conn + number));
    return payload;
  }

  // Up to the first border of the frame's length, most; up to 256 KiB, a few.
  #size(): number {
    const kind = this.#random();
    const limit = kind < 0.7
      ? 125
      : kind < 0.92
      ? 4096
      : kind < 0.99
      ? 65_536
      : 262_144;
    return Math.floor(this.#random() * limit);
  }
}

/**
 * The number of a message of the connection.
 *
 * @throws {Error} If it is not as it was made
 */
export function verify(conn: number, payload: string | Uint8Array): number {
  let number: number;
  let said: number;
  let sum: number;
  if (typeof payload === "string") {
    number = Number.parseInt(payload.slice(0, 8), 16);
    said = Number.parseInt(payload.slice(8, 16), 16);
    sum = sumText(payload, HEAD, conn + number);
  } else {
    const { buffer, byteOffset, byteLength } = payload;
    const view = new DataView(buffer, byteOffset, byteLength);
    number = view.getUint32(0);
    said = view.getUint32(4);
    sum = sumBytes(payload, BINARY_HEAD, conn + number);
  }
  if (sum !== said) throw new Error(`A message of ${payload.length} is spoilt`);
  return number;
}

function hex8(value: number): string {
  return value.toString(16).padStart(8, "0");
}

// FNV-1a. The connection and the number are in it, so that neither can be taken
// for another.
function sumText(text: string, start: number, seed: number): number {
  let sum = 0x811c9dc5 ^ seed;
  for (let i = start; i < text.length; i++) {
    sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  }
  return sum >>> 0;
}

function sumBytes(bytes: Uint8Array, start: number, seed: number): number {
  let sum = 0x811c9dc5 ^ seed;
  for (let i = start; i < bytes.length; i++) {
    sum = Math.imul(sum ^ bytes[i]!, 0x01000193);
  }
  return sum >>> 0;
}
