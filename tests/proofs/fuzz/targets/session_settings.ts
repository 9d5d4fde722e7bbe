import { Chunking } from "../chunks.ts";

/** Read limits, about the edges of what is generated. */
export const LIMITS: readonly number[] = [
  Infinity,
  1,
  5,
  125,
  126,
  300,
  1000,
  65_535,
  65_536,
  2 ** 31,
  Number.MAX_SAFE_INTEGER,
];

/** The settings of an input: its first bytes. */
export const SETTINGS = 4;

/** How a session is tried. */
export interface Settings {
  readonly side: "server" | "client";
  readonly rsv1: boolean;
  readonly jsc: boolean;
  /** Input is held behind some events, and released at once. */
  readonly holds: boolean;
  /** Chunks are given back. */
  readonly frees: boolean;
  /** Some chunks are pushed from inside of events. */
  readonly nests: boolean;
  /** Chunks are parts of one buffer, where others have each their own. */
  readonly slices: boolean;
  readonly readLimit: number;
  readonly chunking: Chunking;
  /** What happens between chunks; 0 for nothing. */
  readonly script: number;
}

/** Reads them. */
export function settingsOf(input: Uint8Array): Settings {
  const [flags = 0, limit = 0, chunks = 0, script = 0] = input;
  return {
    side: flags & 1 ? "client" : "server",
    rsv1: (flags & 2) !== 0,
    jsc: (flags & 4) !== 0,
    holds: (flags & 8) !== 0,
    frees: (flags & 16) !== 0,
    nests: (flags & 32) !== 0,
    slices: (flags & 64) !== 0,
    readLimit: LIMITS[limit % LIMITS.length]!,
    chunking: new Chunking(chunks),
    script,
  };
}
