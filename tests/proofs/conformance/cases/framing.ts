import {
  binary,
  type Case,
  echoes,
  filled,
  type Group,
  LARGE,
  text,
  theBinary,
  theText,
} from "../case.ts";

// Around the lengths at which the header changes (RFC 6455, section 5.2).
const SIZES = [0, 125, 126, 127, 128, 65_535, 65_536];
const CHOP = 997;

function textCase(id: string, size: number, chop?: number): Case {
  const data = filled(size, 0x2a);
  return echoes(
    id,
    `a text of ${size} bytes`,
    [text(data)],
    [theText(data)],
    chunksOf(size, chop),
  );
}

function binaryCase(id: string, size: number, chop?: number): Case {
  const data = filled(size, 0xfe);
  return echoes(
    id,
    `a binary message of ${size} bytes`,
    [binary(data)],
    [theBinary(data)],
    chunksOf(size, chop),
  );
}

function chunksOf(size: number, chop?: number): Pick<Case, "chunks"> | object {
  if (chop !== undefined) return { chunks: [chop] };
  return size > 1000 ? { chunks: LARGE } : {};
}

/** Messages of one frame. */
export const framing: Group = {
  number: 1,
  name: "Framing",
  cases: [
    ...SIZES.map((size, i) => textCase(`1.1.${i + 1}`, size)),
    textCase("1.1.8", 65_536, CHOP),
    ...SIZES.map((size, i) => binaryCase(`1.2.${i + 1}`, size)),
    binaryCase("1.2.8", 65_536, CHOP),
  ],
};
