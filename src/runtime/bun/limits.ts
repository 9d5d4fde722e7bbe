/** The limits that all connections of a server have in common. */
export interface ServerLimits {
  /** Bun's `maxPayloadLength`. */
  readonly readLimit: number;
  /** Bun's `backpressureLimit`. */
  readonly writeLimit: number;
}

// The largest that Bun's integers take.
const MAX_LIMIT = 2 ** 32 - 1;

/**
 * A limit as Bun takes it.
 *
 * @param bytes The limit, or `Infinity`
 * @returns The limit, or the largest that Bun takes
 */
export function clampLimit(bytes: number): number {
  return Math.min(bytes, MAX_LIMIT);
}
