/** Holds zlib, as we drive it, against the reference. */

import { openContexts } from "../../../../src/deflate/contexts.ts";
import { Inflater } from "../../../../src/deflate/inflater.ts";
import { inflateOnce } from "../../../../src/deflate/one_shot.ts";
import { ReadLimitError } from "../../../../src/errors.ts";
import { ProtocolError } from "../../../../src/peer_errors.ts";
import { join, show } from "../../../unit/protocol/recorder.ts";
import { chooseChunking, Chunking } from "../chunks.ts";
import type { Random } from "../random.ts";
import { type Inflated, ReferenceInflater } from "../reference/inflate.ts";
import type { Fault, Target } from "../target.ts";
import { aside } from "../turn_meter.ts";
import { deflateBytes } from "./deflate_bytes.ts";

const LIMITS: readonly number[] = [Infinity, 1, 2, 10, 257, 1000, 30_000];

/** The settings of an input: flags, limit, chunking. */
const SETTINGS = 3;

/** What is called; a planted bug is another one. */
export interface InflateParts {
  readonly inflateOnce: typeof inflateOnce;
  readonly makeInflater: (
    windowBits: number,
    takeover: boolean,
  ) => Pick<Inflater, "inflate" | "close">;
}

const REAL: InflateParts = {
  inflateOnce,
  makeInflater: (windowBits, takeover) => new Inflater(windowBits, takeover),
};

/** Compressed messages, one behind the other, each with its length before it. */
export function inflateTarget(parts: InflateParts = REAL): Target {
  return {
    name: "inflate",
    about: "inflating of compressed messages, with read limits",
    settings: SETTINGS,
    generate,
    check: (input) => check(input, parts),
    describe(input) {
      const { takeover, windowBits, limit, chunking, messages } = read(input);
      return `${takeover ? "with" : "without"} context takeover, ` +
        `${windowBits} bits, limit ${limit}, ${chunking}: ` +
        messages.map(show).join(", ");
    },
  };
}

function generate(random: Random): Uint8Array<ArrayBuffer> {
  const parts = [Uint8Array.of(
    random.below(2) | (random.oneIn(8) ? 9 + random.below(6) : 15) << 1,
    random.oneIn(2) ? 0 : random.below(LIMITS.length),
    chooseChunking(random),
  )];
  for (let i = random.oneIn(2) ? 1 : 1 + random.below(4); i > 0; i--) {
    const message = deflateBytes(random);
    parts.push(Uint8Array.of(message.length >> 8, message.length), message);
  }
  return join(parts);
}

function read(input: Uint8Array) {
  const [flags = 0, limit = 0, chunks = 0] = input;
  const messages: Uint8Array[] = [];
  for (let at = SETTINGS; at + 2 <= input.length;) {
    const end = at + 2 + input[at]! * 256 + input[at + 1]!;
    messages.push(input.subarray(at + 2, end));
    at = end;
  }
  return {
    takeover: (flags & 1) !== 0,
    windowBits: Math.max(9, Math.min(15, flags >> 1)),
    limit: LIMITS[limit % LIMITS.length]!,
    chunking: new Chunking(chunks),
    messages,
  };
}

async function check(
  input: Uint8Array<ArrayBuffer>,
  { inflateOnce, makeInflater }: InflateParts,
): Promise<Fault> {
  const { takeover, windowBits, limit, chunking, messages } = read(input);
  const reference = new ReferenceInflater(windowBits, takeover);
  const inflater = makeInflater(windowBits, takeover);
  const before = openContexts();
  let fault: Fault;
  for (const message of messages) {
    const expected = aside(() => reference.inflate(message, limit));
    if (!takeover && windowBits === 15) {
      const once = catching(() => inflateOnce(message, limit));
      if (!("undecided" in once) && !isHidden(message, expected, once)) {
        fault = compare("once", expected, once, limit);
      }
    }
    const streamed = await stream(inflater, message, limit, chunking);
    fault ??= compare("stream", expected, streamed, limit);
    // What it holds after a fault is for nobody.
    if (fault !== undefined || streamed.error !== undefined) break;
    if (expected.far) break;
  }
  inflater.close();
  if (fault === undefined && openContexts() > before) {
    fault = `contexts: ${openContexts() - before} are left open`;
  }
  return fault;
}

/**
 * Whether only the place of its last bits tells that a message is cut off: zlib
 * keeps that to itself. What it has made up shows where the last byte is none
 * of an empty block that ends with zeros.
 */
function isHidden(
  message: Uint8Array,
  { fault, bytes }: Inflated,
  once: Outcome,
): boolean {
  return fault === "cut off" &&
    ((message.at(-1) ?? 0) < 0x20 || once.bytes.length === bytes.length);
}

interface Outcome {
  readonly bytes: Uint8Array;
  readonly error?: unknown;
}

function catching(
  run: () => Uint8Array | undefined,
): Outcome | { readonly undecided: true } {
  try {
    const bytes = run();
    return bytes === undefined ? { undecided: true } : { bytes };
  } catch (error) {
    return { bytes: new Uint8Array(0), error };
  }
}

/** Inflates a message in pieces. */
async function stream(
  inflater: Pick<Inflater, "inflate">,
  message: Uint8Array,
  limit: number,
  chunking: Chunking,
): Promise<Outcome> {
  const parts: Uint8Array[] = [];
  const emit = (part: Uint8Array<ArrayBuffer>): undefined => {
    parts.push(part);
  };
  try {
    // The last piece of a message may be empty.
    for (const piece of chunking.cut(message)) {
      await inflater.inflate(piece, false, limit, emit);
    }
    await inflater.inflate(new Uint8Array(0), true, limit, emit);
  } catch (error) {
    return { bytes: join(parts), error };
  }
  return { bytes: join(parts) };
}

function compare(
  way: string,
  expected: Inflated,
  { bytes, error }: Outcome,
  limit: number,
): Fault {
  if (bytes.length > limit) {
    return `${way}, memory: ${bytes.length} bytes, past the limit of ${limit}`;
  }
  let outcome: string | undefined;
  if (error instanceof ReadLimitError) outcome = "limit";
  else if (error instanceof ProtocolError && error.code === 1007) {
    outcome = "corrupt";
  } else if (error !== undefined) throw error;
  // Past the window zlib sees what it happens to have.
  if (expected.far) return undefined;
  const { fault } = expected;
  // Of two faults either may be seen first; behind the end is no data.
  const right = fault === undefined
    ? outcome === undefined
    : fault === "corrupt"
    ? outcome === "corrupt"
    : outcome !== undefined;
  if (!right) {
    return `${way}, outcome: ${outcome ?? "well"} and not ${fault ?? "well"}`;
  }
  const whole = error === undefined;
  const same = bytes.every((byte, i) => byte === expected.bytes[i]) &&
    (!whole || bytes.length === expected.bytes.length);
  if (same || fault === "cut off") return undefined;
  return `${way}, bytes: ${show(bytes)} and not ${
    show(Uint8Array.from(expected.bytes))
  }`;
}
