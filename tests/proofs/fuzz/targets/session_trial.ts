/** Holds a session against the reference decoder, step by step. */

import { CloseSentError } from "../../../../src/errors.ts";
import type { SessionReceiver } from "../../../../src/protocol/assembler.ts";
import type { FrameDecoder } from "../../../../src/protocol/decoder.ts";
import {
  Session,
  type SessionOptions,
} from "../../../../src/protocol/session.ts";
import { JSC_TUNING, V8_TUNING } from "../../../../src/protocol/tuning.ts";
import { show, stateOf } from "../../../unit/protocol/recorder.ts";
import { Random } from "../random.ts";
import { type Entry, ReferenceDecoder } from "../reference/decoder.ts";
import type { Fault } from "../target.ts";
import { SessionLog } from "./session_log.ts";
import {
  LIMITS,
  SETTINGS,
  type Settings,
  settingsOf,
} from "./session_settings.ts";

/**
 * What is used of a session and of its decoder here, in one; a planted bug is
 * another one.
 */
export interface SessionLike
  extends
    Pick<Session, "encode" | "fail">,
    Pick<FrameDecoder, "push" | "inFrame" | "setReadLimit"> {
  readonly state: ReturnType<typeof stateOf>;
  readonly held: boolean;
  hold(): void;
  release(): void;
}

const HELD = 4;

/** A session and its decoder in one. */
export function sessionLike(
  options: SessionOptions,
  receiver: SessionReceiver,
): SessionLike {
  const session = new Session(options, receiver);
  const { decoder } = session;
  return {
    get state() {
      return stateOf(session);
    },
    get held() {
      return decoder.paused !== 0;
    },
    get inFrame() {
      return decoder.inFrame;
    },
    push: (chunk) => decoder.push(chunk),
    hold: () => decoder.pause(HELD),
    release: () => decoder.resume(HELD),
    setReadLimit: (bytes) => decoder.setReadLimit(bytes),
    encode: (...frame) => session.encode(...frame),
    fail: () => session.fail(),
  };
}

/** Makes the session that is fuzzed. */
export type MakeSession = (
  options: SessionOptions,
  receiver: SessionReceiver,
) => SessionLike;

/** Tries an input: settings, and the bytes of the wire. */
export function trySession(
  input: Uint8Array<ArrayBuffer>,
  make: MakeSession,
): Fault {
  return new Trial(input, make).run();
}

/** One input, given to both. */
class Trial {
  readonly #settings: Settings;
  readonly #log: SessionLog;
  readonly #session: SessionLike;
  readonly #reference: ReferenceDecoder;
  readonly #chunks: Iterator<Uint8Array<ArrayBuffer>>;
  readonly #random: Random;
  readonly #wire: Uint8Array;
  /** How many bytes the session has got, and how many the reference has. */
  #pushed = 0;
  #fed = 0;
  readonly #out: Set<Uint8Array> = new Set();
  #referenceHeld = false;
  #holdNext = false;
  #referenceHoldNext = false;
  #closeSent = false;
  #failed = false;
  #depth = 0;
  /** How many entries have been found equal, and bytes of the partial one. */
  #entriesSeen = 0;
  #bytesSeen = 0;

  constructor(input: Uint8Array<ArrayBuffer>, make: MakeSession) {
    const settings = this.#settings = settingsOf(input);
    const { side, rsv1, readLimit, jsc, frees, chunking, script } = settings;
    this.#random = new Random(script, 0x74_72_69_61);
    this.#log = new SessionLog(
      (entry) => this.#after(entry),
      frees ? (chunk) => this.#free(chunk) : undefined,
    );
    this.#session = make({
      side,
      rsv1,
      readLimit,
      mask: () => 0,
      tuning: jsc ? JSC_TUNING : V8_TUNING,
    }, this.#log);
    this.#reference = new ReferenceDecoder({ side, rsv1, readLimit });
    this.#wire = input.subarray(SETTINGS);
    this.#chunks = chunking.cut(this.#wire, settings.slices);
  }

  run(): Fault {
    const { script } = this.#settings;
    let fault: Fault;
    // Behind the end, some more is tried and no more.
    let idle = 0;
    while (fault === undefined && idle < 3 && this.#pushNext()) {
      if (this.#reference.over) idle++;
      this.#settle();
      fault = this.#compare();
      if (fault === undefined && script !== 0) {
        this.#step();
        fault = this.#compare();
      }
    }
    this.#holdNext = this.#referenceHoldNext = false;
    this.#release();
    // Once more from the first on: what was given away must have stayed.
    return fault ?? this.#compare(true);
  }

  /** Pushes a chunk; whether there was one. */
  #pushNext(): boolean {
    const { done, value: chunk } = this.#chunks.next();
    if (done) return false;
    this.#pushed += chunk.length;
    if (this.#settings.frees) this.#out.add(chunk);
    const { byteLength } = chunk.buffer;
    this.#log.largest = Math.max(this.#log.largest, byteLength);
    this.#depth++;
    this.#session.push(chunk);
    this.#depth--;
    return true;
  }

  #after(entry: boolean): void {
    const { holds, nests, script } = this.#settings;
    if (entry && this.#holdNext) {
      this.#holdNext = false;
      this.#session.hold();
    }
    if (holds && script === 0 && this.#random.oneIn(3)) {
      this.#session.hold();
      if (this.#random.oneIn(3)) this.#session.release();
    }
    if (nests && this.#depth < 3 && this.#random.oneIn(3)) this.#pushNext();
  }

  /** Lets go of what events have held, and brings the reference up to date. */
  #settle(): void {
    if (this.#settings.script === 0) {
      while (this.#session.held) this.#session.release();
    }
    const reference = this.#reference;
    while (!this.#referenceHeld && this.#fed < this.#pushed) {
      const { length } = reference.entries;
      reference.push(this.#wire[this.#fed++]!);
      if (reference.entries.length > length && this.#referenceHoldNext) {
        this.#referenceHoldNext = false;
        this.#referenceHeld = true;
      }
    }
  }

  #release(): void {
    this.#referenceHeld = false;
    this.#session.release();
    this.#settle();
  }

  /** Something that a connection does between two chunks. */
  #step(): void {
    const session = this.#session;
    switch (this.#random.below(10)) {
      case 0: {
        const limit = this.#random.pick(LIMITS);
        session.setReadLimit(limit);
        this.#reference.readLimit = limit;
        break;
      }
      case 1:
        session.hold();
        this.#referenceHeld = true;
        break;
      case 2:
      case 3:
        this.#release();
        break;
      case 4:
        if (this.#referenceHeld) break;
        this.#holdNext = this.#referenceHoldNext = true;
        break;
      case 5:
        this.#sendClose();
        break;
      case 6:
        if (!this.#random.oneIn(8)) break;
        session.fail();
        this.#failed = this.#reference.over = true;
        this.#log.partial = this.#reference.partial = undefined;
    }
  }

  #sendClose(): void {
    try {
      this.#session.encode(8, Uint8Array.of(3, 232));
    } catch (error) {
      if (!(error instanceof CloseSentError) || !this.#closeSent) throw error;
    }
    this.#closeSent = true;
  }

  #free(chunk: Uint8Array<ArrayBuffer>): void {
    if (!this.#out.delete(chunk)) this.#log.fault = "free: it is not out";
    // Whoever still looks at it will see.
    chunk.fill(0xdb);
  }

  #compare(all = false): Fault {
    const log = this.#log;
    if (log.fault !== undefined) return log.fault;
    const { entries, partial, inFrame, over } = this.#reference;
    let i = all ? 0 : this.#entriesSeen;
    if (i < entries.length) this.#bytesSeen = 0;
    for (; i < entries.length || i < log.entries.length; i++) {
      if (!isSame(entries[i], log.entries[i], 0)) {
        return `entry: ${i} is ${showEntry(log.entries[i])} and not ${
          showEntry(entries[i])
        }`;
      }
    }
    this.#entriesSeen = i;
    const state = this.#state();
    if (this.#session.state !== state) {
      return `state: it is ${this.#session.state} and not ${state}`;
    }
    if (over) return undefined;
    if (!isSame(partial, log.partial, this.#bytesSeen)) {
      return `partial: it is ${showEntry(log.partial)} and not ${
        showEntry(partial)
      }`;
    }
    this.#bytesSeen = partial?.bytes.length ?? 0;
    if (inFrame === this.#session.inFrame) return undefined;
    return `inFrame: it is ${this.#session.inFrame} and not ${inFrame}`;
  }

  /** RFC 6455, section 7.1. */
  #state(): SessionLike["state"] {
    const last = this.#reference.entries.at(-1)?.what;
    const sent = this.#closeSent;
    // Behind the event `fail` it is the owner who fails the connection.
    if (this.#failed) return sent ? "closed" : "failed";
    if (last === "close") return sent ? "closed" : "closeReceived";
    return sent ? "closeSent" : "open";
  }
}

/** Whether two are equal, given that the first bytes are. */
function isSame(
  a: Pick<Entry, "code" | "bytes"> & { what?: string } | undefined,
  b: typeof a,
  from: number,
): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.what !== b.what || a.code !== b.code) return false;
  const { bytes } = a;
  const { bytes: others } = b;
  if (bytes.length !== others.length) return false;
  for (let i = from; i < bytes.length; i++) {
    if (bytes[i] !== others[i]) return false;
  }
  return true;
}

function showEntry(
  entry: Pick<Entry, "code" | "bytes"> & { what?: string } | undefined,
): string {
  if (entry === undefined) return "nothing";
  const { what = "", code, bytes } = entry;
  return `[${what} ${code} ${show(Uint8Array.from(bytes))}]`;
}
