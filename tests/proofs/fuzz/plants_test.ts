/**
 * The fuzzer finds what it is there for: bugs are planted, one at a time, into
 * what stands between the targets and the library.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { Inflater } from "../../../src/deflate/inflater.ts";
import { inflateOnce } from "../../../src/deflate/one_shot.ts";
import { ReadLimitError } from "../../../src/errors.ts";
import { ProtocolError } from "../../../src/peer_errors.ts";
import type { SessionReceiver } from "../../../src/protocol/assembler.ts";
import type { SessionOptions } from "../../../src/protocol/session.ts";
import { hex, test } from "../../support/helper.ts";
import { attempt, type Finding, formatFinding, fuzz } from "./fuzz.ts";
import type { Target } from "./target.ts";
import { decoderTarget, framesTarget } from "./targets/decoder.ts";
import { type InflateParts, inflateTarget } from "./targets/inflate.ts";
import { threadClock } from "./turn_meter.ts";
import {
  type MakeSession,
  type SessionLike,
  sessionLike,
} from "./targets/session_trial.ts";

const SEED = 20_111_212;
// Many times as many as any of the bugs takes.
const INPUTS = 20_000;
// The shrinker tries some thousands of inputs, twice.
const TIMEOUT = 60_000;

/** Finds a bug, twice, and sees that the smaller input shows it as well. */
async function find(target: Target): Promise<Finding> {
  const { finding } = await fuzz(target, { seed: SEED, inputs: INPUTS });
  assert(finding !== undefined, "the bug was not found");
  const again = await fuzz(target, {
    seed: SEED,
    from: finding.iteration,
    inputs: 1,
  });
  assertEquals(again.finding, finding);
  const smaller = hex(finding.smaller);
  assert(finding.smaller.length <= finding.input.length);
  assertEquals(await attempt(target, smaller), finding.fault);
  return finding;
}

/** A session whose receiver, or whose methods, have a bug. */
function planted(
  receiver: (receiver: SessionReceiver) => Partial<SessionReceiver>,
  session: (session: SessionLike) => Partial<SessionLike> = () => ({}),
  options: (options: SessionOptions) => Partial<SessionOptions> = () => ({}),
): MakeSession {
  return (given, right) => {
    const wrong = new Proxy(right, overlay(receiver(right)));
    const real = sessionLike({ ...given, ...options(given) }, wrong);
    return new Proxy(real, overlay(session(real)));
  };
}

/** Looks a member up in the bug first. */
function overlay<T extends object>(bug: Partial<T>): ProxyHandler<T> {
  return {
    get(target, name) {
      const from = name in bug ? bug : target;
      const member = Reflect.get(from, name);
      return typeof member === "function" ? member.bind(from) : member;
    },
  };
}

const nothing = () => ({});

/** What is planted, and the kind of fault that it is found by. */
const BUGS: readonly [what: string, make: MakeSession, kind: string][] = [
  [
    "RSV1 passes without an extension",
    planted(nothing, nothing, () => ({ rsv1: true })),
    "entry",
  ],
  [
    "the read limit is one too high",
    planted(
      nothing,
      nothing,
      ({ readLimit }) => ({ readLimit: readLimit + 1 }),
    ),
    "entry",
  ],
  [
    "text that is not UTF-8 ends with 1002",
    planted((right) => ({
      fail(error) {
        if (error instanceof ReadLimitError) right.fail(error);
        else right.fail(new ProtocolError(error.message));
      },
    })),
    "entry",
  ],
  [
    "a close frame without a code has code 1000",
    planted((right) => ({
      close: (code, reason) => right.close(code === 1005 ? 1000 : code, reason),
    })),
    "entry",
  ],
  [
    "a pong that is empty is lost",
    planted((right) => ({
      pong: (payload) => payload.length > 0 && right.pong(payload),
    })),
    "entry",
  ],
  [
    "a message of 126 bytes loses the last one",
    planted((right) => ({
      message: (type, data, size) =>
        right.message(type, data.length === 126 ? data.slice(1) : data, size),
    })),
    "entry",
  ],
  [
    "what stands behind the peer's close frame is read",
    planted((right) => ({
      close(code, reason) {
        right.close(code, reason);
        right.ping(new Uint8Array(0));
      },
    })),
    "entry",
  ],
  [
    "the last piece of a message comes with the next chunk",
    (options, right) => {
      let late: Uint8Array<ArrayBuffer> | undefined;
      const flush = () => {
        if (late !== undefined) right.messageData(late);
        late = undefined;
      };
      return planted((right) => ({
        messageData(bytes) {
          flush();
          late = bytes.slice();
          return true;
        },
        messageEnd() {
          flush();
          right.messageEnd();
        },
      }))(options, right);
    },
    "partial",
  ],
  [
    "an error that is not documented",
    planted((right) => ({
      fail: () => right.fail(new RangeError("Bad frame") as ProtocolError),
    })),
    "error",
  ],
  [
    "an exception",
    planted((right) => ({
      ping(payload) {
        if (payload[0] === 0x00) throw new TypeError("Cannot read a ping");
        right.ping(payload);
      },
    })),
    "threw TypeError",
  ],
  [
    "small messages keep their chunk alive",
    planted((right) => ({
      message(type, data, size) {
        if (typeof data === "string") return right.message(type, data, size);
        const large = new Uint8Array(5000);
        large.set(data);
        right.message(type, large.subarray(0, data.length), size);
      },
    })),
    "memory",
  ],
  [
    "a chunk is given back while a message lies in it",
    planted((right) => ({
      message(type, data, size) {
        right.message(type, data, size);
        if (typeof data !== "string") queue.push(data);
      },
    }), (session) => ({
      get held() {
        // Later, as a chunk would be filled again.
        for (const data of queue.splice(0)) data.fill(0);
        return session.held;
      },
    })),
    "entry",
  ],
  [
    "a state that forgets our own close frame",
    planted(nothing, (session) => ({
      get state() {
        return session.state === "closed" ? "failed" : session.state;
      },
    })),
    "state",
  ],
];

const queue: Uint8Array[] = [];

for (const [what, make, kind] of BUGS) {
  test(`fuzz() finds, and finds again: ${what}`, async () => {
    for (const target of [decoderTarget(make), framesTarget(make)]) {
      const finding = await find(target);
      assertEquals(finding.fault.split(":")[0], kind);
      // The largest that is needed: a message of 126 bytes.
      assert(finding.smaller.length / 2 <= 140, formatFinding(finding));
      queue.length = 0;
    }
  }, { timeout: TIMEOUT });
}

const real: InflateParts = {
  inflateOnce,
  makeInflater: (windowBits, takeover) => new Inflater(windowBits, takeover),
};

/** The same for what inflates. */
const INFLATE_BUGS: readonly [
  what: string,
  parts: Partial<InflateParts>,
  kind: string,
][] = [
  [
    "the read limit is one too high",
    { inflateOnce: (data, limit) => inflateOnce(data, limit + 1) },
    "once, memory",
  ],
  [
    "what is corrupt is an empty message",
    {
      inflateOnce(data, limit) {
        try {
          return inflateOnce(data, limit);
        } catch (error) {
          if (error instanceof ReadLimitError) throw error;
          return new Uint8Array(0);
        }
      },
    },
    "once, outcome",
  ],
  [
    "each message has a window of its own in spite of takeover",
    { makeInflater: (windowBits) => new Inflater(windowBits, false) },
    "stream, outcome",
  ],
  [
    "zlib is left open",
    {
      makeInflater(windowBits, takeover) {
        const inflater = new Inflater(windowBits, takeover);
        leaks.push(inflater);
        return {
          inflate: (...args) => inflater.inflate(...args),
          close: () => {},
        };
      },
    },
    "contexts",
  ],
];

const leaks: Inflater[] = [];

for (const [what, parts, kind] of INFLATE_BUGS) {
  test(`fuzz() finds, and finds again: ${what}, when inflating`, async () => {
    const finding = await find(inflateTarget({ ...real, ...parts }));
    assertEquals(finding.fault.split(":")[0], kind);
    for (const inflater of leaks.splice(0)) inflater.close();
  }, { timeout: TIMEOUT });
}

// The thread's clock of Deno goes by 10 ms.
const SLOW = { turn: 20, shrinking: 3000 } as const;

/** Computes for so many milliseconds. */
function compute(milliseconds: number): void {
  for (const end = threadClock() + milliseconds; threadClock() < end;);
}

/** The same, but that the clock says how much smaller an input is made. */
async function findSlow(target: Target, without: Target): Promise<void> {
  const options = { ...SLOW, seed: SEED, inputs: INPUTS };
  const { finding } = await fuzz(target, options);
  assert(finding !== undefined, "the slow turn was not found");
  assertEquals(finding.fault.split(":")[0], "turn");
  assert(finding.smaller.length <= finding.input.length);
  for (const input of [hex(finding.input), hex(finding.smaller)]) {
    assertEquals(await attempt(target, input, SLOW), finding.fault);
    assertEquals(await attempt(without, input, SLOW), undefined);
  }
}

test(
  "fuzz() finds, and finds again: a turn that is too long, in a session",
  async () => {
    const slow = planted((right) => ({
      ping(payload) {
        if (payload.length > 120) compute(2 * SLOW.turn);
        right.ping(payload);
      },
    }));
    await findSlow(framesTarget(slow), framesTarget());
  },
  { timeout: TIMEOUT },
);

test(
  "fuzz() finds, and finds again: a turn that is too long, when inflating",
  async () => {
    const slow: InflateParts = {
      ...real,
      makeInflater(windowBits, takeover) {
        const inflater = new Inflater(windowBits, takeover);
        return {
          async inflate(data, last, limit, emit) {
            // In a turn of its own, behind the first.
            await new Promise((resolve) => setImmediate(resolve));
            if (data.length > 100) compute(2 * SLOW.turn);
            await inflater.inflate(data, last, limit, emit);
          },
          close: () => inflater.close(),
        };
      },
    };
    await findSlow(inflateTarget(slow), inflateTarget());
  },
  { timeout: TIMEOUT },
);

test("fuzz() says how to see a finding again", async () => {
  const make = planted((right) => ({ ping: () => right.ping(hex("ff")) }));
  const finding = await find(framesTarget(make));
  const text = formatFinding(finding);
  assertStringIncludes(text, `seed ${SEED}, input ${finding.iteration}`);
  assertStringIncludes(
    text,
    `deno task fuzz --only frames --hex ${finding.smaller}`,
  );
  assertStringIncludes(
    text,
    `--seed ${SEED} --from ${finding.iteration} --inputs 1`,
  );
});
