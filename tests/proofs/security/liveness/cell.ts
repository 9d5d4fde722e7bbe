/**
 * Runs a cell by the rules: a GET is answered within a second at any moment,
 * the server is idle after the last peer has gone, nothing is left.
 */

import { constants, deflateRawSync } from "node:zlib";

import { encodeRawFrame } from "../../../../src/testing/raw_frame.ts";
import { maskedFrame } from "../../../support/raw_peer.ts";
import type { Leaving, Scene, Stopping } from "./endings.ts";
import type { Peer } from "./peer.ts";
import type { Cell, Place } from "./plan.ts";
import { ServerProcess, upgradeRequest, Violation } from "./server_process.ts";

/** What every shape of a reader can do something with. */
const MESSAGE = maskedFrame(1, "1");
const COMPRESSED_MESSAGE = encodeRawFrame({
  opcode: 1,
  rsv: 4,
  // Without the end of a last block (RFC 7692, section 7.2.1).
  payload: deflateRawSync("1", { finishFlush: constants.Z_SYNC_FLUSH })
    .subarray(0, -4),
}, "client");
/** What every handler begins with. */
const HELLOS = 3;
/** So many GETs are answered after the end. */
const AFTERWARDS = 3;
/** Seconds for what takes time-outs of the server. */
const END_LIMIT = 3;

/** What became of a cell: `undefined` for green, or the reason. */
export type Verdict = string | undefined;

/** Server processes, each used for many cells until one is red. */
export class Servers implements AsyncDisposable {
  readonly #bun: readonly string[];
  readonly #running: Map<string, ServerProcess> = new Map();

  /** With the command of Bun. */
  constructor(bun: readonly string[]) {
    this.#bun = bun;
  }

  /** Runs a cell. */
  async run(place: Place, cell: Cell): Promise<Verdict> {
    const { ending } = cell;
    const shutdown = ending.shutdown !== undefined;
    const impatient = ending.impatient ?? false;
    const key = `${place.engine} ${place.runtime} ${impatient}`;
    // Of the cells before, nothing that keeps the process is to be seen.
    if (shutdown) await this.#end(key);
    let server = this.#running.get(key);
    if (server === undefined) {
      server = await ServerProcess.start(place, impatient, this.#bun);
      this.#running.set(key, server);
    }
    let verdict: Verdict;
    try {
      if (ending.shutdown === undefined) {
        await runEnding(server, cell, ending);
      } else {
        await runShutdown(server, cell, ending);
      }
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      verdict = error.message;
    } finally {
      // Whatever has happened, what is left is killed.
      if (shutdown || verdict !== undefined) await this.#end(key);
    }
    return verdict;
  }

  /** Ends them: what runs on another shape is another process. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const key of this.#running.keys()) await this.#end(key);
  }

  async #end(key: string): Promise<void> {
    const server = this.#running.get(key);
    this.#running.delete(key);
    await server?.[Symbol.asyncDispose]();
  }
}

/** Asks by one GET after the other. */
class Prober {
  answered = 0;
  readonly #server: ServerProcess;
  readonly #done: Promise<void>;
  #over = false;
  #fault: unknown;

  constructor(server: ServerProcess) {
    this.#server = server;
    this.#done = this.#ask();
  }

  /**
   * Throws what a GET has met.
   *
   * @throws {Violation} If one was not answered
   */
  readonly check = (): void => {
    if (this.#fault !== undefined) throw this.#fault;
  };

  /** Asks no more. */
  async stop(): Promise<void> {
    this.#over = true;
    await this.#done;
  }

  async #ask(): Promise<void> {
    try {
      while (!this.#over) {
        await this.#server.get();
        this.answered++;
      }
    } catch (error) {
      this.#fault = error;
    }
  }
}

async function runEnding(
  server: ServerProcess,
  cell: Cell,
  ending: Leaving,
): Promise<void> {
  const { shape } = cell;
  const peer = server.connect();
  try {
    await begin(server, cell, peer);
    const prober = new Prober(server);
    try {
      const scene = sceneOf(server, cell, peer, prober);
      await ending.run(scene);
      await scene.answers(AFTERWARDS);
    } finally {
      peer.leave();
      await prober.stop();
    }
    prober.check();
  } finally {
    peer.leave();
  }
  if (shape.stubborn) await server.get("/release");
  await server.assertNothingLeft();
  await server.assertIdle();
}

function sceneOf(
  server: ServerProcess,
  cell: Cell,
  peer: Peer,
  prober: Prober,
): Scene {
  return {
    peer,
    message: messageOf(cell),
    until: (condition, what) =>
      server.until(condition, what, END_LIMIT, prober.check),
    answers: (count) => {
      const enough = prober.answered + count;
      return server.until(
        () => prober.answered >= enough,
        `${count} GETs are not answered`,
        // Each has a second of its own.
        2 * count,
        prober.check,
      );
    },
    gone: () =>
      server.until(
        async () => (await server.get()).conns === 0,
        "the server keeps the connection",
        END_LIMIT,
        prober.check,
      ),
  };
}

async function runShutdown(
  server: ServerProcess,
  cell: Cell,
  ending: Stopping,
): Promise<void> {
  const { shape } = cell;
  if (ending.shutdown === "after a cut") {
    const other = server.connect();
    await begin(server, cell, other);
    other.leave();
    if (!shape.stubborn) await server.assertNothingLeft();
  }
  const peer = server.connect();
  try {
    await begin(server, cell, peer);
    await server.get("/shutdown");
    await ending.run({ peer, message: messageOf(cell) });
    await server.until(
      // A handler that swallows errors keeps the process.
      () =>
        server.exit !== undefined ||
        (shape.stubborn === true && server.stdout.includes("finished")),
      "shutdown() does not end the process",
      END_LIMIT,
      () => {},
    );
  } finally {
    peer.leave();
  }
  if (server.exit !== undefined && server.exit !== 0) {
    throw new Violation(`the process ends with ${server.exit}`);
  }
  server.assertSilent();
}

/** Connects, until the handler is under way. */
async function begin(
  server: ServerProcess,
  cell: Cell,
  peer: Peer,
): Promise<void> {
  const { shape, ending } = cell;
  const request = upgradeRequest(shape.name, shape.compressed ?? false);
  if (ending.early !== undefined) {
    peer.send(
      Uint8Array.from([...new TextEncoder().encode(request), ...ending.early]),
    );
    return;
  }
  peer.send(request);
  const headEnd = () => peer.text.indexOf("\r\n\r\n");
  await server.until(() => headEnd() >= 0, "the upgrade is not answered");
  const [status = ""] = peer.text.split("\r\n", 1);
  if (!status.includes(" 101 ")) throw new Violation(status);
  if (
    shape.compressed && !peer.text.includes("permessage-deflate")
  ) throw new Violation("compression was not agreed on");
  for (let i = 0; i < HELLOS; i++) peer.send(messageOf(cell));
  if (!shape.writes) return;
  await server.until(
    () => peer.received > headEnd() + 4,
    "the handler does not write",
  );
}

function messageOf({ shape }: Cell): Uint8Array {
  return shape.compressed ? COMPRESSED_MESSAGE : MESSAGE;
}
