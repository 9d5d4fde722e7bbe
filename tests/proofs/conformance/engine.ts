/** Runs a case against a target, and judges what came of it. */

import type { Side } from "../../../src/transport/transport.ts";
import type { RawPeer } from "../../support/raw_peer.ts";
import type { Case, Chunks, End, Script, Step } from "./case.ts";
import { HOLD } from "./case.ts";
import {
  compressionOf,
  Deflater,
  faultOfAnswer,
  Inflater,
  type Parameters,
  readExtensions,
} from "./deflate.ts";
import { Inbox } from "./inbox.ts";
import { turn, Writer } from "./writer.ts";

/**
 * What a case shows: `passed` is all as the RFC wants it; `informational`, that
 * it is otherwise where the RFC does not forbid it, or says nothing; `failed`,
 * that it is forbidden.
 */
export type Grade = "passed" | "informational" | "failed";

/** What came of a case. */
export interface Outcome {
  readonly grade: Grade;
  /** What was not as it is to be, in the same words at every run. */
  readonly says: string;
}

/** Something that echoes, on one side of its connections. */
export interface Target {
  readonly side: Side;
  /** A new connection for a case; its end is the suite's. */
  connect(testCase: Case): Promise<Connection>;
}

/** A connection to a target behind the opening handshake. */
export interface Connection {
  readonly peer: RawPeer;
  /** The client's value of Sec-WebSocket-Extensions. */
  readonly offer: string | undefined;
  /** The server's. */
  readonly extensions: string | undefined;
  /** Resolves when the target has let go of it. */
  readonly released: Promise<void>;
}

/** What the target is given to do what it must, on a busy machine. */
const PATIENCE = 15_000;
/** In a full run there are messages of 16 MiB. */
const LONG_PATIENCE = 60_000;
/** What it is given to fail fast. */
const FAST = 3_000;
/** Turns of the event loop in which a client must not end TCP by itself. */
const TURNS = 10;
const NORMAL_CLOSE = { opcode: 8, payload: new Uint8Array([0x03, 0xe8]) };

/** How cases are run. */
export interface RunOptions {
  /** Whether sizes and counts are those of the original. Default: smaller. */
  readonly full?: boolean;
  /** Milliseconds in which the target must do what it must. */
  readonly patience?: number;
}

/** Runs a case in each of its chunkings; the worst that came of it. */
export async function runCase(
  target: Target,
  testCase: Case,
  options: RunOptions = {},
): Promise<Outcome> {
  // A thousand messages of each case are enough once.
  const once = options.full && testCase.compression !== undefined;
  const chunkings = once ? testCase.chunks.slice(0, 1) : testCase.chunks;
  const outcomes = await Promise.all(
    chunkings.map((chunks) => runOnce(target, testCase, chunks, options)),
  );
  const worst = outcomes.find(({ grade }) => grade === "failed") ??
    outcomes.find(({ grade }) => grade === "informational");
  return worst ?? outcomes[0]!;
}

async function runOnce(
  target: Target,
  testCase: Case,
  chunks: Chunks,
  options: RunOptions,
): Promise<Outcome> {
  const { full = false, patience = full ? LONG_PATIENCE : PATIENCE } = options;
  const script = testCase.script(full);
  const connection = await target.connect(testCase);
  const { peer } = connection;
  const agreed = agreementOf(connection);
  if (typeof agreed === "string" || !agreed && testCase.compression) {
    peer.destroy();
    await peer.closed;
    await connection.released;
    return agreed === undefined
      ? { grade: "informational", says: "compression is declined" }
      : { grade: "failed", says: agreed };
  }
  const deflater = agreed && new Deflater(compressionOf(peer.side, agreed));
  const inflater = agreed && new Inflater(compressionOf(target.side, agreed));
  const inbox = new Inbox(target.side, script.expects, inflater);
  const writer = new Writer(peer, chunks, () => inbox.over, deflater);
  peer.deliver(inbox);
  const run = new Run({ peer, inbox, writer, target: target.side, patience });
  try {
    await run.play(script);
  } finally {
    deflater?.close();
    inflater?.close();
    peer.destroy();
    await peer.closed;
    await connection.released;
  }
  return judge(testCase, inbox);
}

/** The parameters agreed on, none, or a text that says what is wrong. */
function agreementOf(
  { offer, extensions }: Connection,
): Parameters | undefined | string {
  if (extensions === undefined) return undefined;
  if (offer === undefined) return "an extension without an offer";
  const [answer, ...more] = readExtensions(extensions);
  if (answer === undefined || more.length > 0) return "an unknown extension";
  return faultOfAnswer(readExtensions(offer), answer) ?? answer;
}

function judge({ open = false }: Case, { faults }: Inbox): Outcome {
  const fault = faults.find(({ must }) => must) ?? faults[0];
  if (fault?.must) return { grade: "failed", says: fault.text };
  if (open) return { grade: "informational", says: "the RFC does not say" };
  return fault === undefined
    ? { grade: "passed", says: "" }
    : { grade: "informational", says: fault.text };
}

/** What a run is made of. */
interface RunParts {
  readonly peer: RawPeer;
  readonly inbox: Inbox;
  readonly writer: Writer;
  readonly target: Side;
  readonly patience: number;
}

/** One run of a script over one connection. */
class Run {
  readonly #peer: RawPeer;
  readonly #inbox: Inbox;
  readonly #writer: Writer;
  readonly #target: Side;
  readonly #patience: number;
  #closeSent = false;
  #sentBehindClose = false;

  constructor({ peer, inbox, writer, target, patience }: RunParts) {
    this.#peer = peer;
    this.#inbox = inbox;
    this.#writer = writer;
    this.#target = target;
    this.#patience = patience;
  }

  /** Faults are noted in the inbox. */
  async play(script: Script): Promise<void> {
    for (const step of script.sends) {
      await this.#step(step);
      if (this.#inbox.over) break;
    }
    await this.#writer.flush();
    await this.#finish(script.end);
    if (!this.#inbox.broken) await this.#endTcp(script.end);
  }

  async #step(step: Step): Promise<void> {
    const inbox = this.#inbox;
    if (step === HOLD) {
      await this.#writer.flush();
      if (await inbox.until(() => inbox.over, FAST)) return;
      inbox.fault("the connection is not failed as soon as it must be", false);
      return;
    }
    if ("until" in step) {
      await this.#writer.flush();
      await this.#until(
        () => inbox.count >= step.until || inbox.over,
        "an answer that does not come",
      );
      return;
    }
    this.#sentBehindClose ||= this.#closeSent;
    this.#closeSent ||= "opcode" in step && step.opcode === 8;
    await this.#writer.write(step);
  }

  /** The closing handshake, or the failure of the connection. */
  async #finish(end: End): Promise<void> {
    const inbox = this.#inbox;
    if (end.by === "peer") {
      await this.#until(
        () => inbox.complete || inbox.over,
        "an answer that does not come",
      );
      if (inbox.over) return this.#failedWithoutReason();
      await this.#writer.write(NORMAL_CLOSE);
      await this.#writer.flush();
    }
    await this.#until(
      () => inbox.over,
      end.by === "target"
        ? "the connection is not failed"
        : "a close frame that is not answered",
    );
    this.#judgeCode(
      end.by === "peer" ? [1000] : end.codes,
      end.by === "target",
    );
    if (!inbox.complete) {
      // What has come before may be lost with the connection.
      inbox.fault("what came before is not answered", false);
    }
  }

  #failedWithoutReason(): void {
    const { closeCode } = this.#inbox;
    this.#inbox.fault(
      closeCode === undefined
        ? "TCP is ended without a reason"
        : `the connection is failed with ${closeCode} without a reason`,
    );
  }

  #judgeCode(codes: readonly number[], failure: boolean): void {
    const { closeCode } = this.#inbox;
    if (closeCode !== undefined) {
      if (codes.includes(closeCode)) return;
      this.#inbox.fault(`close code ${closeCode} instead of ${codes[0]}`);
    } else if (failure) {
      // RFC 6455, section 7.1.7: it should be sent.
      this.#inbox.fault(
        "the connection is failed without a close frame",
        false,
      );
    } else {
      // Section 5.5.1.
      this.#inbox.fault("a close frame that is not answered");
    }
  }

  /** RFC 6455, section 7.1.1: the server ends TCP first, and a client waits. */
  async #endTcp(end: End): Promise<void> {
    const inbox = this.#inbox;
    if (this.#target === "client" && end.by !== "target") {
      for (let i = 0; i < TURNS; i++) await turn();
      if (inbox.ended !== undefined) {
        inbox.fault(
          "a client that does not wait for the server to end TCP",
          false,
        );
      }
      this.#peer.end();
    }
    await this.#until(() => inbox.ended !== undefined, "TCP is not ended");
    // Who sends behind his close frame has it coming: nobody reads it.
    if (inbox.ended === "RST" && !this.#sentBehindClose) {
      inbox.fault("TCP is reset", false);
    }
    this.#peer.end();
  }

  async #until(done: () => boolean, otherwise: string): Promise<void> {
    if (await this.#inbox.until(done, this.#patience)) return;
    this.#inbox.fault(otherwise);
  }
}
