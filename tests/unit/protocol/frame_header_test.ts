import { assertEquals } from "@std/assert";
import {
  frameHeaderLength,
  readFrameHeaderLength,
  readUint32,
  writeFrameHeader,
} from "../../../src/protocol/frame_header.ts";
import { test } from "../../support/helper.ts";
import { hex, KEY, show } from "./recorder.ts";

/** Payload length, and its header in a final binary frame. */
const LENGTHS: readonly [number, string][] = [
  [0, "8200"],
  [1, "8201"],
  [125, "827d"],
  [126, "827e007e"],
  [127, "827e007f"],
  [256, "827e0100"],
  [65535, "827effff"],
  [65536, "827f0000000000010000"],
  [0x12345678, "827f0000000012345678"],
  [0xffffffff, "827f00000000ffffffff"],
  [2 ** 32, "827f0000000100000000"],
  [Number.MAX_SAFE_INTEGER, "827f001fffffffffffff"],
];

test("writeFrameHeader() writes every length in its shortest form", () => {
  for (const [length, digits] of LENGTHS) {
    const target = new Uint8Array(16);
    const end = writeFrameHeader(target, 1, 2, length, true, false, undefined);
    assertEquals(show(target.subarray(1, end)), digits);
    assertEquals(end - 1, frameHeaderLength(length, false));
    assertEquals(readFrameHeaderLength(target[2]!), end - 1);
  }
});

test("writeFrameHeader() sets the mask bit and writes the key", () => {
  for (const [length, digits] of LENGTHS) {
    const target = new Uint8Array(16);
    const end = writeFrameHeader(target, 0, 2, length, true, false, KEY);
    const expected = hex(`${digits}37fa213d`);
    expected[1]! |= 0x80;
    assertEquals(target.subarray(0, end), expected);
    assertEquals(end, frameHeaderLength(length, true));
    assertEquals(readFrameHeaderLength(target[1]!), end);
  }
});

test("writeFrameHeader() masks with key 0 as with any other", () => {
  const target = new Uint8Array(6).fill(0xee);
  assertEquals(writeFrameHeader(target, 0, 1, 5, true, false, 0), 6);
  assertEquals(show(target), "818500000000");
});

test("writeFrameHeader() writes FIN, RSV1 and the opcode", () => {
  const target = new Uint8Array(2);
  for (const opcode of [0, 1, 2, 8, 9, 10] as const) {
    for (const fin of [false, true]) {
      for (const rsv1 of [false, true]) {
        writeFrameHeader(target, 0, opcode, 0, fin, rsv1, undefined);
        assertEquals(
          target[0],
          (fin ? 128 : 0) + (rsv1 ? 64 : 0) + opcode,
        );
      }
    }
  }
});

test("readUint32() reads an unsigned number", () => {
  assertEquals(readUint32(hex("0080000001"), 1), 0x80000001);
  assertEquals(readUint32(hex("ffffffff"), 0), 0xffffffff);
});
