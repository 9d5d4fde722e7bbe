import { hex } from "../../../support/helper.ts";
import { concat } from "../../../unit/deflate/samples.ts";
import {
  type Case,
  echoes,
  fails,
  type Group,
  HOLD,
  inFragments,
  more,
  text,
  theText,
} from "../case.ts";
import { compareIds } from "../case_list.ts";

const PLAIN = "Hello-µ@ßöäüàá-UTF-8!!";
const [HALF, OTHER_HALF] = ["Hello-µ@ßöä", "üàá-UTF-8!!"];
const KOSME = hex("ce ba e1 bd b9 cf 83 ce bc ce b5");
const EDITED = hex("65 64 69 74 65 64");
const SURROGATE = concat([KOSME, hex("ed a0 80"), EDITED]);
// U+110000, which is beyond Unicode: its second byte tells.
const BEYOND = concat([KOSME, hex("f4 90 80 80"), EDITED]);

/** One text of each: a chapter's list of hex literals. */
const VALID: readonly [chapter: number, texts: readonly string[]][] = [
  [5, [
    "68 65 6c 6c 6f 24 77 6f 72 6c 64",
    "68 65 6c 6c 6f c2 a2 77 6f 72 6c 64",
    "68 65 6c 6c 6f e2 82 ac 77 6f 72 6c 64",
    "68 65 6c 6c 6f f0 a4 ad a2 77 6f 72 6c 64",
    "ce ba e1 bd b9 cf 83 ce bc ce b5",
  ]],
  // The first and the last character of each length.
  [7, ["00", "c2 80", "e0 a0 80", "f0 90 80 80"]],
  [9, ["7f", "df bf", "ef bf bf", "f4 8f bf bf"]],
  // Noncharacters are characters to UTF-8 (RFC 3629).
  [22, ["ef bf be", "ef bf bf", ...noncharacters()]],
  [23, ["b9", "ba", "bb", "bc", "bd", "be", "bf"].map((end) => `ef bf ${end}`)],
];

const INVALID: readonly [chapter: number, texts: readonly string[]][] = [
  // The first and the last of lengths that UTF-8 no longer has.
  [8, ["f8 88 80 80 80", "fc 84 80 80 80 80"]],
  [10, ["f7 bf bf bf", "fb bf bf bf bf", "fd bf bf bf bf bf"]],
  // Continuation bytes with nothing to continue.
  [12, [
    "80",
    "bf",
    "80 bf",
    "80 bf 80",
    "80 bf 80 bf",
    "80 bf 80 bf 80",
    "80 bf 80 bf 80 bf",
    range(0x80, 0xbf).join(" "),
  ]],
  // First bytes of each length, with a space behind each.
  [
    13,
    [
      [0xc0, 0xdf],
      [0xe0, 0xef],
      [0xf0, 0xf7],
      [0xf8, 0xfb],
      [0xfc, 0xfd],
    ].map(([first = 0, last = 0]) =>
      range(first, last).map((byte) => `${byte} 20`).join(" ")
    ),
  ],
  // The last byte is missing: of each, and of all together.
  [14, cutOff()],
  [15, [cutOff().join(" ")]],
  [16, ["fe", "ff", "fe fe ff ff"]],
  // Longer than needed: a slash, the highest of each length, and NUL.
  [17, [
    "c0 af",
    "e0 80 af",
    "f0 80 80 af",
    "f8 80 80 80 af",
    "fc 80 80 80 80 af",
  ]],
  [18, [
    "c1 bf",
    "e0 9f bf",
    "f0 8f bf bf",
    "f8 87 bf bf bf",
    "fc 83 bf bf bf bf",
  ]],
  [19, [
    "c0 80",
    "e0 80 80",
    "f0 80 80 80",
    "f8 80 80 80 80",
    "fc 80 80 80 80 80",
  ]],
  // Surrogates, alone and in pairs.
  [20, [
    "ed a0 80",
    "ed ad bf",
    "ed ae 80",
    "ed af bf",
    "ed b0 80",
    "ed be 80",
    "ed bf bf",
  ]],
  [
    21,
    ["ed a0 80", "ed ad bf", "ed ae 80", "ed af bf"].flatMap((high) => [
      `${high} ed b0 80`,
      `${high} ed bf bf`,
    ]),
  ],
];

/** U+nFFFE and U+nFFFF of the planes 1 to 16. */
function noncharacters(): string[] {
  return Array.from({ length: 16 }, (_, i) => 0x1ffff + 0x10000 * i)
    .flatMap((last) => [last - 1, last])
    .map((point) => toHexOf(String.fromCodePoint(point)));
}

function toHexOf(text: string): string {
  return Array.from(
    new TextEncoder().encode(text),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join(" ");
}

function range(first: number, last: number): string[] {
  return Array.from(
    { length: last - first + 1 },
    (_, i) => (first + i).toString(16),
  );
}

function cutOff(): string[] {
  return [
    ...["c0", "e0 80", "f0 80 80", "f8 80 80 80", "fc 80 80 80 80"],
    ...["df", "ef bf", "f7 bf bf", "fb bf bf bf", "fd bf bf bf bf"],
  ];
}

function valid(id: string, bytes: Uint8Array): Case {
  return echoes(id, "a valid text", [text(bytes)], [theText(bytes)]);
}

function invalid(id: string, bytes: Uint8Array): Case {
  return fails(id, "a text that is not UTF-8", [text(bytes)], [1007]);
}

/** The code points that a prefix of {@linkcode KOSME} may end behind. */
const ENDS: readonly number[] = [2, 5, 7, 9, 11];

/**
 * A text that is not UTF-8 from the second part on. The third is held back: the
 * target is to fail the connection without it. As fragments, and as pieces of
 * one frame.
 */
function failFast(
  [fragments, pieces]: readonly [string, string],
  [first, second]: readonly [number, number],
): Case[] {
  const frame = text(BEYOND);
  return [
    fails(
      fragments,
      "a text in fragments, of which the second makes it invalid",
      [
        text(BEYOND.subarray(0, first), false),
        more(BEYOND.subarray(first, second)),
        HOLD,
        more(BEYOND.subarray(second), true),
      ],
      [1007],
    ),
    fails(
      pieces,
      "the same in pieces of one frame",
      [
        { part: frame, from: 0, to: first },
        { part: frame, from: first, to: second },
        HOLD,
        { part: frame, from: second, to: BEYOND.length },
      ],
      [1007],
    ),
  ];
}

function chapters(
  table: typeof VALID,
  make: (id: string, bytes: Uint8Array) => Case,
): Case[] {
  return table.flatMap(([chapter, texts]) =>
    texts.map((text, i) => make(`6.${chapter}.${i + 1}`, hex(text)))
  );
}

/** RFC 6455, section 8.1. */
export const utf8: Group = {
  number: 6,
  name: "UTF-8",
  cases: [
    echoes("6.1.1", "an empty text", [text()], [theText("")]),
    echoes(
      "6.1.2",
      "a text in three fragments, all empty",
      [text("", false), more(), more("", true)],
      [theText("")],
    ),
    echoes(
      "6.1.3",
      "a text in three fragments, of which the second is not empty",
      [text("", false), more("middle frame payload"), more("", true)],
      [theText("middle frame payload")],
    ),
    echoes("6.2.1", "a text", [text(PLAIN)], [theText(PLAIN)]),
    echoes(
      "6.2.2",
      "a text in two fragments, cut between characters",
      [text(HALF, false), more(OTHER_HALF, true)],
      [theText(PLAIN)],
    ),
    echoes(
      "6.2.3",
      "a text in fragments of 1 byte",
      inFragments(1, PLAIN, 1),
      [theText(PLAIN)],
    ),
    echoes(
      "6.2.4",
      "another text in fragments of 1 byte",
      inFragments(1, KOSME, 1),
      [theText(KOSME)],
    ),
    fails("6.3.1", "a text with a surrogate", [text(SURROGATE)], [1007]),
    fails(
      "6.3.2",
      "the same in fragments of 1 byte",
      inFragments(1, SURROGATE, 1),
      [1007],
    ),
    // The character that is too high: whole, or only up to the byte that tells.
    ...failFast(["6.4.1", "6.4.3"], [11, 15]),
    ...failFast(["6.4.2", "6.4.4"], [12, 13]),
    ...chapters(VALID, valid),
    ...chapters(INVALID, invalid),
    // All prefixes of a text.
    ...Array.from(KOSME, (_, i) => {
      const prefix = KOSME.subarray(0, i + 1);
      const make = ENDS.includes(i + 1) ? valid : invalid;
      return make(`6.6.${i + 1}`, prefix);
    }),
    // At the borders of what is valid.
    ...["ed 9f bf", "ee 80 80", "ef bf bd", "f4 8f bf bf"].map((bytes, i) =>
      valid(`6.11.${i + 1}`, hex(bytes))
    ),
    invalid("6.11.5", hex("f4 90 80 80")),
  ].sort((a, b) => compareIds(a.id, b.id)),
};
