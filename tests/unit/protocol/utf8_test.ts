import { assert, assertEquals } from "@std/assert";
import { JSC_TUNING, V8_TUNING } from "../../../src/protocol/tuning.ts";
import { decodeUtf8, Utf8Validator } from "../../../src/protocol/utf8.ts";
import { utf8Slice } from "../../../src/runtime/quirks/text.ts";
import { test } from "../../support/helper.ts";
import { hex, join, withoutStacks } from "./recorder.ts";
import { INCOMPLETE, INVALID, VALID } from "./utf8_cases.ts";

const TUNINGS = [
  V8_TUNING,
  JSC_TUNING,
  { ...V8_TUNING, shortText: 0 },
  { ...V8_TUNING, slice: utf8Slice },
  { ...JSC_TUNING, slice: utf8Slice },
];

test("decodeUtf8() decodes valid texts and keeps a byte order mark", () => {
  for (const [name, digits] of VALID) {
    const bytes = hex(digits);
    for (const tuning of TUNINGS) {
      const text = decodeUtf8(bytes, 0, bytes.length, tuning);
      assertEquals(new TextEncoder().encode(text), bytes, name);
    }
  }
  assertEquals(decodeUtf8(hex("efbbbf41")), "\ufeffA");
});

test("decodeUtf8() refuses invalid and incomplete texts", () => {
  for (const tuning of TUNINGS) {
    for (const [name, digits] of INVALID) {
      const bytes = hex(digits);
      assertEquals(decodeUtf8(bytes, 0, bytes.length, tuning), undefined, name);
    }
    for (const digits of INCOMPLETE) {
      const bytes = hex(digits);
      assertEquals(
        decodeUtf8(bytes, 0, bytes.length, tuning),
        undefined,
        digits,
      );
    }
  }
});

test("decodeUtf8() tells a replacement character that was sent from bad bytes", () => {
  assertEquals(decodeUtf8(hex("41efbfbd42")), "A\ufffdB");
  assertEquals(decodeUtf8(hex("41efbfbdff")), undefined);
  assertEquals(decodeUtf8(hex("ff41efbfbd")), undefined);
});

test("decodeUtf8() keeps no state from a text that it refused", () => {
  assertEquals(decodeUtf8(hex("f09f98")), undefined);
  assertEquals(decodeUtf8(hex("80")), undefined);
  assertEquals(decodeUtf8(hex("c3a9")), "é");
});

test("decodeUtf8() reads its range only", () => {
  assertEquals(decodeUtf8(hex("ff4142c3ff"), 1, 3), "AB");
  assertEquals(decodeUtf8(hex("ffc3a9ff"), 1, 3), "é");
});

test("decodeUtf8() agrees at every length around its limits", () => {
  for (let length = 0; length < 200; length++) {
    for (const last of ["a", "é", "😀"]) {
      const text = "x".repeat(length) + last;
      const bytes = new TextEncoder().encode(text);
      for (const tuning of TUNINGS) {
        assertEquals(decodeUtf8(bytes, 0, bytes.length, tuning), text);
      }
    }
  }
});

test("utf8Validator.push() accepts valid texts, split anywhere", () => {
  for (const [name, digits] of VALID) {
    const bytes = hex(digits);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const validator = new Utf8Validator();
      assert(validator.push(bytes.subarray(0, cut)), name);
      assert(validator.push(bytes.subarray(cut)), name);
      assert(validator.end(), name);
    }
  }
});

test("utf8Validator.push() fails at the first bad byte", () => {
  for (const [name, digits, bad] of INVALID) {
    const bytes = hex(digits);
    const validator = new Utf8Validator();
    let at = 0;
    while (at < bytes.length && validator.push(bytes, at, at + 1)) at++;
    assertEquals(at, bad, name);
    assertEquals(new Utf8Validator().push(bytes), false, name);
  }
});

test("utf8Validator.end() refuses an incomplete sequence", () => {
  for (const digits of INCOMPLETE) {
    const validator = new Utf8Validator();
    assert(validator.push(hex(digits)), digits);
    assertEquals(validator.end(), false, digits);
  }
});

test("utf8Validator.reset() begins a new text", () => {
  const validator = new Utf8Validator();
  for (const digits of ["e0", "ed", "f0", "f4", "f09f98", "ff"]) {
    validator.push(hex(digits));
    validator.reset();
    assert(validator.end());
    assert(validator.push(hex("e4bda0")), digits);
    assert(validator.end());
  }
});

test("utf8Validator.push() finds a bad byte at every place in a long text", () => {
  // Long enough for words, at every alignment, before and behind non-ASCII.
  for (let shift = 0; shift < 4; shift++) {
    const text = join([
      new Uint8Array(150).fill(0x61),
      hex("c3a9"),
      new Uint8Array(150).fill(0x62),
    ]);
    const bytes = new Uint8Array(new ArrayBuffer(320), shift, text.length);
    for (let at = 0; at < text.length; at++) {
      bytes.set(text);
      assert(new Utf8Validator().push(bytes));
      bytes[at] = 0xff;
      assertEquals(new Utf8Validator().push(bytes), false, `byte ${at}`);
    }
  }
});

test("utf8Validator.push() agrees with the platform on all of two bytes", () => {
  using _ = withoutStacks();
  const platform = new TextDecoder("utf-8", { fatal: true });
  const bytes = new Uint8Array(4);
  // A lead byte, its second byte, and continuation bytes to fill up.
  for (let lead = 0x80; lead < 0x100; lead++) {
    for (let second = 0; second < 0x100; second++) {
      for (const length of [2, 3, 4]) {
        bytes.set([lead, second, 0x80, 0x80]);
        const text = bytes.subarray(0, length);
        let expected = true;
        try {
          platform.decode(text);
        } catch {
          expected = false;
        }
        const validator = new Utf8Validator();
        const valid = validator.push(text) && validator.end();
        if (valid !== expected) {
          throw new Error(`${lead} ${second} of ${length}: ${valid}`);
        }
      }
    }
  }
});
