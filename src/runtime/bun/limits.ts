/** The limits that all connections of a server share. */
export interface ServerLimits {
  /** Bun's `maxPayloadLength`. */
  readonly readLimit: number;
  /** Bun's `backpressureLimit`. */
  readonly writeLimit: number;
}

// The largest number that Bun accepts.
const MAX_LIMIT = 2 ** 32 - 1;

/**
 * A limit in the form that Bun accepts.
 *
 * @param bytes The limit, or `Infinity`
 * @returns The limit, or the largest one that Bun accepts
 */
export function clampLimit(bytes: number): number {
  return Math.min(bytes, MAX_LIMIT);
}
