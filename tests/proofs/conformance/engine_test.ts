/** A suite that finds no fault in a target with faults would prove nothing. */

import { createServer, type Socket } from "node:net";

import { assertEquals } from "@std/assert";

import { test } from "../../support/helper.ts";
import { listen } from "../../support/sockets.ts";
import type { Case } from "./case.ts";
import { GROUPS } from "./cases/all.ts";
import { type Outcome, runCase } from "./engine.ts";
import {
  encodeFrame,
  type Frame,
  FrameReader,
  type ReadFrame,
} from "../../support/frames.ts";
import { acceptTarget, dialTarget } from "./peer.ts";

/** Where the toy server's faults are made. */
interface Faults {
  /** What it sends instead of a frame; nothing if it is empty. */
  readonly answer?: (frame: Frame) => readonly Frame[];
  /** Whether it masks what it sends. */
  readonly masks?: boolean;
  /** How it ends TCP. Default: FIN. */
  readonly ends?: "RST" | "never";
}

const KEY = new Uint8Array([1, 2, 3, 4]);

function caseOf(id: string): Case {
  const all = GROUPS.flatMap(({ cases }) => cases);
  return all.find((testCase) => testCase.id === id)!;
}

/** Runs a case against an echo server, by the RFC but for its faults. */
async function outcomeOf(id: string, faults: Faults = {}): Promise<Outcome> {
  const testCase = caseOf(id);
  const server = createServer({ allowHalfOpen: true });
  server.on("connection", (socket) => serveToy(socket, faults));
  const port = await listen(server);
  try {
    return await runCase(
      {
        side: "server",
        async connect() {
          const opened = await dialTarget(port);
          return { ...opened, offer: undefined, released: opened.peer.closed };
        },
      },
      testCase,
      { patience: 200 },
    );
  } finally {
    server.close();
  }
}

/** Echoes messages of one frame, answers pings, and closes. */
async function serveToy(socket: Socket, faults: Faults): Promise<void> {
  socket.on("error", () => {});
  const { answer = (frame) => [frame], masks = false, ends = "FIN" } = faults;
  let over = false;
  const send = (frame: Frame) => {
    for (const sent of answer(frame)) {
      socket.write(encodeFrame(sent, masks ? KEY : undefined));
    }
    if (frame.opcode !== 8) return;
    over = true;
    if (ends === "FIN") socket.end();
    if (ends === "RST") socket.resetAndDestroy();
  };
  const onFrame = ({ opcode, payload, rsv }: ReadFrame) => {
    if (over) return;
    if (rsv !== 0) send({ opcode: 8, payload: new Uint8Array([0x03, 0xea]) });
    else if (opcode !== 10) {
      send({ opcode: opcode === 9 ? 10 : opcode, payload });
    }
  };
  const reader = new FrameReader();
  const peer = await acceptTarget(socket, () => undefined);
  peer.deliver({
    push(chunk) {
      reader.push(chunk);
      for (const frame of reader.frames()) onFrame(frame);
    },
    end: () => socket.end(),
  });
}

function failed(says: string): Outcome {
  return { grade: "failed", says };
}

function informational(says: string): Outcome {
  return { grade: "informational", says };
}

const PASSED: Outcome = { grade: "passed", says: "" };

test("runCase() passes a target without faults", async () => {
  for (const id of ["1.1.3", "1.2.8", "2.4", "2.10", "3.1", "3.2", "7.1.2"]) {
    assertEquals(await outcomeOf(id), PASSED, id);
  }
});

test("runCase() fails a target that sends the wrong frames", async () => {
  const cases: [id: string, says: string, faults: Faults][] = [
    ["1.1.3", "an answer that does not come", { answer: but(1) }],
    ["1.1.3", "a text that differs from the text due", {
      answer: but(1, { opcode: 1, payload: "other" }),
    }],
    ["1.1.3", "a binary that differs from the text due", {
      answer: (frame) => [{ ...frame, opcode: frame.opcode === 1 ? 2 : 8 }],
    }],
    ["1.1.3", "a text too many", {
      answer: (frame) => frame.opcode === 1 ? [frame, frame] : [frame],
    }],
    ["2.7", "a pong too many", {
      answer: (frame) => [{ opcode: 10 }, frame],
    }],
    ["1.1.1", "a text that is not UTF-8", {
      answer: but(1, { opcode: 1, payload: new Uint8Array([0xff]) }),
    }],
    ["1.1.1", "a frame with RSV bits", {
      answer: but(1, { opcode: 1, rsv: 4 }),
    }],
    ["1.1.1", "fragments in disorder", { answer: but(1, { opcode: 0 }) }],
    ["1.1.1", "an unknown opcode", { answer: but(1, { opcode: 3 }) }],
    ["1.1.1", "a masked frame", { masks: true }],
    ["2.1", "a control frame in fragments", {
      answer: but(10, { opcode: 10, fin: false }),
    }],
    ["2.1", "a control frame over 125 bytes", {
      answer: but(10, { opcode: 10, payload: new Uint8Array(126) }),
    }],
  ];
  for (const [id, says, faults] of cases) {
    assertEquals(await outcomeOf(id, faults), failed(says));
  }
});

test("runCase() fails a target that closes otherwise", async () => {
  const cases: [id: string, says: string, faults: Faults][] = [
    ["3.1", "close code 1000 instead of 1002", {
      answer: but(8, { opcode: 8, payload: new Uint8Array([0x03, 0xe8]) }),
    }],
    ["7.7.2", "close code 1005 instead of 1001", {
      answer: but(8, { opcode: 8 }),
    }],
    ["7.1.1", "a close frame that is not answered", { answer: but(8) }],
    ["7.9.1", "close code 0 instead of 1002", {}],
    ["7.3.2", "a close frame of one byte", {}],
    ["7.5.1", "a close reason that is not UTF-8", {}],
    ["7.1.1", "a frame behind the close frame", {
      answer: (frame) => frame.opcode === 8 ? [frame, { opcode: 9 }] : [frame],
    }],
    ["1.1.1", "the connection is failed with 1002 without a reason", {
      answer: but(1, { opcode: 8, payload: new Uint8Array([0x03, 0xea]) }),
    }],
    ["6.3.1", "a text that is not UTF-8", {}],
    ["7.1.1", "TCP is not ended", { ends: "never" }],
  ];
  for (const [id, says, faults] of cases) {
    assertEquals(await outcomeOf(id, faults), failed(says));
  }
});

test("runCase() tells what the RFC only advises against", async () => {
  const cases: [id: string, says: string, faults: Faults][] = [
    ["3.1", "the connection is failed without a close frame", {
      answer: but(8),
    }],
    ["3.2", "what came before is not answered", { answer: but(1) }],
    ["7.1.1", "TCP is reset", { ends: "RST" }],
  ];
  for (const [id, says, faults] of cases) {
    assertEquals(await outcomeOf(id, faults), informational(says), says);
  }
});

/** Sends others instead of frames with the opcode. */
function but(opcode: number, ...others: Frame[]): (frame: Frame) => Frame[] {
  return (frame) => frame.opcode === opcode ? others : [frame];
}
