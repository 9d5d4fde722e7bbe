import { assertEquals, assertThrows } from "@std/assert";
import { test } from "../helper.ts";
import {
  CHUNKINGS,
  frames,
  hex,
  type Line,
  pushIn,
  sessionOf,
  SIDES,
} from "./recorder.ts";

/** Every kind of event, and messages in every form. */
const TRAFFIC =
  "82:01 01:41 89:05 00:42 80:43 c2:0102 82: 8a: 02: 80: 81:44 88:03e8";

test("inputGate.hold() stops behind every event, and release() goes on", () => {
  for (const side of SIDES) {
    for (const size of CHUNKINGS) {
      const free = sessionOf(side, { rsv1: true });
      pushIn(free.session, frames(side, TRAFFIC), size);

      const { session, recorder } = sessionOf(side, { rsv1: true });
      recorder.after = () => session.hold();
      pushIn(session, frames(side, TRAFFIC), size);
      assertEquals(recorder.calls, 1);
      for (let calls = 1; calls < free.recorder.calls; calls++) {
        session.release();
        assertEquals(recorder.calls, calls + 1);
        assertEquals(session.held, true);
      }
      session.release();
      assertEquals(recorder.lines, free.recorder.lines);
    }
  }
});

test("inputGate.release() inside the event that held goes on", () => {
  const { session, recorder } = sessionOf("client");
  recorder.after = () => {
    session.hold();
    session.release();
  };
  session.push(hex("82 01 01 02 00 80 00 82 01 02 88 00"));
  assertEquals(recorder.lines, [
    "binary 01",
    "binary ",
    "binary 02",
    'close 1005 ""',
  ]);
  // Nothing is left that could go on.
  session.hold();
  session.release();
  session.push(hex("82 01 03"));
  assertEquals(recorder.calls, 5);
});

test("inputGate.push() keeps the order of chunks that come while held", () => {
  const { session, recorder } = sessionOf("client");
  session.hold();
  session.push(hex("82 01 01 82"));
  session.push(hex("01 02"));
  session.push(hex("82 01 03"));
  assertEquals(recorder.lines, []);
  session.release();
  assertEquals(recorder.lines, ["binary 01", "binary 02", "binary 03"]);
});

test("inputGate.push() from inside an event waits its turn", () => {
  const { session, recorder } = sessionOf("client");
  const more = ["82 01 03", "82 01 04"];
  const depths: number[] = [];
  let depth = 0;
  recorder.after = () => {
    depths.push(++depth);
    const next = more.shift();
    if (next !== undefined) session.push(hex(next));
    depth--;
  };
  session.push(hex("82 01 01 82 01 02"));
  assertEquals(recorder.lines, [
    "binary 01",
    "binary 02",
    "binary 03",
    "binary 04",
  ]);
  assertEquals(depths, [1, 1, 1, 1]);
});

test("inputGate.push() goes on behind the event whose receiver threw", () => {
  for (const side of SIDES) {
    for (const size of CHUNKINGS) {
      const free = sessionOf(side, { rsv1: true });
      const bytes = frames(side, TRAFFIC);
      pushIn(free.session, bytes, size);

      const { session, recorder } = sessionOf(side, { rsv1: true });
      const thrown: Line[] = [];
      recorder.after = (line) => {
        throw new Error(line);
      };
      const attempt = (fn: () => void) => {
        try {
          fn();
        } catch (error) {
          thrown.push((error as Error).message);
        }
      };
      for (let i = 0; i < bytes.length; i += size) {
        attempt(() => session.push(bytes.slice(i, i + size)));
      }
      for (let i = 0; i < 50; i++) attempt(() => session.release());
      assertEquals(recorder.lines, free.recorder.lines);
      assertEquals(session.state, "closeReceived");
      assertEquals(thrown.at(-1), 'close 1000 ""');
    }
  }
});

test("inputGate.push() lets a receiver's error pass", () => {
  const { session, recorder } = sessionOf("client");
  recorder.after = () => {
    throw new RangeError("mine");
  };
  assertThrows(() => session.push(hex("82 01 01")), RangeError, "mine");
});

test("inputGate.hold() in the last event leaves nothing behind", () => {
  for (const last of ["88 00", "83 00"]) {
    const { session, recorder } = sessionOf("client");
    recorder.after = () => session.hold();
    session.push(hex(`${last} 82 01 01`));
    session.push(hex("82 01 02"));
    session.release();
    assertEquals(recorder.calls, 1);
  }
});
