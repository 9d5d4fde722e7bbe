/**
 * Streams that acknowledge a write while it still waits below them: to a peer
 * that reads nothing, all would be written, without bound.
 */

import type { ServerHttp2Stream } from "node:http2";
import { Socket } from "node:net";
import { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

import { nativeRuntime } from "../detect.ts";
import { isHttp2Stream } from "./http2_stream.ts";

type Session = NonNullable<ServerHttp2Stream["session"]>;

/** What lies below a stream and has to take its writes. */
export type Below = Session | Duplex;

// On Deno those of HTTP/2, in the socket of their session. On Bun those of TLS
// over a duplex, such as one that goes through a proxy.
const runtime = nativeRuntime();

/**
 * What has to take the writes of a stream, which acknowledges them earlier.
 *
 * @param stream The stream
 * @param duplex What it was laid over, if that is known
 * @returns What lies below; `undefined` where the stream waits for it itself
 */
export function belowOf(stream: Duplex, duplex?: Duplex): Below | undefined {
  if (runtime === "deno" && isHttp2Stream(stream)) {
    return (stream as ServerHttp2Stream).session;
  }
  if (runtime !== "bun" || !(stream instanceof TLSSocket)) return undefined;
  const below = duplex ?? upgraded(stream);
  // Bun speaks TLS on a socket of TCP itself, and not through its writes.
  const isTCP = below instanceof Socket && !(below instanceof TLSSocket);
  return isTCP ? undefined : below;
}

// Where Bun keeps it; the user has made the stream.
function upgraded(stream: TLSSocket): Duplex | undefined {
  const key = Object.getOwnPropertySymbols(stream)
    .find(({ description }) => description === "kupgraded");
  if (key === undefined) return undefined;
  const below = (stream as unknown as Record<symbol, unknown>)[key];
  return below instanceof Duplex ? below : undefined;
}

const waiting = new WeakMap<Below, (() => void)[]>();

/**
 * Calls back once there is room again below a stream.
 *
 * @param below What lies below it
 * @param go Called at once where there is room; never where what lies below
 * is cut, and the stream with it
 */
export function whenTaken(below: Below, go: () => void): void {
  const duplex = below instanceof Duplex ? below : socketOf(below);
  if (duplex?.writableNeedDrain !== true) return go();
  const others = waiting.get(below);
  if (others !== undefined) return void others.push(go);
  const all = [go];
  waiting.set(below, all);
  // Once it has been told to end, it has no `drain` any more.
  const taken = () => {
    duplex.off("drain", taken).off("finish", taken);
    waiting.delete(below);
    for (const go of all) go();
  };
  duplex.on("drain", taken).on("finish", taken);
}

function socketOf(session: Session): Duplex | undefined {
  try {
    return session.socket;
  } catch {
    return undefined; // of a session that has ended
  }
}
