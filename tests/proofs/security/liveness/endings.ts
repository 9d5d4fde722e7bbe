/**
 * What the other end does. Each begins while the handler is under way, unless
 * its bytes stand in the request's own segment. A line makes an ending.
 */

import { closePayload, maskedFrame } from "../../../support/raw_peer.ts";
import { hex } from "../../../support/helper.ts";
import type { Peer } from "./peer.ts";

/** What an ending has to do with, at least. */
export interface Player {
  readonly peer: Peer;
  /** A small message, compressed where that was agreed on. */
  readonly message: Uint8Array;
}

/** What an ending has to do with while the server stays. */
export interface Scene extends Player {
  /** Waits for something for which the server has some seconds. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Waits until so many more GETs have been answered. */
  answers(count: number): Promise<void>;
  /** Waits until the server has no connection any more. */
  gone(): Promise<void>;
}

/** What the other end does, and when. */
export type Ending = Leaving | Stopping;

/** The other end ends the connection, or the server does. */
export interface Leaving extends Common {
  readonly run: (scene: Scene) => Promise<void> | void;
  readonly shutdown?: undefined;
}

/** The server shuts down. */
export interface Stopping extends Common {
  /** What the other end does behind the call of `shutdown()`. */
  readonly run: (player: Player) => void;
  /** Where it is the only connection, or another one was cut before. */
  readonly shutdown: "alone" | "after a cut";
}

interface Common {
  readonly name: string;
  /** The row of the attack list. */
  readonly row: number;
  /** Sent in the request's segment. */
  readonly early?: Uint8Array;
  /** Whether the server gives silent peers up soon. */
  readonly impatient?: boolean;
  /** Where the runtime alone does not meet a rule. */
  readonly hopeless?: readonly string[];
}

/** A close frame with code 1000. */
export const CLOSE: Uint8Array = maskedFrame(8, closePayload(1000));
// An opcode that is reserved (RFC 6455, section 5.2).
const BAD = hex("83 80 00 00 00 00");
const EMPTY_FRAGMENT = maskedFrame(0, "", false);
const PING = maskedFrame(9, "p");
const PONG = maskedFrame(10, "p");
// Deno.upgradeWebSocket reads one after the other without an end of its turn,
// and has no pause. Of empty fragments it reads for 65 ms in each turn; a GET
// takes three turns, and a dozen beside a handler that writes: 0.8 s with
// nothing of ours.
const HANGS_DENO = { hopeless: ["native on deno"] } as const;
/** So many GETs are answered while the other end is at it. */
const MEANWHILE = 5;

/** All of them. Those that end the server stand last. */
export const ENDINGS: readonly Ending[] = [
  // It goes.
  ending(61, "FIN", async (scene) => {
    scene.peer.end();
    await ended(scene);
  }),
  ending(61, "RST", ({ peer }) => peer.reset()),
  ending(61, "leaves", ({ peer }) => peer.leave()),
  ending(61, "close frame and leaves", ({ peer }) => peer.sendAndLeave(CLOSE)),
  ending(61, "polite close", closes),
  ending(61, "bad frame", async (scene) => {
    scene.peer.send(BAD);
    await ended(scene);
  }),
  ending(61, "bad frame and leaves", ({ peer }) => peer.sendAndLeave(BAD)),
  ending(61, "early close frame", ended, { early: CLOSE }),
  ending(61, "early close frame and leaves", ({ peer }) => peer.leave(), {
    early: CLOSE,
  }),
  ending(61, "early bad frame", ended, { early: BAD }),
  ending(61, "early FIN", async (scene) => {
    scene.peer.end();
    await ended(scene);
  }, { early: new Uint8Array(0) }),

  // It stays.
  ending(62, "reads on", meanwhile),
  ending(62, "reads on, then a polite close", async (scene) => {
    await scene.answers(MEANWHILE);
    await closes(scene);
  }),
  ending(63, "floods with messages", async (scene) => {
    scene.peer.flood(scene.message);
    await meanwhile(scene);
  }, HANGS_DENO),
  ending(63, "floods with messages, reads nothing", async (scene) => {
    scene.peer.stall();
    scene.peer.flood(scene.message);
    await meanwhile(scene);
  }, HANGS_DENO),
  ending(63, "floods with pings", async (scene) => {
    scene.peer.flood(PING);
    await meanwhile(scene);
  }),
  ending(63, "floods with pongs", async (scene) => {
    scene.peer.flood(PONG);
    await meanwhile(scene);
  }, HANGS_DENO),
  ending(63, "floods with empty fragments", async (scene) => {
    scene.peer.send(maskedFrame(1, "", false));
    scene.peer.flood(EMPTY_FRAGMENT);
    await meanwhile(scene);
  }, HANGS_DENO),
  ending(64, "stalls, then leaves", async (scene) => {
    scene.peer.stall();
    await meanwhile(scene);
  }),
  ending(64, "stalls, then reads on", async (scene) => {
    scene.peer.stall();
    await scene.answers(MEANWHILE);
    scene.peer.resume();
    await meanwhile(scene);
  }),

  // The server has enough of it.
  ending(64, "stalls until a time-out", async (scene) => {
    scene.peer.stall();
    await scene.gone();
    scene.peer.leave();
  }, { impatient: true }),
  stopping("shutdown()", "alone", ({ peer }) => peer.send(CLOSE)),
  stopping("shutdown(), stalled", "alone", ({ peer }) => peer.stall()),
  stopping("shutdown(), flooded", "alone", ({ peer, message }) => {
    peer.flood(message);
  }),
  stopping("a cut, then shutdown()", "after a cut", ({ peer }) => {
    peer.send(CLOSE);
  }),
];

function ending(
  row: number,
  name: string,
  run: Leaving["run"],
  extra: Pick<Leaving, "early" | "impatient" | "hopeless"> = {},
): Leaving {
  return { row, name, run, ...extra };
}

function stopping(
  name: string,
  shutdown: Stopping["shutdown"],
  run: Stopping["run"],
): Stopping {
  // Deno's timer of its own pings outlives a connection that was cut, by half of
  // the idleTimeout, and keeps the process so long.
  return { row: 66, name, run, shutdown, impatient: true };
}

/** Reads on while GETs are answered, and leaves. */
async function meanwhile(scene: Scene): Promise<void> {
  await scene.answers(MEANWHILE);
  scene.peer.leave();
}

async function closes(scene: Scene): Promise<void> {
  scene.peer.send(CLOSE);
  await ended(scene);
}

/** The server ends the connection, and so does the peer. */
async function ended({ peer, until }: Scene): Promise<void> {
  await until(() => peer.ended, "the server did not end the connection");
  peer.leave();
}
