import { assertEquals } from "@std/assert";
import { applyMask, copyMasked } from "../../../src/protocol/mask.ts";
import { test } from "../../support/helper.ts";
import { hex, KEY } from "./recorder.ts";

const KEYS: readonly number[] = [0, 1, 0x80000000, KEY, 0xffffffff];

function keyByte(key: number, index: number): number {
  return Math.floor(key / 256 ** (3 - index % 4)) % 256;
}

test("applyMask() unmasks the example of RFC 6455, section 5.7", () => {
  const bytes = hex("7f9f4d5158");
  applyMask(bytes, 0, 5, KEY, 0);
  assertEquals(bytes, hex("48656c6c6f"));
});

test("applyMask() is right for every length, alignment, phase and key", () => {
  const lengths = [0, 1, 2, 3, 4, 5, 7, 8, 63, 127, 128, 129, 130, 131, 259];
  for (const key of KEYS) {
    for (const length of lengths) {
      for (let shift = 0; shift < 4; shift++) {
        for (let start = 0; start < 4; start++) {
          for (let phase = 0; phase < 5; phase++) {
            const bytes = new Uint8Array(new ArrayBuffer(300), shift, 280);
            const before = bytes.map((_, i) => bytes[i] = i * 37 & 255);
            applyMask(bytes, start, start + length, key, phase);
            const wrong = bytes.findIndex((byte, i) =>
              byte !==
                (i < start || i >= start + length
                  ? before[i]
                  : before[i]! ^ keyByte(key, phase + i - start))
            );
            assertEquals(
              wrong,
              -1,
              `key ${key}, ${length} from ${shift}+${start}, phase ${phase}`,
            );
          }
        }
      }
    }
  }
});

test("applyMask() in pieces equals applyMask() in one", () => {
  const whole = Uint8Array.from({ length: 1000 }, (_, i) => i);
  const parts = whole.slice();
  applyMask(whole, 0, 1000, KEY, 0);
  let step = 1;
  for (let at = 0; at < 1000; at += step) {
    step = step * 2 % 301;
    applyMask(parts, at, Math.min(1000, at + step), KEY, at);
  }
  assertEquals(parts, whole);
});

test("copyMasked() masks the copy and leaves the source", () => {
  for (const key of KEYS) {
    for (let length = 0; length < 20; length++) {
      const source = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
      const target = new Uint8Array(32).fill(0xee);
      copyMasked(source, 3, 3 + length, target, 5, key);
      assertEquals(source, Uint8Array.from({ length: 32 }, (_, i) => i * 7));
      const expected = new Uint8Array(32).fill(0xee);
      for (let i = 0; i < length; i++) {
        expected[5 + i] = source[3 + i]! ^ keyByte(key, i);
      }
      assertEquals(target, expected);
    }
  }
});
