import { assertEquals } from "@std/assert";
import {
  encodeFrame,
  encodeFrameInto,
  maxFrameLength,
} from "../../../src/protocol/encoder.ts";
import { JSC_TUNING, V8_TUNING } from "../../../src/protocol/tuning.ts";
import { utf8Write } from "../../../src/runtime/quirks/text.ts";
import { test } from "../../support/helper.ts";
import { frame, hex, KEY, show, SIDES } from "./recorder.ts";

const TUNINGS = [
  V8_TUNING,
  JSC_TUNING,
  { ...V8_TUNING, write: utf8Write },
  { ...JSC_TUNING, write: utf8Write },
];

/** Texts on both sides of every length at which something changes. */
function texts(): string[] {
  const lengths = [0, 1, 41, 42, 47, 48, 49, 62, 63, 64, 124, 125, 126, 127];
  lengths.push(21_845, 21_846, 32_767, 32_768, 65_535, 65_536, 65_537);
  return lengths.flatMap((length) =>
    ["a", "é", "語", "😀"].flatMap((letter) => [
      letter.repeat(Math.floor(length / letter.length)),
      `${"a".repeat(Math.max(0, length - letter.length))}${letter}`,
    ])
  );
}

test("encodeFrame() gives the examples of RFC 6455, section 5.7", () => {
  const cases: [string, Uint8Array][] = [
    ["810548656c6c6f", encodeFrame(1, "Hello", true, false, undefined)],
    ["818537fa213d7f9f4d5158", encodeFrame(1, "Hello", true, false, () => KEY)],
    ["010348656c", encodeFrame(1, "Hel", false, false, undefined)],
    ["80026c6f", encodeFrame(0, "lo", true, false, undefined)],
    ["890548656c6c6f", encodeFrame(9, "Hello", true, false, undefined)],
    [
      "8a8537fa213d7f9f4d5158",
      encodeFrame(10, "Hello", true, false, () => KEY),
    ],
  ];
  for (const [digits, bytes] of cases) assertEquals(show(bytes), digits);
  const small = encodeFrame(2, new Uint8Array(256), true, false, undefined);
  assertEquals(show(small.subarray(0, 4)), "827e0100");
  assertEquals(small.length, 260);
  const large = encodeFrame(2, new Uint8Array(65536), true, false, undefined);
  assertEquals(show(large.subarray(0, 10)), "827f0000000000010000");
  assertEquals(large.length, 65546);
});

test("encodeFrameInto() encodes text of any length and alphabet", () => {
  for (const text of texts()) {
    const bytes = new TextEncoder().encode(text);
    for (const side of SIDES) {
      const mask = side === "server" ? () => KEY : undefined;
      const whole = frame(side, 0x81, bytes);
      const expected = show(whole);
      for (const tuning of TUNINGS) {
        const into = (target: Uint8Array, offset: number): number =>
          encodeFrameInto(target, offset, 1, text, true, false, mask, tuning);
        const target = new Uint8Array(3 + maxFrameLength(text));
        const end = into(target, 3);
        assertEquals(show(target.subarray(3, end)), expected);
        // A buffer that fits exactly is enough.
        const exact = new Uint8Array(whole.length);
        assertEquals(into(exact, 0), whole.length);
        assertEquals(show(exact), expected);
      }
      assertEquals(
        show(encodeFrame(1, text, true, false, mask)),
        expected,
      );
    }
  }
});

test("encodeFrameInto() encodes bytes and leaves them unchanged", () => {
  for (const length of [0, 1, 63, 64, 65, 125, 126, 127, 65535, 65536, 65537]) {
    const data = Uint8Array.from({ length }, (_, i) => i * 13);
    const before = show(data);
    for (const side of SIDES) {
      const mask = side === "server" ? () => KEY : undefined;
      const expected = frame(side, 0x42, data);
      const target = new Uint8Array(expected.length + 2);
      const end = encodeFrameInto(target, 1, 2, data, false, true, mask);
      assertEquals(end, expected.length + 1);
      assertEquals(show(target.subarray(1, end)), show(expected));
      assertEquals([target[0], target.at(-1)], [0, 0]);
      assertEquals(show(data), before);
    }
  }
});

test("encodeFrameInto() returns -1 when a frame has no room, and takes no key", () => {
  let keys = 0;
  const mask = () => ++keys;
  const payloads = [
    "a".repeat(200),
    "é".repeat(20),
    // The guess at these texts' header is wrong.
    "é".repeat(63),
    "語".repeat(125),
    new Uint8Array(126),
  ];
  for (const data of payloads) {
    const length = encodeFrame(2, data, true, false, () => KEY).length;
    for (let size = 0; size < length; size++) {
      const target = new Uint8Array(size);
      assertEquals(encodeFrameInto(target, 0, 2, data, true, false, mask), -1);
    }
    assertEquals(
      encodeFrameInto(hex("00"), 1, 2, data, true, false, mask),
      -1,
    );
  }
  assertEquals(keys, 0);
});

test("encodeFrameInto() takes a new key for every frame", () => {
  const keys = [0x01020304, 0xfffefdfc];
  const target = new Uint8Array(32);
  const mask = () => keys.shift()!;
  const next = encodeFrameInto(target, 0, 2, hex("00"), true, false, mask);
  const end = encodeFrameInto(target, next, 1, "\0", true, false, mask);
  assertEquals(
    show(target.subarray(0, end)),
    "82810102030401" + "8181fffefdfcff",
  );
});
