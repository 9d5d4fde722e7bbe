import { assertEquals } from "@std/assert";

import { hex, test } from "../../../support/helper.ts";
import { show } from "../../../unit/protocol/recorder.ts";
import {
  INCOMPLETE,
  INVALID,
  VALID,
} from "../../../unit/protocol/utf8_cases.ts";
import { ReferenceDecoder, type ReferenceOptions } from "./decoder.ts";
import { ReferenceUtf8 } from "./utf8.ts";

function read(
  digits: string,
  options: Partial<ReferenceOptions> = {},
): string[] {
  const decoder = new ReferenceDecoder({
    side: "client",
    rsv1: false,
    readLimit: Infinity,
    ...options,
  });
  for (const byte of hex(digits)) decoder.push(byte);
  return decoder.entries.map(({ what, code, bytes }) =>
    `${what} ${code} ${show(Uint8Array.from(bytes))}`
  );
}

test("ReferenceDecoder reads the examples of RFC 6455, section 5.7", () => {
  assertEquals(read("81 05 48 65 6c 6c 6f"), ["message 1 48656c6c6f"]);
  assertEquals(
    read("81 85 37 fa 21 3d 7f 9f 4d 51 58", { side: "server" }),
    ["message 1 48656c6c6f"],
  );
  assertEquals(read("01 03 48 65 6c 80 02 6c 6f"), ["message 1 48656c6c6f"]);
  assertEquals(read("89 05 48 65 6c 6c 6f"), ["ping 0 48656c6c6f"]);
  const long = "ab".repeat(65_536);
  assertEquals(read(`82 7f 0000000000010000 ${long}`), [
    `message 2 ${show(hex(long))}`,
  ]);
});

test("ReferenceDecoder breaks off at every rule", () => {
  const broken: [digits: string, code: number][] = [
    ["91 00", 1002], // RSV3
    ["a1 00", 1002], // RSV2
    ["c1 00", 1002], // RSV1 without the extension
    ["83 00", 1002], // reserved
    ["8b 00", 1002],
    ["09 00", 1002], // fragmented
    ["89 7e", 1002], // too long
    ["80 00", 1002], // nothing to continue
    ["01 00 81 00", 1002], // something to continue
    ["81 80", 1002], // masked
    ["82 7e 00 7d", 1002], // not the shortest form
    ["82 7f 00 00 00 00 00 00 ff ff", 1002],
    ["82 7f 80 00 00 00 00 00 00 00", 1002], // 64 bits
    ["82 7f 00 20 00 00 00 00 00 00", 1009], // 54 bits
    ["81 02 c3 28", 1007],
    ["81 01 c3", 1007],
    ["88 01 03", 1002],
    ["88 02 03 ed", 1002], // 1005
    ["88 03 03 e8 ff", 1007],
  ];
  for (const [digits, code] of broken) {
    assertEquals(read(`${digits} 82 00`), [`fail ${code} `], digits);
  }
  assertEquals(read("02 02 01 02 80 01", { readLimit: 2 }), ["fail 1009 "]);
  assertEquals(read("89 00 88 00 89 00"), ["ping 0 ", "close 1005 "]);
});

test("ReferenceUtf8 tells texts from others, at the first bad byte", () => {
  for (const [name, digits] of VALID) {
    const utf8 = new ReferenceUtf8();
    assertEquals(hex(digits).every((byte) => utf8.push(byte)), true, name);
    assertEquals(utf8.end(), true, name);
  }
  for (const [name, digits, index] of INVALID) {
    const utf8 = new ReferenceUtf8();
    assertEquals(
      hex(digits).findIndex((byte) => !utf8.push(byte)),
      index,
      name,
    );
  }
  for (const digits of INCOMPLETE) {
    const utf8 = new ReferenceUtf8();
    assertEquals(hex(digits).every((byte) => utf8.push(byte)), true, digits);
    assertEquals(utf8.end(), false, digits);
  }
});
