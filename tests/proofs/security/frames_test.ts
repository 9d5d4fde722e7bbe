/** Attacks by frames, on the wire engine, and on Bun's own where that is told. */

import { assert, assertEquals } from "@std/assert";

import {
  encodeRawFrame,
  type RawFrameInit,
} from "../../../src/testing/raw_frame.ts";
import { closePayload } from "../../support/raw_peer.ts";
import { hex } from "../../support/helper.ts";
import { turn } from "../../suite/fixture.ts";
import { attack, native, type Target, TCP, WIRE } from "./attack.ts";

const BUN = native("bun");

/** An attacker's frames, and the code that it must be sent. */
type Case = readonly [
  frames: readonly (RawFrameInit | Uint8Array)[],
  code: number,
];

/** Sends the frames of each case on a connection of its own. */
async function expectCodes(
  { upgrade, accept }: Target,
  cases: readonly Case[],
  ...headers: string[]
): Promise<void> {
  for (const [frames, code] of cases) {
    const peer = await upgrade(...headers);
    const conn = await accept();
    for (const frame of frames) {
      peer.send(
        frame instanceof Uint8Array ? frame : encodeRawFrame(frame, "client"),
      );
    }
    await peer.expectClose(code);
    peer.destroy();
    await peer.closed;
    assertEquals((await conn.closed).wasClean, false);
  }
}

attack(7, "lengths that overflow", async (target) => {
  const claim = (length: bigint, opcode = 2) => ({
    opcode,
    fin: false,
    length,
    lengthBits: 64 as const,
  });
  await expectCodes(target, [
    [[claim(2n ** 63n)], 1002],
    [[claim(2n ** 64n - 1n)], 1002],
    [[claim(2n ** 63n + 5n)], 1002],
    [[claim(2n ** 62n)], 1009],
    [[claim(2n ** 53n)], 1009],
    [[claim(2n ** 53n - 1n)], 1009],
    [[claim(2n ** 32n)], 1009],
    [[claim(2n ** 31n)], 1009],
    // Not the shortest form.
    [[claim(5n)], 1002],
    [[claim(65_535n)], 1002],
    [[{ opcode: 2, length: 125, lengthBits: 16 }], 1002],
    [[{ opcode: 9, length: 126, lengthBits: 16 }], 1002],
    // Sums that would come to something small.
    [[{ opcode: 2, fin: false, payload: "a" }, claim(2n ** 63n - 1n, 0)], 1009],
    [[{ opcode: 2, fin: false, payload: "a" }, claim(2n ** 53n - 1n, 0)], 1009],
  ]);
});

attack(7, "lengths that overflow, in silence", async (target) => {
  // What Bun sends for them is its own affair; the connection must end.
  for (const length of [2n ** 64n - 1n, 2n ** 63n, 2n ** 53n, 2n ** 32n]) {
    const peer = await target.upgrade();
    const conn = await target.accept();
    peer.sendFrame({ opcode: 2, length, lengthBits: 64 });
    const { code, wasClean } = await conn.closed;
    assertEquals([code, wasClean], [1006, false]);
  }
}, { places: native("deno", "bun") });

attack(13, "frames that are not masked", async (target) => {
  await expectCodes(target, [
    [[{ opcode: 1, mask: false, payload: "GET /poisoned HTTP/1.1" }], 1002],
    [[{ opcode: 2, mask: false }], 1002],
    [[{ opcode: 9, mask: false }], 1002],
    [[{ opcode: 8, mask: false, payload: closePayload(1000) }], 1002],
    [[
      { opcode: 1, fin: false, payload: "a" },
      { opcode: 0, mask: false, payload: "b" },
    ], 1002],
  ]);
}, { places: [...WIRE, ...BUN] });

attack(28, "RSV1 where nothing is compressed", async (target) => {
  const deflate = "Sec-WebSocket-Extensions: permessage-deflate";
  const empty = hex("00");
  await expectCodes(
    target,
    [
      [[{ opcode: 9, rsv: 4 }], 1002],
      [[{ opcode: 10, rsv: 4 }], 1002],
      [[{ opcode: 8, rsv: 4, payload: closePayload(1000) }], 1002],
      [[
        { opcode: 2, rsv: 4, fin: false, payload: empty },
        { opcode: 0, rsv: 4 },
      ], 1002],
      [[{ opcode: 2, fin: false }, { opcode: 0, rsv: 4 }], 1002],
      [[{ opcode: 2, rsv: 6 }], 1002],
      [[{ opcode: 2, rsv: 1 }], 1002],
    ],
    deflate,
  );
  // And without the extension on any frame.
  await expectCodes(target, [[[{ opcode: 2, rsv: 4, payload: empty }], 1002]]);
}, { upgrader: { enableCompression: true } });

const VALID = [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 4999];
const INVALID = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535];
const SURROGATE = hex("03 e8 ed a0 80");

attack(29, "close frames that say what they must not", async (target) => {
  await expectCodes(target, [
    [[{ opcode: 8, payload: hex("03") }], 1002],
    ...INVALID.map((code): Case => [
      [{ opcode: 8, payload: closePayload(code, "evil") }],
      1002,
    ]),
    [[{ opcode: 8, payload: hex("03 e8 ff") }], 1007],
    [[{ opcode: 8, payload: SURROGATE }], 1007],
    [[{ opcode: 8, payload: hex("03 e8 e4 b8") }], 1007],
    [[{ opcode: 8, payload: new Uint8Array(126) }], 1002],
  ]);
}, { places: TCP });

attack(29, "close frames that say what they may", async (target) => {
  for (const code of VALID) {
    const peer = await target.upgrade();
    const conn = await target.accept();
    peer.sendFrame({ opcode: 8, payload: closePayload(code, "bye") });
    await peer.expectClose(code);
    peer.destroy();
    const info = await conn.closed;
    assertEquals([info.code, info.reason], [code, "bye"]);
  }
}, { places: [...TCP, ...BUN] });

attack(30, "frames behind the close frame", async ({ upgrade, accept }) => {
  const peer = await upgrade();
  const conn = await accept();
  let closes = 0;
  let pings = 0;
  conn.setCloseHandler(() => void closes++);
  conn.setPingHandler(() => void pings++);
  for (const payload of [closePayload(4000, "first"), closePayload(4001)]) {
    peer.sendFrame({ opcode: 8, payload });
    peer.sendFrame({ opcode: 1, payload: "late" });
    peer.sendFrame({ opcode: 9 });
    peer.sendFrame({ opcode: 3 });
  }
  // Nothing is echoed twice, and nothing behind it is read.
  await peer.expectClose(4000);
  peer.end();
  assertEquals(await peer.readRest(), new Uint8Array(0));
  const info = await conn.closed;
  assertEquals([info.code, info.reason, info.wasClean], [4000, "first", true]);
  const errors = [];
  for (let i = 0; i < 2; i++) {
    errors.push(await conn.readMessage().catch(({ code }) => code));
  }
  assertEquals(errors, [4000, 4000]);
  for (let i = 0; i < 10; i++) await turn();
  assertEquals([closes, pings], [1, 0]);
});

attack(30, "control frames that are none", async (target) => {
  const long = new Uint8Array(126);
  const begun = { opcode: 1, fin: false, payload: "a" };
  await expectCodes(target, [
    [[{ opcode: 9, payload: long }], 1002],
    [[begun, { opcode: 9, payload: long }], 1002],
    [[begun, { opcode: 10, payload: long }], 1002],
    [[{ opcode: 9, fin: false }], 1002],
    [[{ opcode: 8, fin: false }], 1002],
    [[begun, { opcode: 10, fin: false }, { opcode: 0 }], 1002],
    [[begun, { opcode: 1, payload: "b" }], 1002],
    [[{ opcode: 0, payload: "b" }], 1002],
    [[{ opcode: 3 }], 1002],
    [[{ opcode: 15 }], 1002],
    [[{ opcode: 8, fin: false }, { opcode: 0 }], 1002],
  ]);
}, { places: [...WIRE, ...BUN] });

const BAD_TEXTS: readonly string[] = [
  "80", // a continuation
  "c0 80", // overlong
  "e0 80 80",
  "f0 80 80 80",
  "ed a0 80", // a surrogate
  "ed bf bf",
  "f4 90 80 80", // past U+10FFFF
  "f5",
  "ff",
];

attack(31, "text that is not UTF-8, as soon as it is not", async (target) => {
  const good = new TextEncoder().encode("κόσμε");
  const cases: Case[] = [];
  for (const text of BAD_TEXTS) {
    const payload = new Uint8Array([...good, ...hex(text)]);
    cases.push(
      [[{ opcode: 1, payload }], 1007],
      // Of a message that goes on, and of a frame whose rest does not come.
      [[{ opcode: 1, fin: false, payload }], 1007],
      [[{ opcode: 1, payload, length: 1000 }], 1007],
      // Byte by byte.
      [[
        { opcode: 1, fin: false },
        ...Array.from(payload, (byte) => ({
          opcode: 0,
          fin: false,
          payload: new Uint8Array([byte]),
        })),
      ], 1007],
    );
  }
  // Cut off.
  for (const text of ["c3", "e4 b8", "f0 9f 98"]) {
    cases.push([[{ opcode: 1, payload: hex(text) }], 1007]);
    cases.push([[{ opcode: 1, fin: false, payload: hex(text) }, {
      opcode: 0,
    }], 1007]);
  }
  await expectCodes(target, cases);
}, { places: TCP, timeout: 20_000 });

attack(31, "text that is cut within its characters", async (target) => {
  const text = "κόσμε 😀 日本";
  const bytes = new TextEncoder().encode(text);
  const peer = await target.upgrade();
  const conn = await target.accept();
  for (const [i, byte] of bytes.entries()) {
    peer.sendFrame({
      opcode: i === 0 ? 1 : 0,
      fin: i === bytes.length - 1,
      payload: new Uint8Array([byte]),
    });
  }
  assertEquals((await conn.readMessage()).data, text);
  assert(conn.state === "open");
}, { places: [...TCP, ...native("deno", "bun")] });
