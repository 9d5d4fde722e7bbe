import { assertEquals } from "@std/assert";
import { JSC_TUNING, V8_TUNING } from "../../../src/protocol/tuning.ts";
import { test } from "../../support/helper.ts";
import {
  CHUNKINGS,
  frame,
  frames,
  hex,
  join,
  type Line,
  receive,
  sessionOf,
  show,
  SIDES,
} from "./recorder.ts";
import { INCOMPLETE, INVALID, VALID } from "./utf8_cases.ts";

const BAD_TEXT: Line =
  "fail 1007 Cannot read text message: it is not valid UTF-8";

/** All ways to cut a payload in two fragments, and the message whole. */
function cuts(digits: string): string[] {
  const list = [`81:${digits}`];
  for (let at = 0; at <= digits.length; at += 2) {
    list.push(`01:${digits.slice(0, at)} 80:${digits.slice(at)}`);
    list.push(`01:${digits.slice(0, at)} 89:ee 80:${digits.slice(at)}`);
  }
  return list;
}

function assertEverywhere(text: string, lines: Line[], name: string): void {
  for (const side of SIDES) {
    for (const size of CHUNKINGS) {
      for (const tuning of [V8_TUNING, JSC_TUNING]) {
        const got = receive(side, frames(side, text), size, { tuning });
        assertEquals(got.filter((line) => line !== "ping ee"), lines, name);
      }
    }
  }
}

test("messageAssembler accepts valid text, cut anywhere", () => {
  for (const [name, digits] of VALID) {
    for (const text of cuts(digits)) {
      assertEverywhere(text, [`text ${digits}`], name);
    }
  }
});

test("messageAssembler fails invalid text with 1007, cut anywhere", () => {
  for (const [name, digits] of INVALID) {
    for (const text of cuts(digits)) assertEverywhere(text, [BAD_TEXT], name);
  }
});

test("messageAssembler fails text that ends inside a sequence", () => {
  for (const digits of INCOMPLETE) {
    for (const text of cuts(digits)) assertEverywhere(text, [BAD_TEXT], digits);
  }
});

test("messageAssembler fails at the first bad byte of an unfinished frame", () => {
  for (const [name, digits, bad] of INVALID) {
    for (const side of SIDES) {
      // A frame that claims 1,000 bytes, of which the bad one is the last to come.
      const payload = join([hex(digits), new Uint8Array(1000)]).slice(0, 1000);
      const bytes = frame(side, 0x81, payload);
      const { session, recorder } = sessionOf(side);
      const until = bytes.length - 1000 + bad;
      session.decoder.push(bytes.slice(0, until));
      assertEquals(recorder.lines, [], name);
      session.decoder.push(bytes.slice(until, until + 1));
      assertEquals(recorder.lines, [BAD_TEXT], name);
    }
  }
});

test("messageAssembler starts every text anew", () => {
  assertEverywhere("01:c3 80:a9 01:e4bd 80:a0 82:ff 01: 80:c3a9", [
    "text c3a9",
    "text e4bda0",
    "binary ff",
    "text c3a9",
  ], "texts");
});

test("messageAssembler does not validate binary or compressed messages", () => {
  for (const side of SIDES) {
    for (const size of CHUNKINGS) {
      assertEquals(
        receive(
          side,
          frames(side, "82:ff 02:c0 80:80 c1:ff 41:c0 80:80"),
          size,
          {
            rsv1: true,
          },
        ),
        [
          "binary ff",
          "binary c080",
          "compressed text ff",
          "compressed text c080",
        ],
      );
    }
  }
});

test("messageAssembler reads close frames and ignores what follows", () => {
  const cases: [string, Line][] = [
    ["88:", 'close 1005 ""'],
    ["88:03e86279e2809465", 'close 1000 "by—e"'],
    [
      "88:03",
      "fail 1002 Cannot read close frame: a payload of 1 byte has no close code",
    ],
    [
      "88:03ed",
      "fail 1002 Cannot read close frame: close code 1005 must not be sent",
    ],
    [
      "88:03e8ff",
      "fail 1007 Cannot read close frame: the reason is not valid UTF-8",
    ],
  ];
  for (const [text, line] of cases) {
    assertEverywhere(`81:41 ${text} 88: 81:42 83: 89:`, [
      "text 41",
      line,
    ], text);
    // In the middle of a message, too.
    assertEverywhere(`01:41 ${text} 80:42`, [line], text);
  }
});

test("messageAssembler gives payloads that later input does not change", () => {
  for (const side of SIDES) {
    for (const tuning of [V8_TUNING, JSC_TUNING]) {
      for (const length of [1, 64, 256, 257, 5000]) {
        const kept: Uint8Array[] = [];
        const { session, recorder } = sessionOf(side, { tuning });
        recorder.message = (_type, data) => {
          if (typeof data !== "string") kept.push(data);
        };
        recorder.ping = recorder.pong = (data) => kept.push(data);
        const payloads = Array.from(
          { length: 40 },
          (_, i) => new Uint8Array(length).fill(i + 1),
        );
        session.decoder.push(join(payloads.flatMap((payload) => [
          frame(side, 0x82, payload),
          frame(side, 0x89, payload.subarray(0, 100)),
        ])));
        kept.forEach((data, i) => {
          assertEquals(
            show(data),
            show(payloads[i >> 1]!.subarray(0, data.length)),
          );
          data.fill(0);
        });
        assertEquals(kept.length, 80);
      }
    }
  }
});
