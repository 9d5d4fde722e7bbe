import { assert, assertEquals } from "@std/assert";
import { utf8Slice, utf8Write } from "../../../../src/runtime/quirks/text.ts";
import { INCOMPLETE, INVALID, VALID } from "../../protocol/utf8_cases.ts";
import { hex } from "../../protocol/recorder.ts";
import { test } from "../../../support/helper.ts";

test("utf8Slice() decodes as a lenient TextDecoder does, and keeps a byte order mark", () => {
  assert(utf8Slice !== undefined);
  const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
  const cases = [
    ...VALID.map(([, digits]) => digits),
    ...INVALID.map(([, digits]) => digits),
    ...INCOMPLETE,
    "efbbbf41",
  ];
  for (const digits of cases) {
    const bytes = hex(`2d${digits}2d`);
    const text = utf8Slice(bytes, 1, bytes.length - 1);
    assertEquals(
      text.includes("\ufffd"),
      lenient.decode(hex(digits)).includes("\ufffd"),
      digits,
    );
  }
  assertEquals(utf8Slice(hex("00efbbbf4100"), 1, 5), "\ufeffA");
});

test("utf8Write() writes nothing but the text", () => {
  assert(utf8Write !== undefined);
  for (const text of ["a", "é", "語", "😀", "x".repeat(300), "é".repeat(300)]) {
    const bytes = new TextEncoder().encode(text);
    const target = new Uint8Array(2 + text.length * 3 + 2).fill(0xee);
    assertEquals(utf8Write(target, 2, text), bytes.length);
    assertEquals(target.subarray(2, 2 + bytes.length), bytes);
    assertEquals(
      target.subarray(2 + bytes.length),
      new Uint8Array(target.length - 2 - bytes.length).fill(0xee),
    );
    assertEquals(target.subarray(0, 2), hex("eeee"));
  }
});
