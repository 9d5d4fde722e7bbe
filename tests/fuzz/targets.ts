import type { Target } from "./target.ts";
import { inflateTarget } from "./targets/inflate.ts";
import { decoderTarget, framesTarget } from "./targets/decoder.ts";

/** All that is fuzzed. */
export const TARGETS: readonly Target[] = [
  decoderTarget(),
  framesTarget(),
  inflateTarget(),
];
