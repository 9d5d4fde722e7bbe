import type { Target } from "../target.ts";
import { sessionTarget } from "./session.ts";
import type { MakeSession } from "./session_trial.ts";
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
