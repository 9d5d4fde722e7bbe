/**
 * `src/testing/mod.ts` for the snippets of the documentation: connections whose
 * ends are late, and a list of them.
 */

import type { Conn } from "../../../src/conn/conn.ts";
import * as testing from "../../../src/testing/mod.ts";

export * from "../../../src/testing/mod.ts";

/** The connections that have been made. */
export const made: Conn[] = [];

const LATENCY = 20;

/** The pipe; one end is over milliseconds after the other. */
export function pipe(
  options: testing.PipeOptions = {},
): ReturnType<typeof testing.pipe> {
  const ends = testing.pipe({ latency: LATENCY, ...options });
  made.push(...ends);
  return ends;
}

/** The connection and its peer, which take no time: a pipe is not over then. */
export function rawPeer(
  options: testing.RawPeerOptions,
): ReturnType<typeof testing.rawPeer> {
  const [conn, peer] = testing.rawPeer(options);
  made.push(conn);
  return [conn, peer];
}
