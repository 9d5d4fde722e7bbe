import type { Target } from "../target.ts";
import { type MakeSession, sessionTarget } from "./session.ts";
import { changedFrames, looseBytes } from "./wire_bytes.ts";

/** Arbitrary bytes in arbitrary chunks. */
export function decoderTarget(make?: MakeSession): Target {
  return sessionTarget(
    "decoder",
    "the frame decoder, under arbitrary bytes",
    looseBytes,
    make,
  );
}

/** Sequences of frames. */
export function framesTarget(make?: MakeSession): Target {
  return sessionTarget(
    "frames",
    "the session, under sequences of frames that are changed",
    changedFrames,
    make,
  );
}
