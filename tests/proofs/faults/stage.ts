/** Two real ends, a server and a dialer, with faulty links between them. */

import type { Conn } from "../../../src/conn/conn.ts";
import type { ConnOptions } from "../../../src/conn/options.ts";
import { Dialer } from "../../../src/client/dialer.ts";
import { serve, type Server } from "../../../src/server/serve.ts";
import type { Engine, Side } from "../../../src/transport/transport.ts";
import { portOf } from "../../support/servers.ts";
import { withTimeout } from "../../support/helper.ts";
import { FaultyLink, type Plan } from "./faulty_link.ts";
import { findLandmarks, type Profile } from "./landmarks.ts";
import {
  finish,
  FRAGMENT,
  observe,
  runClient,
  runServer,
  type Seen,
} from "./session.ts";

/** How long the ends wait, in milliseconds. */
export interface Times {
  /** The dialer, for the handshake. */
  readonly dial: number;
  /** The server, for its part of it. */
  readonly upgrade: number;
  readonly keepAlive: { readonly interval: number; readonly timeout: number };
  readonly close: number;
  /** What all of it may take together. */
  readonly all: number;
}

/** For faults that the ends are told of: none of these times passes. */
export const PATIENT: Times = {
  dial: 60_000,
  upgrade: 60_000,
  keepAlive: { interval: 60_000, timeout: 60_000 },
  close: 60_000,
  all: 50_000,
};

/**
 * The same for native engines: Deno tells nothing of a peer that is gone when
 * it upgrades, so that a handshake's time passes.
 */
export const PATIENT_NATIVE: Times = { ...PATIENT, upgrade: 4_000 };

/** For stalls, which only time shows; enough for a session on a busy machine. */
export const HASTY: Times = {
  dial: 4_000,
  upgrade: 4_000,
  keepAlive: { interval: 2_000, timeout: 2_000 },
  close: 2_000,
  all: 50_000,
};

/** A session over a link, when it is over. */
export interface Run {
  readonly plan: Plan | undefined;
  readonly link: FaultyLink;
  /** What the dial rejected with. */
  dialError: unknown;
  client: Seen | undefined;
  server: Seen | undefined;
  /** What the server's `onError` was told. */
  readonly reported: unknown[];
}

/** A server, a dialer and the sessions between them. */
export class Stage implements AsyncDisposable {
  readonly engine: Engine;
  /** Who begins the closing handshake. */
  readonly closer: Side;
  readonly #times: Times;
  readonly #dialer: Dialer;
  readonly #runs = new Map<string, Run>();
  readonly #runOf = new WeakMap<Conn, Run>();
  readonly #parts = new Set<Promise<void>>(); // of the server, to be finished
  #server!: Server;
  #count = 0;

  private constructor(engine: Engine, closer: Side, times: Times) {
    this.engine = engine;
    this.closer = closer;
    this.#times = times;
    this.#dialer = new Dialer(this.#optionsFor(times.dial));
  }

  static async open(
    engine: Engine,
    closer: Side,
    times: Times,
  ): Promise<Stage> {
    const stage = new Stage(engine, closer, times);
    stage.#server = await serve((conn, request) => stage.#take(conn, request), {
      port: 0,
      hostname: "127.0.0.1",
      engine,
      upgrader: stage.#optionsFor(times.upgrade),
      onError: (error, conn) => {
        if (conn === undefined) throw error;
        stage.#runOf.get(conn)?.reported.push(error);
      },
    });
    return stage;
  }

  /** What a session without a fault carries. */
  async profile(): Promise<Profile> {
    const toServer: number[] = [];
    const toClient: number[] = [];
    await this.run(undefined, (link) => {
      link.record = (direction, chunk) => {
        (direction === "to the server" ? toServer : toClient).push(...chunk);
      };
    });
    return {
      "to the server": findLandmarks(new Uint8Array(toServer)),
      "to the client": findLandmarks(new Uint8Array(toClient)),
    };
  }

  /** A session over a link with a fault, until both ends have gone. */
  async run(
    plan?: Plan,
    prepare?: (link: FaultyLink) => void,
  ): Promise<Run> {
    const link = await FaultyLink.open(portOf(this.#server), plan);
    prepare?.(link);
    const run: Run = {
      plan,
      link,
      dialError: undefined,
      client: undefined,
      server: undefined,
      reported: [],
    };
    // Of one length, so that all requests are.
    const path = `/${String(++this.#count).padStart(6, "0")}`;
    this.#runs.set(path, run);
    const over = this.#play(run, `ws://127.0.0.1:${link.port}${path}`);
    try {
      await withTimeout(over, this.#times.all, `the end of ${describe(plan)}`);
    } finally {
      this.#runs.delete(path);
      link.destroy();
    }
    return run;
  }

  /** Resolves when the server is done with all of its connections. */
  async idle(): Promise<void> {
    const conns = Array.from(this.#server.conns, (conn) => conn.closed);
    await withTimeout(
      Promise.all([...this.#parts, ...conns]),
      this.#times.all,
      "the server's ends",
    );
    if (this.#server.conns.size > 0) {
      throw new Error(`${this.#server.conns.size} connections are left`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  /** For either end. */
  #optionsFor(handshakeTimeout: number): ConnOptions & {
    readonly handshakeTimeout: number;
    readonly enableCompression: boolean;
  } {
    const { keepAlive, close } = this.#times;
    return {
      handshakeTimeout,
      keepAlive,
      closeTimeout: close,
      enableCompression: true,
      // So that nextWriter() sends more than one fragment.
      writeBufferSize: FRAGMENT,
    };
  }

  async #play(run: Run, url: string): Promise<void> {
    try {
      const { conn } = await this.#dialer.dial(url);
      const seen = run.client = observe(conn);
      await finish(seen, runClient(seen, this.closer === "client"));
    } catch (error) {
      run.dialError = error;
    }
    await Promise.all([run.link.gone("client"), this.#serverGone(run)]);
  }

  async #serverGone({ link, server, plan }: Run): Promise<void> {
    if (this.engine === "wire") return await link.gone("server");
    // Deno.serve waits for a request as long as it takes.
    if (server === undefined) return;
    const { conn } = server;
    await conn.closed;
    // It keeps the socket of a peer that has left without a word.
    const keeps = plan?.fault === "stall" && !conn.capabilities.terminate;
    if (!keeps) await link.gone("server");
  }

  async #take(conn: Conn, request: Request): Promise<void> {
    const run = this.#runs.get(new URL(request.url).pathname);
    if (run === undefined) return; // its client has gone
    this.#runOf.set(conn, run);
    const seen = run.server = observe(conn);
    const script = runServer(seen, this.closer === "server");
    const part = finish(seen, script);
    this.#parts.add(part);
    part.then(() => this.#parts.delete(part));
    await script;
  }
}

/** A plan in words. */
export function describe(plan: Plan | undefined): string {
  if (plan === undefined) return "a session without a fault";
  const { fault, direction, offset } = plan;
  return `${fault} ${direction} behind byte ${offset}`;
}
