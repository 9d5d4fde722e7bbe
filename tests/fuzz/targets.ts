import type { Target } from "./target.ts";
import { decoderTarget, framesTarget } from "./targets/decoder.ts";

/** All that is fuzzed. */
export const TARGETS: readonly Target[] = [
  decoderTarget(),
  framesTarget(),
];
