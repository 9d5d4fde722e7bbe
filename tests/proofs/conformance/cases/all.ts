import type { Group } from "../case.ts";
import { closing } from "./closing.ts";
import { compressedData, compressionParameters } from "./compression.ts";
import { fragmentation } from "./fragmentation.ts";
import { framing } from "./framing.ts";
import { limits } from "./limits.ts";
import { misc } from "./misc.ts";
import { pings } from "./pings.ts";
import { reservedBits, reservedOpcodes } from "./reserved.ts";
import { utf8 } from "./utf8.ts";

/** All cases, in the order of their numbers. */
export const GROUPS: readonly Group[] = [
  framing,
  pings,
  reservedBits,
  reservedOpcodes,
  fragmentation,
  utf8,
  closing,
  limits,
  misc,
  compressedData,
  compressionParameters,
];
