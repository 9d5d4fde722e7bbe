import { assertEquals } from "@std/assert";
import {
  checkFirstBytes,
  readExtendedLength,
} from "../../../src/protocol/frame_rules.ts";
import { test } from "../../support/helper.ts";
import { hex, withoutStacks } from "./recorder.ts";

test("checkFirstBytes() accepts what RFC 6455 allows, of all two bytes", () => {
  // Half a million errors are made, and the stack of each takes its time.
  using _ = withoutStacks();
  // The allowed first bytes, written out.
  const control = [0x88, 0x89, 0x8a];
  const plain = [0x01, 0x02, 0x81, 0x82];
  const compressed = [0x41, 0x42, 0xc1, 0xc2];
  const continuation = [0x00, 0x80];
  for (const masked of [false, true]) {
    for (const rsv1 of [false, true]) {
      for (const inMessage of [false, true]) {
        const data = inMessage
          ? continuation
          : rsv1
          ? [...plain, ...compressed]
          : plain;
        for (let first = 0; first < 256; first++) {
          for (let second = 0; second < 256; second++) {
            const length = second % 128;
            const allowed = second >= 128 === masked &&
              (data.includes(first) || control.includes(first) && length < 126);
            const error = checkFirstBytes(first, second, {
              masked,
              rsv1,
              inMessage,
            });
            if ((error === undefined) !== allowed) {
              throw new Error(
                `${first} ${second} ${masked} ${rsv1} ${inMessage}: ${error}`,
              );
            }
            if (error !== undefined && error.code !== 1002) throw error;
          }
        }
      }
    }
  }
});

test("checkFirstBytes() names the rule and the value", () => {
  const context = { masked: true, rsv1: false, inMessage: false };
  const cases: [number, number, Partial<typeof context>, string][] = [
    [0x91, 0x80, {}, "RSV3 is set"],
    [0xa1, 0x80, {}, "RSV2 is set"],
    [0xb1, 0x80, {}, "RSV2 is set"],
    [0xc1, 0x80, {}, "RSV1 is set without an extension"],
    [0xc9, 0x80, { rsv1: true }, "RSV1 is set on control frame 9"],
    [
      0xc0,
      0x80,
      { rsv1: true, inMessage: true },
      "RSV1 is set on a continuation frame",
    ],
    [0x83, 0x80, {}, "opcode 3 is reserved"],
    [0x8f, 0x80, {}, "opcode 15 is reserved"],
    [0x09, 0x80, {}, "control frame 9 is fragmented"],
    [0x8a, 0xfe, {}, "control frame 10 is longer than 125 bytes"],
    [0x80, 0x80, {}, "continuation frame without a message to continue"],
    [
      0x82,
      0x80,
      { inMessage: true },
      "data frame 2 is inside a fragmented message",
    ],
    [0x81, 0x00, {}, "a client's frame is not masked"],
    [0x81, 0x80, { masked: false }, "a server's frame is masked"],
  ];
  for (const [first, second, change, rule] of cases) {
    const error = checkFirstBytes(first, second, { ...context, ...change });
    assertEquals(error?.message, `Cannot read frame: ${rule}`);
  }
});

test("readExtendedLength() refuses longer forms and the highest bit", () => {
  const cases: [string, number | string][] = [
    ["0000", "16-bit length 0 is not the shortest form"],
    ["007d", "16-bit length 125 is not the shortest form"],
    ["007e", 126],
    ["ffff", 65535],
    ["0000000000000000", "64-bit length 0 is not the shortest form"],
    ["000000000000ffff", "64-bit length 65535 is not the shortest form"],
    ["0000000000010000", 65536],
    ["00000000ffffffff", 0xffffffff],
    ["001fffffffffffff", Number.MAX_SAFE_INTEGER],
    ["0020000000000000", 2 ** 53],
    ["7fffffffffffffff", 2 ** 63],
    ["8000000000000000", "64-bit length has its highest bit set"],
    ["ffffffffffffffff", "64-bit length has its highest bit set"],
  ];
  for (const [digits, expected] of cases) {
    const bits = digits.length === 4 ? 16 : 64;
    const result = readExtendedLength(hex(`eeee${digits}`), 2, bits);
    if (typeof result === "number") assertEquals(result, expected);
    else {
      assertEquals(result.message, `Cannot read frame: ${expected}`);
      assertEquals(result.code, 1002);
    }
  }
});
