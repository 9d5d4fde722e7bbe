import { assert, assertEquals, assertThrows } from "@std/assert";
import { CloseSentError } from "../../../src/errors.ts";
import { Session } from "../../../src/protocol/session.ts";
import { JSC_TUNING, V8_TUNING } from "../../../src/protocol/tuning.ts";
import { test } from "../../support/helper.ts";
import {
  frame,
  frames,
  hex,
  join,
  KEY,
  pushIn,
  receive,
  Recorder,
  sessionOf,
  show,
  SIDES,
  stateOf,
} from "./recorder.ts";

test("Session() refuses a client without a mask source", () => {
  assertThrows(
    () => new Session({ side: "client", readLimit: 1 }, new Recorder()),
    TypeError,
    "mask source",
  );
});

test("session.encode() masks on clients only", () => {
  assertEquals(
    show(sessionOf("client").session.encode(1, "Hello")),
    "818537fa213d7f9f4d5158",
  );
  assertEquals(
    show(sessionOf("server").session.encode(1, "Hello")),
    "810548656c6c6f",
  );
});

test("session.encodeInto() writes what encode() gives", () => {
  const payload = new Uint8Array(300).fill(9);
  for (const side of SIDES) {
    const { session } = sessionOf(side);
    const target = new Uint8Array(400);
    const end = session.encodeInto(target, 5, 0, payload, false);
    assertEquals(target.subarray(5, end), session.encode(0, payload, false));
  }
});

test("session.encodeLarge() gives slices of what encode() gives", () => {
  const payload = Uint8Array.from({ length: 600_000 }, (_, i) => i * 7);
  const before = payload.slice();
  for (const side of SIDES) {
    const { session } = sessionOf(side, { rsv1: true });
    const large = session.encodeLarge(2, payload, false, true);
    const expected = session.encode(2, payload, false, true);
    assertEquals([large.begun, large.rest], [false, expected.length]);
    const slices: Uint8Array[] = [];
    while (large.rest > 0) slices.push(large.next());
    assertEquals(slices.length, 3);
    assertEquals(show(join(slices)), show(expected));
    assertEquals(payload, before);
    // A server's payload is not copied.
    const referred = slices[1]!.buffer === payload.buffer;
    assertEquals(referred, side === "server");
  }
});

test("session.state follows a closing handshake that we begin", () => {
  for (const side of SIDES) {
    const { session, recorder } = sessionOf(side);
    assertEquals(stateOf(session), "open");
    // No room: nothing has been sent.
    assertEquals(session.encodeInto(new Uint8Array(1), 0, 8, hex("03e8")), -1);
    assertEquals(stateOf(session), "open");
    session.encode(8, hex("03e8"));
    assertEquals(stateOf(session), "closeSent");
    for (const opcode of [0, 1, 2, 8, 9, 10] as const) {
      assertThrows(() => session.encode(opcode, ""), CloseSentError);
      assertThrows(() => session.check(opcode), CloseSentError);
      assertThrows(
        () => session.encodeInto(new Uint8Array(20), 0, opcode, ""),
        CloseSentError,
      );
    }
    assertThrows(() => session.encodeLarge(2, hex("01")), CloseSentError);
    session.decoder.push(frames(side, "82:01 88:03e8 82:02"));
    assertEquals(stateOf(session), "closed");
    assertEquals(recorder.lines, ["binary 01", 'close 1000 ""']);
  }
});

test("session.state follows a closing handshake that the peer begins", () => {
  for (const side of SIDES) {
    const { session, recorder } = sessionOf(side);
    const states: string[] = [];
    recorder.after = () => states.push(stateOf(session));
    session.decoder.push(frames(side, "82:01 88: 88:"));
    assertEquals(states, ["open", "closeReceived"]);
    // A message under way may be finished.
    session.encode(0, "rest");
    session.encodeInto(new Uint8Array(20), 0, 8, "");
    assertEquals(stateOf(session), "closed");
    assertThrows(() => session.encode(8, ""), CloseSentError);
  }
});

test("session.state allows one close frame behind a broken rule", () => {
  for (const side of SIDES) {
    const { session, recorder } = sessionOf(side);
    const states: string[] = [];
    recorder.after = () => states.push(stateOf(session));
    session.decoder.push(frames(side, "82:01 83: 82:02"));
    // What is owed to the message may still be sent.
    assertEquals(states, ["open", "open"]);
    session.encode(2, hex("01"));
    session.fail();
    assertEquals(stateOf(session), "failed");
    for (const opcode of [0, 1, 2, 9, 10] as const) {
      assertThrows(() => session.encode(opcode, ""), CloseSentError);
    }
    session.encode(8, hex("03ea"));
    assertEquals(stateOf(session), "closed");
  }
});

test("session.fail() ends reading, also of what is held", () => {
  for (const side of SIDES) {
    const { session, recorder } = sessionOf(side);
    session.decoder.pause(1);
    session.decoder.push(frames(side, "82:01"));
    session.fail();
    session.decoder.resume(1);
    session.decoder.push(frames(side, "82:02"));
    assertEquals(recorder.lines, []);
    assertEquals(stateOf(session), "failed");
    session.state.closeSent();
    assertEquals(stateOf(session), "closed");
  }
});

test("session.fail() inside an event ends reading behind it", () => {
  for (const side of SIDES) {
    const { session, recorder } = sessionOf(side);
    recorder.after = () => session.fail();
    session.encode(8, "");
    session.decoder.push(frames(side, "82:01 82:02 88:"));
    assertEquals(recorder.lines, ["binary 01"]);
    assertEquals(stateOf(session), "closed");
  }
});

test("session.decoder.setReadLimit() holds for the next message", () => {
  const { session, recorder } = sessionOf("client", { readLimit: 1 });
  session.decoder.setReadLimit(2);
  session.decoder.push(hex("82 02 0102"));
  session.decoder.setReadLimit(1);
  session.decoder.push(hex("82 02 0102"));
  assertEquals(recorder.lines, [
    "binary 0102",
    "fail 1009 Cannot read message: it exceeds the read limit of 1 bytes",
  ]);
});

test("session.push() passes on what the other side's encode() sends", () => {
  const data = ["", "Hello", "é".repeat(100), new Uint8Array(70_000).fill(5)];
  for (const side of SIDES) {
    const other = sessionOf(side === "server" ? "client" : "server").session;
    const bytes = join(
      data.map((item) => other.encode(typeof item === "string" ? 1 : 2, item)),
    );
    for (const size of [bytes.length, 1000, 1]) {
      assertEquals(
        receive(side, bytes, size),
        data.map((item) =>
          typeof item === "string"
            ? `text ${show(new TextEncoder().encode(item))}`
            : `binary ${show(item)}`
        ),
      );
    }
  }
});

test("session.push() gives one event for each of 131,000 one-byte fragments", () => {
  const count = 131_000;
  for (const tuning of [V8_TUNING, JSC_TUNING]) {
    const { session, recorder } = sessionOf("client", { tuning });
    let held = 0;
    recorder.messageData = (bytes) => {
      recorder.calls++;
      held = Math.max(held, bytes.buffer.byteLength);
    };
    const bytes = new Uint8Array(count * 3);
    for (let i = 0; i < count; i++) bytes.set([i === 0 ? 2 : 0, 1, i], i * 3);
    pushIn(session, bytes, 65_536);
    assertEquals(recorder.calls, 1 + count);
    // A fragment that is kept keeps a slab at most, never its chunk.
    assert(held <= 4096);
  }
});

test("session.push() gives no event for empty fragments", () => {
  const { session, recorder } = sessionOf("client");
  session.decoder.push(hex(`02 00 ${"00 00".repeat(10_000)}`));
  assertEquals(recorder.calls, 1);
});

test("session.push() gives one piece for each chunk of a long frame", () => {
  const { session, recorder } = sessionOf("server");
  const bytes = frame("server", 0x82, new Uint8Array(131_000));
  pushIn(session, bytes, 1);
  assertEquals(recorder.calls, 1 + 131_000 + 1);
});

test("session.push() takes the masking key 0", () => {
  assertEquals(
    receive("server", frame("server", 0x81, hex("4142"), 0), 99),
    ["text 4142"],
  );
});

test("session.push() never throws and never goes on, whatever comes", () => {
  // A linear congruential generator: the same bytes in every run.
  let seed = KEY;
  const random = (below: number) => {
    seed = Math.imul(seed, 1664525) + 1013904223 >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
  for (let round = 0; round < 3000; round++) {
    const side = SIDES[round & 1]!;
    const list: Uint8Array[] = [];
    for (let i = random(8); i >= 0; i--) {
      const payload = Uint8Array.from(
        { length: random(4) === 0 ? random(300) : random(6) },
        () => random(3) === 0 ? random(256) : 0x61,
      );
      const opcodes = [0x81, 0x82, 0x01, 0x00, 0x80, 0x89, 0x8a, 0x88, 0xc1];
      list.push(frame(side, opcodes[random(9)]!, payload));
      if (random(10) === 0) list.at(-1)![random(2)] = random(256);
    }
    const bytes = join(list);
    const options = { readLimit: 200, rsv1: random(2) === 0 };
    const whole = receive(side, bytes, bytes.length, options);
    assertEquals(receive(side, bytes, 1, options), whole);
    assertEquals(receive(side, bytes, 1 + random(40), options), whole);
    const last = whole.findIndex((line) => /^(close|fail)/.test(line));
    assert(last === -1 || last === whole.length - 1);
  }
});
