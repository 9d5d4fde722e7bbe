/** What a case is, and the words that the tables of cases are written in. */

import { type Frame, toBytes } from "../../support/frames.ts";
import type { Received } from "./inbox.ts";

/** A part of a frame: payload bytes of it, the header with the first of them. */
export interface Part {
  readonly part: Frame;
  readonly from: number;
  readonly to: number;
}

/** A message: compressed where that was agreed on, and cut into fragments. */
export interface MessageStep {
  readonly message: 1 | 2;
  readonly data: string | Uint8Array;
  /** Bytes of a fragment. Default: one frame. */
  readonly fragment?: number;
}

/** Goes on when so many events have come from the target. */
export interface Until {
  readonly until: number;
}

/**
 * Goes on only if the target has not failed the connection by now: what follows
 * is for targets that see too late that they must.
 */
export const HOLD = "hold";

/** What the peer does next. */
export type Step = Frame | Part | MessageStep | Until | typeof HOLD;

/** How the connection is to end. */
export type End =
  /** The peer closes with 1000 when all has come; the target answers so. */
  | { readonly by: "peer" }
  /** The peer's close frame is sent by a step; the codes that may answer it. */
  | { readonly by: "step"; readonly codes: readonly number[] }
  /** The target fails the connection, with one of the codes. */
  | { readonly by: "target"; readonly codes: readonly number[] };

/** What is sent, and what is to come of it. */
export interface Script {
  readonly sends: Iterable<Step>;
  readonly expects: Iterable<Received>;
  readonly end: End;
}

/** How what is sent is cut: by bytes, by frames, or not at all. */
export type Chunks = "whole" | "frames" | number;

/** What permessage-deflate is agreed on with. */
export interface Agreement {
  /** What the peer offers to a server. */
  readonly offers: string;
  /** What the peer answers to a client that has offered to take anything. */
  readonly answers: string;
  /** Whether the target's options are the defaults, or keep all contexts. */
  readonly options: "default" | "takeover";
}

/** One case. */
export interface Case {
  /** Its number in the Autobahn test suite. */
  readonly id: string;
  /** What the peer sends. */
  readonly sends: string;
  readonly script: (full: boolean) => Script;
  /** Each is a run of its own. */
  readonly chunks: readonly Chunks[];
  readonly compression?: Agreement;
  /** The RFC does not say what must come of it. */
  readonly open?: boolean;
}

/** Cases of one chapter. */
export interface Group {
  readonly number: number;
  readonly name: string;
  readonly cases: readonly Case[];
}

const SMALL: readonly Chunks[] = ["whole", "frames", 1];
/** One byte at a time would take too long. */
export const LARGE: readonly Chunks[] = ["whole", 997];
const NORMAL = 1000;

/** What sets a case apart from most. */
export type CaseOptions = Partial<Pick<Case, "chunks" | "open">>;

/** All that is expected comes, then the peer closes. */
export function echoes(
  id: string,
  sends: string,
  steps: readonly Step[],
  expects: readonly Received[],
  options: CaseOptions = {},
): Case {
  return fixed(id, sends, steps, expects, { by: "peer" }, options);
}

/** The peer closes among other things, and is answered with one of the codes. */
export function closes(
  id: string,
  sends: string,
  steps: readonly Step[],
  codes: readonly number[] = [NORMAL],
  options: CaseOptions & { expects?: readonly Received[] } = {},
): Case {
  const { expects = [], ...rest } = options;
  return fixed(id, sends, steps, expects, { by: "step", codes }, rest);
}

/** The target fails the connection, after what is expected has come. */
export function fails(
  id: string,
  sends: string,
  steps: readonly Step[],
  codes: readonly number[] = [1002],
  options: CaseOptions & { expects?: readonly Received[] } = {},
): Case {
  const { expects = [], ...rest } = options;
  return fixed(id, sends, steps, expects, { by: "target", codes }, rest);
}

function fixed(
  id: string,
  sends: string,
  steps: readonly Step[],
  expects: readonly Received[],
  end: End,
  options: CaseOptions,
): Case {
  const script = { sends: steps, expects, end };
  return { id, sends, script: () => script, chunks: SMALL, ...options };
}

// Frames to send

export function text(payload: string | Uint8Array = "", fin = true): Frame {
  return { opcode: 1, payload, fin };
}

export function binary(payload: Uint8Array): Frame {
  return { opcode: 2, payload };
}

export function more(payload: string | Uint8Array = "", fin = false): Frame {
  return { opcode: 0, payload, fin };
}

export function ping(payload: string | Uint8Array = ""): Frame {
  return { opcode: 9, payload };
}

export function pong(payload: string | Uint8Array = ""): Frame {
  return { opcode: 10, payload };
}

export function close(code: number, reason: string | Uint8Array = ""): Frame {
  const payload = new Uint8Array([code >> 8, code & 0xff, ...toBytes(reason)]);
  return { opcode: 8, payload };
}

/** A message as frames of one size; the last may be shorter. */
export function inFragments(
  opcode: 1 | 2,
  data: string | Uint8Array,
  size: number,
): Frame[] {
  const bytes = toBytes(data);
  const frames: Frame[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += size) {
    frames.push({
      opcode: at === 0 ? opcode : 0,
      payload: bytes.subarray(at, at + size),
      fin: at + size >= bytes.length,
    });
  }
  return frames;
}

// What comes back

export function theText(payload: string | Uint8Array): Received {
  return { type: "text", payload };
}

export function theBinary(payload: Uint8Array): Received {
  return { type: "binary", payload };
}

export function thePong(payload: string | Uint8Array = ""): Received {
  return { type: "pong", payload };
}

/** So many bytes, all the same. */
export function filled(size: number, byte: number): Uint8Array {
  return new Uint8Array(size).fill(byte);
}
