import { assertEquals, assertThrows } from "@std/assert";
import {
  encodeRawFrame,
  frameFaults,
  type RawFrame,
  type RawFrameInit,
} from "../../../src/testing/raw_frame.ts";
import { hex, test, toHex } from "../../support/helper.ts";

const KEY = hex("37 fa 21 3d");

test("encodeRawFrame() encodes what it is asked for, right or wrong", () => {
  const cases: [RawFrameInit, string][] = [
    [{ opcode: 1, payload: "Hello" }, "81 05 48 65 6c 6c 6f"],
    [
      { opcode: 1, payload: "Hello", mask: KEY },
      "81 85 37 fa 21 3d 7f 9f 4d 51 58",
    ],
    [{ opcode: 9, fin: false }, "09 00"],
    [{ opcode: 2, rsv: 4 }, "c2 00"],
    [{ opcode: 2, rsv: 3 }, "b2 00"],
    [{ opcode: 11, rsv: 7, fin: false }, "7b 00"],
    [{ opcode: 2, payload: hex("01"), lengthBits: 16 }, "82 7e 00 01 01"],
    [
      { opcode: 2, payload: hex("01"), lengthBits: 64 },
      "82 7f 00 00 00 00 00 00 00 01 01",
    ],
    [{ opcode: 2, length: 126 }, "82 7e 00 7e"],
    [{ opcode: 2, length: 65_536 }, "82 7f 00 00 00 00 00 01 00 00"],
    [{ opcode: 2, length: 2n ** 63n }, "82 7f 80 00 00 00 00 00 00 00"],
    [{ opcode: 2, length: 2n ** 64n - 1n }, "82 7f ff ff ff ff ff ff ff ff"],
  ];
  for (const [frame, bytes] of cases) {
    assertEquals(toHex(encodeRawFrame(frame, "server")), bytes);
  }
});

test("encodeRawFrame() masks as the side does", () => {
  assertEquals(encodeRawFrame({ opcode: 1 }, "client")[1], 0x80);
  assertEquals(encodeRawFrame({ opcode: 1, mask: true }, "server")[1], 0x80);
  assertEquals(encodeRawFrame({ opcode: 1, mask: false }, "client")[1], 0);
  assertThrows(
    () => encodeRawFrame({ opcode: 1, mask: hex("01") }, "client"),
    TypeError,
  );
});

test("frameFaults() names what is otherwise, and nothing else", () => {
  const frame: RawFrame = {
    fin: true,
    rsv: 0,
    opcode: 1,
    mask: undefined,
    payload: hex("48 69"),
  };
  assertEquals(frameFaults(frame, {}), []);
  const { fin, rsv, opcode } = frame;
  assertEquals(
    frameFaults(frame, { fin, rsv, opcode, masked: false, payload: "Hi" }),
    [],
  );
  assertEquals(frameFaults(frame, { payload: hex("48 69") }), []);
  assertEquals(
    frameFaults(frame, {
      fin: false,
      rsv: 4,
      opcode: 2,
      masked: true,
      payload: "Ho",
    }),
    [
      "fin is true and not false",
      "rsv is 0 and not 4",
      "opcode is 1 and not 2",
      "masked is false and not true",
      "payload is [48 69] and not [48 6f]",
    ],
  );
});
