import {
  readFrameHeaderLength,
  readUint32,
  writeFrameHeader,
} from "../../../src/protocol/frame_header.ts";
import { checkFirstBytes } from "../../../src/protocol/frame_rules.ts";
import { bench } from "./bench.ts";

const KEY = 0x37fa213d;
const target = new Uint8Array(16);

for (const length of [125, 65_535, 2 ** 20]) {
  for (const key of [undefined, KEY]) {
    bench(
      "writeFrameHeader()",
      `${length.toLocaleString("en-US")} bytes${key ? ", masked" : ""}`,
      () => writeFrameHeader(target, 0, 2, length, true, false, key),
    );
  }
}

const context = { masked: true, rsv1: true, inMessage: false };
const header = Uint8Array.of(0x82, 0xfe, 0x12, 0x34, 0x37, 0xfa, 0x21, 0x3d);
bench(
  "reading a header",
  "checkFirstBytes()",
  () => checkFirstBytes(header[0]!, header[1]!, context),
);
bench(
  "reading a header",
  "readFrameHeaderLength()",
  () => readFrameHeaderLength(header[1]!),
);
bench("reading a header", "readUint32()", () => readUint32(header, 4));
