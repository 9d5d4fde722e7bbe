import { assertEquals, assertThrows } from "@std/assert";
import { test } from "../../support/helper.ts";
import {
  CHUNKINGS,
  frames,
  hex,
  type Line,
  pushIn,
  sessionOf,
  SIDES,
  stateOf,
} from "./recorder.ts";

/** Every kind of event, and messages in every form. */
const TRAFFIC =
  "82:01 01:41 89:05 00:42 80:43 c2:0102 82: 8a: 02: 80: 81:44 88:03e8";

test("frameDecoder.pause() stops behind every event, and resume() goes on", () => {
  for (const side of SIDES) {
    for (const size of CHUNKINGS) {
      const free = sessionOf(side, { rsv1: true });
      pushIn(free.session, frames(side, TRAFFIC), size);

      const { session, recorder } = sessionOf(side, { rsv1: true });
      recorder.after = () => session.decoder.pause(1);
      pushIn(session, frames(side, TRAFFIC), size);
      assertEquals(recorder.calls, 1);
      for (let calls = 1; calls < free.recorder.calls; calls++) {
        session.decoder.resume(1);
        assertEquals(recorder.calls, calls + 1);
        assertEquals(session.decoder.paused, 1);
      }
      session.decoder.resume(1);
      assertEquals(recorder.lines, free.recorder.lines);
    }
  }
});

test("frameDecoder.resume() inside the event that paused goes on", () => {
  const { session, recorder } = sessionOf("client");
  recorder.after = () => {
    session.decoder.pause(1);
    session.decoder.resume(1);
  };
  session.decoder.push(hex("82 01 01 02 00 80 00 82 01 02 88 00"));
  assertEquals(recorder.lines, [
    "binary 01",
    "binary ",
    "binary 02",
    'close 1005 ""',
  ]);
  // Nothing is left that could go on.
  session.decoder.pause(1);
  session.decoder.resume(1);
  session.decoder.push(hex("82 01 03"));
  assertEquals(recorder.calls, 5);
});

test("frameDecoder.push() keeps the order of chunks that come while paused", () => {
  const { session, recorder } = sessionOf("client");
  session.decoder.pause(1);
  session.decoder.push(hex("82 01 01 82"));
  session.decoder.push(hex("01 02"));
  session.decoder.push(hex("82 01 03"));
  assertEquals(recorder.lines, []);
  session.decoder.resume(1);
  assertEquals(recorder.lines, ["binary 01", "binary 02", "binary 03"]);
});

test("frameDecoder.push() from inside an event waits its turn", () => {
  const { session, recorder } = sessionOf("client");
  const more = ["82 01 03", "82 01 04"];
  const depths: number[] = [];
  let depth = 0;
  recorder.after = () => {
    depths.push(++depth);
    const next = more.shift();
    if (next !== undefined) session.decoder.push(hex(next));
    depth--;
  };
  session.decoder.push(hex("82 01 01 82 01 02"));
  assertEquals(recorder.lines, [
    "binary 01",
    "binary 02",
    "binary 03",
    "binary 04",
  ]);
  assertEquals(depths, [1, 1, 1, 1]);
});

test("frameDecoder.push() goes on behind the event whose receiver threw", () => {
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
        attempt(() => session.decoder.push(bytes.slice(i, i + size)));
      }
      for (let i = 0; i < 50; i++) attempt(() => session.decoder.resume(1));
      assertEquals(recorder.lines, free.recorder.lines);
      assertEquals(stateOf(session), "closeReceived");
      assertEquals(thrown.at(-1), 'close 1000 ""');
    }
  }
});

test("frameDecoder.push() lets a receiver's error pass", () => {
  const { session, recorder } = sessionOf("client");
  recorder.after = () => {
    throw new RangeError("mine");
  };
  assertThrows(() => session.decoder.push(hex("82 01 01")), RangeError, "mine");
});

test("frameDecoder.pause() in the last event leaves nothing behind", () => {
  for (const last of ["88 00", "83 00"]) {
    const { session, recorder } = sessionOf("client");
    recorder.after = () => session.decoder.pause(1);
    session.decoder.push(hex(`${last} 82 01 01`));
    session.decoder.push(hex("82 01 02"));
    session.decoder.resume(1);
    assertEquals(recorder.calls, 1);
  }
});

test("frameDecoder.resume() goes on when there is no reason left", () => {
  const { session: { decoder }, recorder } = sessionOf("client");
  decoder.pause(1);
  decoder.pause(4);
  decoder.pause(4);
  decoder.push(hex("82 01 01"));
  assertEquals(decoder.paused, 5);
  decoder.resume(4);
  assertEquals(recorder.lines, []);
  decoder.resume(2);
  assertEquals(recorder.lines, []);
  decoder.resume(1);
  assertEquals(recorder.lines, ["binary 01"]);
  decoder.pause(1);
  decoder.pause(4);
  decoder.push(hex("82 01 02"));
  decoder.resume(7);
  assertEquals(recorder.lines, ["binary 01", "binary 02"]);
});

test("frameDecoder.resume() throws when the chunk has been transferred away meanwhile", () => {
  const { session: { decoder }, recorder } = sessionOf("client");
  const chunk = hex("82 01 01 82 01 02");
  recorder.after = () => decoder.pause(1);
  decoder.push(chunk);
  structuredClone(chunk, { transfer: [chunk.buffer] });
  assertThrows(() => decoder.resume(1), DOMException, "was transferred");
  assertEquals(recorder.lines, ["binary 01"]);
  assertEquals(decoder.over, true);
});
