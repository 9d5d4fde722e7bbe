/**
 * What the behaviours of `Conn` run over: a transport, with a peer of frames at
 * its other end.
 *
 * @module
 */

import type { Conn } from "../../src/conn/conn.ts";
import type { ConnOptions } from "../../src/conn/options.ts";
import type {
  Capabilities,
  Capability,
  Engine,
  Side,
} from "../../src/transport/transport.ts";
import { test } from "../support/helper.ts";
import type { RawPeer } from "../support/raw_peer.ts";

/** A connection under test, and its peer. */
export interface Link {
  /** The side under test. */
  readonly conn: Conn;
  /** The other side. */
  readonly peer: RawPeer;
  /** More bytes than the network between the two can hold. */
  readonly inFlight: number;
  /** Ends what the fixture has beside the two, such as a server. */
  release?(): void | PromiseLike<void>;
}

/** The event loop has turned: what was ready has happened. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Resolves when the condition holds. */
export async function until(
  condition: () => boolean,
  what: string,
): Promise<void> {
  const end = performance.now() + 8_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Never came: ${what}`);
    await turn();
  }
}

/** Whether the promise is still pending after many turns of the event loop. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  const settled = () => void (pending = false);
  promise.then(settled, settled);
  for (let i = 0; i < 50 && pending; i++) await turn();
  return pending;
}

// Small enough to be copied, so that none of them is under way by reference.
const FILLER = 16_000;

/**
 * Stops the peer and sends until nothing can go out any more; the result lets
 * the peer read on and takes the messages that were sent.
 */
export async function block({ conn, peer, inFlight }: Link): Promise<
  () => Promise<void>
> {
  peer.pause();
  const count = Math.ceil(inFlight / FILLER) + 20;
  const filler = new Uint8Array(FILLER);
  for (let i = 0; i < count; i++) conn.send(filler);
  // What the stream can take it has taken.
  for (let amount = -1; amount !== conn.bufferedAmount;) {
    amount = conn.bufferedAmount;
    for (let i = 0; i < 10; i++) await turn();
  }
  return async () => {
    peer.resume();
    for (let i = 0; i < count; i++) {
      const { length } = await peer.nextMessage();
      if (length !== FILLER) throw new Error(`Expected filler, got ${length}`);
    }
  };
}

/** A transport to run the behaviours over. */
export interface Fixture {
  /** What the tests' names begin with. */
  readonly name: string;
  /** The engine under test. */
  readonly engine: Engine;
  /** The side under test. */
  readonly side: Side;
  /** What the engine declares; behaviours that need more are skipped. */
  readonly capabilities: Capabilities;
  /** The runtime that it needs. Default: runs on both. */
  readonly only?: "deno" | "bun";
  /** Connects. */
  open(options: ConnOptions): Promise<Link>;
}

/** What a behaviour takes beside its name and body. */
export interface BehaviourOptions extends ConnOptions {
  /** The capabilities that it is about. */
  readonly needs?: readonly Capability[];
  /** The engine that it is about: runtimes fail a peer in ways of their own. */
  readonly engine?: Engine;
}

/** Registers a behaviour over a transport. */
export type It = (
  name: string,
  body: (link: Link) => void | Promise<void>,
  options?: BehaviourOptions,
) => void;

/** How the behaviours of a transport are registered. */
export function behaviours(fixture: Fixture): It {
  return (name, body, options = {}) => {
    const { needs = [], engine, ...connOptions } = options;
    const lacks: string[] = needs.filter((name) => !fixture.capabilities[name]);
    if (engine !== undefined && engine !== fixture.engine) {
      lacks.push(`the ${engine} engine`);
    }
    const run = async () => {
      const link = await fixture.open({ keepAlive: false, ...connOptions });
      try {
        await body(link);
      } finally {
        link.conn.terminate();
        link.peer.destroy();
        await link.release?.();
        await link.conn.closed;
        await link.peer.closed;
      }
    };
    test(`${fixture.name}: ${name}`, run, {
      ...(fixture.only === undefined ? {} : { only: fixture.only }),
      ...(lacks.length === 0 ? {} : { lacks: lacks.join(", ") }),
    });
  };
}
