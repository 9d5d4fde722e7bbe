import { hex } from "../../../support/helper.ts";
import {
  type Chunks,
  fails,
  type Group,
  ping,
  text,
  theText,
} from "../case.ts";
import type { Frame } from "../../../support/frames.ts";

const HELLO = "Hello, world!";
const BYTE: readonly Chunks[] = [1];
const FRAME: readonly Chunks[] = ["frames"];

function afterHello(
  id: string,
  what: string,
  frame: Frame,
  chunks?: readonly Chunks[],
) {
  return fails(
    id,
    `a text, ${what}, then a ping`,
    [text(HELLO), frame, ping()],
    [1002],
    { expects: [theText(HELLO)], ...chunks && { chunks } },
  );
}

/** Bits without an extension that gives them a meaning (RFC 6455, section 5.2). */
export const reservedBits: Group = {
  number: 3,
  name: "Reserved bits",
  cases: [
    fails("3.1", "a text with RSV 1", [{ ...text(HELLO), rsv: 1 }]),
    afterHello("3.2", "one with RSV 2", { ...text(HELLO), rsv: 2 }),
    afterHello("3.3", "one with RSV 3", { ...text(HELLO), rsv: 3 }, FRAME),
    afterHello("3.4", "one with RSV 4", { ...text(HELLO), rsv: 4 }, BYTE),
    fails("3.5", "a binary message with RSV 5", [
      { opcode: 2, payload: hex("00 ff fe fd fc fb 00 ff"), rsv: 5 },
    ]),
    fails("3.6", "a ping with RSV 6", [{ ...ping(HELLO), rsv: 6 }]),
    fails("3.7", "a close frame with RSV 7", [{ opcode: 8, rsv: 7 }]),
  ],
};

/** Opcodes that are not defined (RFC 6455, section 5.2). */
export const reservedOpcodes: Group = {
  number: 4,
  name: "Opcodes",
  cases: [
    fails("4.1.1", "opcode 3", [{ opcode: 3 }]),
    fails("4.1.2", "opcode 4 with a payload", [
      { opcode: 4, payload: "reserved opcode payload" },
    ]),
    afterHello("4.1.3", "opcode 5", { opcode: 5 }),
    afterHello("4.1.4", "opcode 6 with a payload", {
      opcode: 6,
      payload: HELLO,
    }),
    afterHello(
      "4.1.5",
      "opcode 7 with a payload",
      { opcode: 7, payload: HELLO },
      BYTE,
    ),
    fails("4.2.1", "opcode 11", [{ opcode: 11 }]),
    fails("4.2.2", "opcode 12 with a payload", [
      { opcode: 12, payload: "reserved opcode payload" },
    ]),
    afterHello("4.2.3", "opcode 13", { opcode: 13 }),
    afterHello("4.2.4", "opcode 14 with a payload", {
      opcode: 14,
      payload: HELLO,
    }),
    afterHello(
      "4.2.5",
      "opcode 15 with a payload",
      { opcode: 15, payload: HELLO },
      BYTE,
    ),
  ],
};
