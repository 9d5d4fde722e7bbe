import { assert, assertEquals } from "@std/assert";
import { FrameDecoder } from "../../../src/protocol/decoder.ts";
import {
  frameHeaderLength,
  writeFrameHeader,
} from "../../../src/protocol/frame_header.ts";
import type { FrameReceiver } from "../../../src/protocol/frame_receiver.ts";
import { applyMask } from "../../../src/protocol/mask.ts";
import { test } from "../../support/helper.ts";
import {
  CHUNKINGS,
  frame,
  frames,
  hex,
  join,
  type Line,
  receive,
  type ReceiveOptions,
  show,
  SIDES,
} from "./recorder.ts";

/** A receiver that logs calls as they come. */
function logged(): { lines: Line[]; receiver: FrameReceiver } {
  const lines: Line[] = [];
  const receiver: FrameReceiver = {
    whole(type, chunk, start, end, key) {
      applyMask(chunk, start, end, key, 0);
      lines.push(`whole ${type} ${show(chunk.subarray(start, end))}`);
    },
    start: (type, compressed) => {
      lines.push(`start ${type}${compressed ? " compressed" : ""}`);
    },
    piece: (chunk, start, end) => {
      lines.push(`piece ${show(chunk.subarray(start, end))}`);
    },
    end: () => void lines.push("end"),
    control: (type, payload) => void lines.push(`${type} ${show(payload)}`),
    fail: (error) => void lines.push(`fail ${error.message}`),
    spent: () => {},
  };
  return { lines, receiver };
}

/** Asserts the same events of both sides under all chunkings. */
function assertReceives(
  text: string,
  lines: Line[],
  options: ReceiveOptions = {},
): void {
  for (const side of SIDES) {
    for (const size of CHUNKINGS) {
      assertEquals(
        receive(side, frames(side, text), size, options),
        lines,
        `${side}, chunks of ${size}`,
      );
    }
  }
}

/** Asserts the one event of bytes that stand as they are. */
function assertFails(
  bytes: Record<"server" | "client", string>,
  line: Line,
  options: ReceiveOptions = {},
): void {
  for (const side of SIDES) {
    for (const size of CHUNKINGS) {
      assertEquals(receive(side, hex(bytes[side]), size, options), [line]);
    }
  }
}

test("frameDecoder.push() reads the examples of RFC 6455, section 5.7", () => {
  const toClient: [string, Line[]][] = [
    ["81 05 48 65 6c 6c 6f", ["text 48656c6c6f"]],
    ["01 03 48 65 6c 80 02 6c 6f", ["text 48656c6c6f"]],
    ["89 05 48 65 6c 6c 6f", ["ping 48656c6c6f"]],
    [`82 7e 01 00 ${"ab".repeat(256)}`, [
      `binary ${show(new Uint8Array(256).fill(0xab))}`,
    ]],
    [`82 7f 00 00 00 00 00 01 00 00 ${"ab".repeat(65536)}`, [
      `binary ${show(new Uint8Array(65536).fill(0xab))}`,
    ]],
  ];
  const toServer: [string, Line[]][] = [
    ["81 85 37 fa 21 3d 7f 9f 4d 51 58", ["text 48656c6c6f"]],
    ["8a 85 37 fa 21 3d 7f 9f 4d 51 58", ["pong 48656c6c6f"]],
  ];
  for (const size of CHUNKINGS) {
    for (const [digits, lines] of toClient) {
      assertEquals(receive("client", hex(digits), size), lines);
    }
    for (const [digits, lines] of toServer) {
      assertEquals(receive("server", hex(digits), size), lines);
    }
  }
});

test("frameDecoder.push() reads every size on both sides, as text and binary", () => {
  for (const length of [0, 1, 125, 126, 65535, 65536, 65537]) {
    const payload = new Uint8Array(length).fill(0x41);
    for (const side of SIDES) {
      for (const [first, name] of [[0x81, "text"], [0x82, "binary"]] as const) {
        const bytes = join([
          frame(side, first, payload),
          frame(side, 0x89, new Uint8Array(1)),
        ]);
        for (const size of CHUNKINGS) {
          assertEquals(receive(side, bytes, size), [
            `${name} ${show(payload)}`,
            "ping 00",
          ]);
        }
      }
    }
  }
});

test("frameDecoder.push() joins fragments, empty ones too", () => {
  assertReceives("01:4142 00: 00:43 80:", ["text 414243"]);
  assertReceives("02: 00: 80:", ["binary "]);
  assertReceives("02: 80:ff 82: 81:", ["binary ff", "binary ", "text "]);
});

test("frameDecoder.push() delivers control frames between fragments", () => {
  assertReceives("01:41 89:01 00:42 8a: 80:43 8a:02", [
    "ping 01",
    "pong ",
    "text 414243",
    "pong 02",
  ]);
  const most = "ee".repeat(125);
  assertReceives(`89:${most} 8a:${most}`, [`ping ${most}`, `pong ${most}`]);
});

test("frameDecoder.push() tells compressed messages apart", () => {
  assertReceives("c1:ff00 41:01 00:02 80:03 82:ff c2:", [
    "compressed text ff00",
    "compressed text 010203",
    "binary ff",
    "compressed binary ",
  ], { rsv1: true });
});

test("frameDecoder.push() gives its events piece by piece", () => {
  const { lines, receiver } = logged();
  const decoder = new FrameDecoder({
    masked: true,
    rsv1: true,
    readLimit: Infinity,
  }, receiver);
  const push = (digits: string) => decoder.push(hex(digits));
  push("82 83 00000000 010203 02 83 00000001");
  push("0102");
  push("02 80 80 00000000");
  push("c1 81 0000");
  push("0000 05");
  push("89 80 00000000 82 81 010000");
  push("00 fe");
  assertEquals(lines, [
    "whole 2 010203",
    "start 2",
    "piece 0102",
    "piece 02",
    "end",
    "start 1 compressed",
    "piece 05",
    "end",
    "9 ",
    "whole 2 ff",
  ]);
});

const BROKEN: readonly [string, string, string, string, ReceiveOptions][] = [
  // rule, bytes to a server, bytes to a client, name, options
  ["RSV1 is set without an extension", "c1 80", "c1 00", "RSV1", {}],
  ["RSV2 is set", "a1 80", "a1 00", "RSV2", {}],
  ["RSV3 is set", "91 80", "91 00", "RSV3", {}],
  ["RSV2 is set", "e1 80", "e1 00", "RSV2 with an extension", { rsv1: true }],
  [
    "RSV1 is set on control frame 9",
    "c9 80",
    "c9 00",
    "RSV1 on a ping",
    { rsv1: true },
  ],
  ["opcode 3 is reserved", "83 80", "83 00", "opcode 3", {}],
  ["opcode 7 is reserved", "87 80", "87 00", "opcode 7", {}],
  ["opcode 11 is reserved", "8b 80", "8b 00", "opcode 11", {}],
  ["opcode 15 is reserved", "8f 80", "8f 00", "opcode 15", {}],
  ["control frame 9 is fragmented", "09 80", "09 00", "a fragmented ping", {}],
  ["control frame 8 is fragmented", "08 80", "08 00", "a fragmented close", {}],
  [
    "control frame 9 is longer than 125 bytes",
    "89 fe 007e",
    "89 7e 007e",
    "a ping of 126 bytes",
    {},
  ],
  [
    "continuation frame without a message to continue",
    "80 80",
    "80 00",
    "a continuation at the start",
    {},
  ],
];

for (const [rule, server, client, name, options] of BROKEN) {
  test(`frameDecoder.push() rejects ${name}`, () => {
    assertFails(
      { server, client },
      `fail 1002 Cannot read frame: ${rule}`,
      options,
    );
  });
}

test("frameDecoder.push() rejects frames that break a message's order", () => {
  const line = "fail 1002 Cannot read frame: ";
  assertReceives("01:41 81:42", [
    `${line}data frame 1 is inside a fragmented message`,
  ]);
  assertReceives("02:41 89: 02:42", [
    "ping ",
    `${line}data frame 2 is inside a fragmented message`,
  ]);
  assertReceives("01:41 80:42 80:43", [
    "text 4142",
    `${line}continuation frame without a message to continue`,
  ]);
  assertReceives("41:41 c0:42", [
    `${line}RSV1 is set on a continuation frame`,
  ], { rsv1: true });
});

test("frameDecoder.push() wants masks from clients and none from servers", () => {
  for (const size of CHUNKINGS) {
    assertEquals(receive("server", hex("81 01 41"), size), [
      "fail 1002 Cannot read frame: a client's frame is not masked",
    ]);
    assertEquals(receive("client", hex("81 81 37fa213d 76"), size), [
      "fail 1002 Cannot read frame: a server's frame is masked",
    ]);
  }
});

test("frameDecoder.push() rejects lengths that are not minimal or past 63 bits", () => {
  const cases: [string, string][] = [
    ["7e 0000", "16-bit length 0 is not the shortest form"],
    ["7e 007d", "16-bit length 125 is not the shortest form"],
    ["7f 000000000000ffff", "64-bit length 65535 is not the shortest form"],
    ["7f 8000000000000000", "64-bit length has its highest bit set"],
    ["7f ffffffffffffffff", "64-bit length has its highest bit set"],
  ];
  for (const [length, rule] of cases) {
    assertFails({
      server: `82 ${length.replace(/^7/, "f")} 00000000`,
      client: `82 ${length}`,
    }, `fail 1002 Cannot read frame: ${rule}`);
  }
});

test("frameDecoder.push() rejects claimed lengths at the header", () => {
  const cases: [string, number, number][] = [
    ["7f 0000000100000000", 1000, 1000],
    ["7f 0020000000000000", Infinity, Number.MAX_SAFE_INTEGER],
    ["7f 4000000000000000", Infinity, Number.MAX_SAFE_INTEGER],
    ["7f 7fffffffffffffff", 5, 5],
    ["7e 03e9", 1000, 1000],
  ];
  for (const [length, readLimit, limit] of cases) {
    for (const rsv1 of [false, true]) {
      assertFails(
        {
          server: `82 ${length.replace(/^7/, "f")} 00000000`,
          client: `82 ${length}`,
        },
        `fail 1009 Cannot read message: it exceeds the read limit of ${limit} bytes`,
        {
          readLimit,
          rsv1,
        },
      );
    }
  }
});

test("frameDecoder.push() counts the read limit over fragments", () => {
  const line =
    "fail 1009 Cannot read message: it exceeds the read limit of 4 bytes";
  const options = { readLimit: 4 };
  assertReceives("82:01020304 02:0102 80:0304", [
    "binary 01020304",
    "binary 01020304",
  ], options);
  assertReceives("82:0102030405", [line], options);
  assertReceives("02:0102 00: 89:ff 00:030405", ["ping ff", line], options);
  assertReceives("02:01020304 80:05", [line], options);
});

test("frameDecoder.push() counts past 32 bits", () => {
  for (
    const [limit, over] of [[2 ** 40, false], [2 ** 40 - 1, true]] as const
  ) {
    const { lines, receiver } = logged();
    const decoder = new FrameDecoder({
      masked: false,
      rsv1: false,
      readLimit: limit,
    }, receiver);
    // A fragment of 1 byte, then the header of one of 2^40 - 1.
    decoder.push(hex("02 01 00 80 7f 000000ffffffffff"));
    assertEquals(lines.length, over ? 3 : 2);
    assertEquals(decoder.over, over);
  }
});

test("frameDecoder.setReadLimit() leaves the message under way its limit", () => {
  const { lines, receiver } = logged();
  const decoder = new FrameDecoder({
    masked: false,
    rsv1: false,
    readLimit: 4,
  }, receiver);
  decoder.push(hex("02 02 0102"));
  decoder.setReadLimit(1);
  decoder.push(hex("80 02 0304"));
  decoder.setReadLimit(5);
  decoder.push(hex("82 05 0102030405"));
  decoder.setReadLimit(4);
  decoder.push(hex("82 05 0102030405"));
  assertEquals(lines, [
    "start 2",
    "piece 0102",
    "piece 0304",
    "end",
    "whole 2 0102030405",
    "fail Cannot read message: it exceeds the read limit of 4 bytes",
  ]);
});

test("frameDecoder.push() does not count compressed bytes against the limit", () => {
  assertReceives("c2:0102030405 42:010203 80:040506", [
    "compressed binary 0102030405",
    "compressed binary 010203040506",
  ], { rsv1: true, readLimit: 4 });
});

test("frameDecoder.push() bounds the bytes of a compressed message, which may come to nothing", () => {
  // 12 for each byte of the limit, and 65,536.
  const most = 12 * 100_000 + 65_536;
  const decode = (readLimit: number, ...lengths: number[]): string[] => {
    const { lines, receiver } = logged();
    const decoder = new FrameDecoder(
      { masked: false, rsv1: true, readLimit },
      receiver,
    );
    for (const [i, length] of lengths.entries()) {
      const first = i === 0;
      const header = new Uint8Array(frameHeaderLength(length, false));
      const opcode = first ? 2 : 0;
      writeFrameHeader(header, 0, opcode, length, false, first, undefined);
      decoder.push(header);
      decoder.push(new Uint8Array(length));
    }
    return lines.filter((line) => line.startsWith("fail"));
  };
  const fails = [
    "fail Cannot read message: compressed, it is longer than any within the read limit of 100000 bytes",
  ];
  assertEquals(decode(100_000, most), []);
  assertEquals(decode(100_000, most + 1), fails);
  assertEquals(decode(100_000, most, 0), []);
  assertEquals(decode(100_000, most, 1), fails);
  assertEquals(decode(100_000, most - 1, 1, 0, 1), fails);
  assertEquals(decode(Infinity, 2 ** 22, 2 ** 22), []);
});

test("frameDecoder.push() fails once and ignores what follows", () => {
  assertReceives("82:01 8b: 82:02 8b:", [
    "binary 01",
    "fail 1002 Cannot read frame: opcode 11 is reserved",
  ]);
});

test("frameDecoder.push() fails on two bytes, without the rest of the header", () => {
  assertEquals(receive("server", hex("83 ff"), 9).length, 1);
  assertEquals(receive("client", hex("89 7f"), 9).length, 1);
});

test("frameDecoder.push() throws when its chunk is transferred away", () => {
  const { lines, receiver } = logged();
  const decoder = new FrameDecoder(
    { masked: false, rsv1: false, readLimit: 9 },
    {
      ...receiver,
      whole: (_type, chunk) => {
        lines.push("whole");
        structuredClone(chunk, { transfer: [chunk.buffer] });
      },
    },
  );
  let name = "";
  try {
    decoder.push(hex("82 01 01 82 01 02"));
  } catch (error) {
    name = (error as DOMException).name;
  }
  assertEquals(name, "InvalidStateError");
  assertEquals(lines, ["whole"]);
  assert(decoder.over);
});
