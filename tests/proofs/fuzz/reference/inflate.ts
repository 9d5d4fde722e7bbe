/**
 * DEFLATE by RFC 1951, and what a message is by RFC 7692, section 7.2.2: bit by
 * bit, with no tables but the RFC's. It shares nothing with zlib.
 */

/** What comes of a message. */
export interface Inflated {
  /** All of it, or what came before the fault. */
  readonly bytes: readonly number[];
  /**
   * `corrupt` breaks RFC 1951, `cut off` ends within a block, `limit` exceeds
   * the read limit; `undefined` is well.
   */
  readonly fault: "corrupt" | "cut off" | "limit" | undefined;
  /** Whether a distance goes past the window that was agreed on. */
  readonly far: boolean;
}

/** Thrown to end a message. */
class Stop {
  readonly fault: NonNullable<Inflated["fault"]>;

  constructor(fault: NonNullable<Inflated["fault"]>) {
    this.fault = fault;
  }
}

/** A Huffman code: the symbol of each code, written as `1` and its bits. */
type Code = ReadonlyMap<number, number>;

/** Inflates the messages of one direction. */
export class ReferenceInflater {
  readonly #window: number;
  readonly #takeover: boolean;
  /** What distances may refer to. */
  #history: number[] = [];
  #bytes: number[] = [];
  #limit = 0;
  #far = false;
  #finals = 0;
  #bits = new Bits([], 0);

  /** With windows of so many bits. */
  constructor(windowBits: number, takeover: boolean) {
    this.#window = 2 ** windowBits;
    this.#takeover = takeover;
  }

  /** Inflates a message; after a fault there is no other one. */
  inflate(data: Uint8Array, limit: number): Inflated {
    if (!this.#takeover) this.#history = [];
    this.#history = this.#history.slice(-32_768);
    this.#bytes = [];
    this.#limit = limit;
    this.#finals = 0;
    // RFC 7692, section 7.2.2: what the sender has left out.
    this.#bits = new Bits([...data, 0x00, 0x00, 0xff, 0xff], data.length);
    let fault: Inflated["fault"];
    try {
      while (!this.#readBlock());
    } catch (stop) {
      if (!(stop instanceof Stop)) throw stop;
      fault = stop.fault;
    }
    return { bytes: this.#bytes, fault, far: this.#far };
  }

  /** Reads a block (RFC 1951, section 3.2.3); whether it is the last. */
  #readBlock(): boolean {
    const bits = this.#bits;
    const final = bits.read(1) === 1;
    const type = bits.read(2);
    if (type === 3) throw new Stop("corrupt");
    if (type === 0) {
      bits.align();
      // The one block whose length has been left out ends the message.
      if (bits.atEnd && !final) return true;
      this.#stored();
    } else {
      const [literals, distances] = type === 1 ? FIXED : dynamicCodes(bits);
      this.#compressed(literals, distances);
    }
    if (!final) return false;
    // RFC 7692, section 7.2.3.4: the next block begins a byte, and anew.
    bits.align();
    this.#history = [];
    // No rule of the RFC's, but our bound.
    if (++this.#finals > 256) throw new Stop("corrupt");
    return bits.atEnd;
  }

  /** Section 3.2.4. */
  #stored(): void {
    const bits = this.#bits;
    const length = bits.read(16);
    if (length + bits.read(16) !== 0xffff) throw new Stop("corrupt");
    for (let i = 0; i < length; i++) this.#put(bits.read(8));
  }

  /** Section 3.2.5. */
  #compressed(literals: Code, distances: Code): void {
    const bits = this.#bits;
    for (;;) {
      const symbol = bits.symbol(literals);
      if (symbol === 256) return;
      if (symbol < 256) {
        this.#put(symbol);
        continue;
      }
      const [least, extra] = LENGTHS[symbol - 257] ?? fail("corrupt");
      const length = least + bits.read(extra);
      const code = bits.symbol(distances);
      const [nearest, more] = DISTANCES[code] ?? fail("corrupt");
      const distance = nearest + bits.read(more);
      if (distance > this.#history.length) throw new Stop("corrupt");
      if (distance > this.#window) this.#far = true;
      for (let i = 0; i < length; i++) this.#put(this.#history.at(-distance)!);
    }
  }

  #put(byte: number): void {
    if (this.#bytes.length === this.#limit) throw new Stop("limit");
    this.#bytes.push(byte);
    this.#history.push(byte);
  }
}

/** Section 3.1.1: from the least significant bit of a byte on. */
class Bits {
  readonly #bytes: readonly number[];
  /** Where the message itself ends. */
  readonly #end: number;
  #position = 0;

  constructor(bytes: readonly number[], end: number) {
    this.#bytes = bytes;
    this.#end = 8 * end;
  }

  get atEnd(): boolean {
    return this.#position === this.#end;
  }

  /** A number of so many bits. Those behind the message are no data. */
  read(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      if (this.#position >= this.#end) throw new Stop("cut off");
      const byte = this.#bytes[Math.floor(this.#position / 8)]!;
      value += Math.floor(byte / 2 ** (this.#position % 8)) % 2 * 2 ** i;
      this.#position++;
    }
    return value;
  }

  /** Goes to the next byte, if it is within one. */
  align(): void {
    this.#position = 8 * Math.ceil(this.#position / 8);
  }

  symbol(code: Code): number {
    let bits = 1;
    for (let length = 1; length <= 15; length++) {
      bits = bits * 2 + this.read(1);
      const symbol = code.get(bits);
      if (symbol !== undefined) return symbol;
    }
    throw new Stop("corrupt");
  }
}

function fail(fault: "corrupt"): never {
  throw new Stop(fault);
}

/** Section 3.2.2: the codes that follow from their lengths. */
function makeCode(lengths: readonly number[]): Code {
  const code = new Map<number, number>();
  let next = 1;
  for (let length = 1; length <= 15; length++) {
    next *= 2;
    for (const [symbol, own] of lengths.entries()) {
      if (own !== length) continue;
      // More codes than there are of this length.
      if (next >= 2 ** (length + 1)) throw new Stop("corrupt");
      code.set(next++, symbol);
    }
  }
  return code;
}

/** Whether no bits are left over, but those of a code that has one symbol. */
function isComplete(lengths: readonly number[]): boolean {
  const used = lengths.filter((length) => length > 0);
  const sum = used.reduce((sum, length) => sum + 2 ** -length, 0);
  return sum === 1 || used.length === 1 && used[0] === 1;
}

/** Section 3.2.6. */
function fixedCodes(): [literals: Code, distances: Code] {
  const literals = Array.from(
    { length: 288 },
    (_, i) => i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8,
  );
  return [makeCode(literals), makeCode(new Array<number>(32).fill(5))];
}

const FIXED: [literals: Code, distances: Code] = fixedCodes();

/** Section 3.2.7. */
function dynamicCodes(bits: Bits): [literals: Code, distances: Code] {
  const literals = 257 + bits.read(5);
  const distances = 1 + bits.read(5);
  const count = 4 + bits.read(4);
  if (literals > 286 || distances > 30) throw new Stop("corrupt");
  const own = new Array<number>(19).fill(0);
  for (const symbol of ORDER.slice(0, count)) own[symbol] = bits.read(3);
  const code = makeCode(own);
  if (own.reduce((sum, length) => sum + (length && 2 ** -length), 0) !== 1) {
    throw new Stop("corrupt");
  }
  const lengths: number[] = [];
  while (lengths.length < literals + distances) {
    const symbol = bits.symbol(code);
    const [repeated, least, extra] = symbol < 16
      ? [symbol, 1, 0]
      : symbol === 16
      ? [lengths.at(-1) ?? fail("corrupt"), 3, 2]
      : symbol === 17
      ? [0, 3, 3]
      : [0, 11, 7];
    for (let i = least + bits.read(extra); i > 0; i--) lengths.push(repeated);
  }
  if (lengths.length > literals + distances) throw new Stop("corrupt");
  const first = lengths.slice(0, literals);
  const second = lengths.slice(literals);
  // A block that cannot end; then codes that leave bits over.
  if (first[256] === 0 || !isComplete(first)) throw new Stop("corrupt");
  if (second.some((length) => length > 0) && !isComplete(second)) {
    throw new Stop("corrupt");
  }
  return [makeCode(first), makeCode(second)];
}

// Section 3.2.5: extra bits, and what is added to them.
const LENGTHS = table(
  "0 3  0 4  0 5  0 6  0 7  0 8  0 9  0 10 1 11 1 13 1 15 1 17 2 19 2 23 2 27 " +
    "2 31 3 35 3 43 3 51 3 59 4 67 4 83 4 99 4 115 5 131 5 163 5 195 5 227 0 258",
);
const DISTANCES = table(
  "0 1 0 2 0 3 0 4 1 5 1 7 2 9 2 13 3 17 3 25 4 33 4 49 5 65 5 97 6 129 6 193 " +
    "7 257 7 385 8 513 8 769 9 1025 9 1537 10 2049 10 3073 11 4097 11 6145 " +
    "12 8193 12 12289 13 16385 13 24577",
);
// Section 3.2.7.
const ORDER = "16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1 15".split(" ")
  .map(Number);

function table(text: string): [least: number, bits: number][] {
  return [...text.matchAll(/(\d+) +(\d+)/g)]
    .map(([, bits, least]) => [Number(least), Number(bits)]);
}
