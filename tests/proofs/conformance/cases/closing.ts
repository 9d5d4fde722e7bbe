import { hex } from "../../../support/helper.ts";
import {
  close,
  closes,
  echoes,
  fails,
  type Group,
  LARGE,
  more,
  ping,
  text,
  theText,
} from "../case.ts";

const HELLO = "Hello World!";
const LONG = "BAsd7&jh23".repeat(26_215).slice(0, 262_144);
/** What a close frame may say (RFC 6455, section 7.4). */
const VALID = [
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011],
  ...[3000, 3999, 4000, 4999],
];
const INVALID = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];
const NOT_UTF8 = hex(
  "ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64 69 74 65 64",
);

/** RFC 6455, sections 5.5.1 and 7. */
export const closing: Group = {
  number: 7,
  name: "Close handling",
  cases: [
    echoes("7.1.1", "a text, then a close frame", [text(HELLO)], [
      theText(HELLO),
    ]),
    closes("7.1.2", "two close frames", [close(1000), { opcode: 8 }]),
    closes("7.1.3", "a close frame, then a ping", [close(1000), ping()]),
    closes("7.1.4", "a close frame, then a text", [close(1000), text(HELLO)]),
    closes("7.1.5", "a fragment, a close frame, the other fragment", [
      text("fragment1", false),
      close(1000),
      more("fragment2", true),
    ]),
    closes(
      "7.1.6",
      "a text of 256 KiB, a short one, a close frame, then a ping",
      [text(LONG), text(HELLO), close(1000), ping()],
      [1000],
      { expects: [theText(LONG), theText(HELLO)], chunks: LARGE, open: true },
    ),
    // What answers it may have the normal code.
    closes("7.3.1", "an empty close frame", [{ opcode: 8 }], [1005, 1000]),
    fails("7.3.2", "a close frame of 1 byte", [{ opcode: 8, payload: "a" }]),
    closes("7.3.3", "a close frame with a code", [close(1000)]),
    closes("7.3.4", "a close frame with a reason", [close(1000, HELLO)]),
    closes("7.3.5", "a close frame with a reason of 123 bytes", [
      close(1000, "*".repeat(123)),
    ]),
    fails("7.3.6", "a close frame with a reason of 124 bytes", [
      close(1000, "*".repeat(124)),
    ]),
    fails(
      "7.5.1",
      "a close frame with a reason that is not UTF-8",
      [close(1000, NOT_UTF8)],
      [1007, 1002],
    ),
    ...VALID.map((code, i) =>
      closes(`7.7.${i + 1}`, `close code ${code}`, [close(code)], [code, 1000])
    ),
    ...INVALID.map((code, i) =>
      fails(`7.9.${i + 1}`, `close code ${code}, which is not allowed`, [
        close(code),
      ])
    ),
    // Beyond what section 7.4.2 speaks of.
    ...[5000, 65_535].map((code, i) =>
      fails(
        `7.13.${i + 1}`,
        `close code ${code}`,
        [close(code)],
        [1002, 1000, code],
        { open: true },
      )
    ),
  ],
};
