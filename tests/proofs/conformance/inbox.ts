/** What comes from the target, held up against the RFC and the case. */

import type { Side } from "../../../src/transport/transport.ts";
import { FrameReader, type ReadFrame, toBytes } from "../../support/frames.ts";
import { withTimeout } from "../../support/helper.ts";
import { concat } from "../../unit/deflate/samples.ts";
import type { Inflater } from "./deflate.ts";

/** What the target is to send, but for its close frame. */
export interface Received {
  readonly type: "text" | "binary" | "pong";
  readonly payload: string | Uint8Array;
}

/** What is wrong with a target's behaviour. */
export interface Fault {
  /** The same words at every run. */
  readonly text: string;
  /** Whether the RFC forbids it; otherwise it only advises against it. */
  readonly must: boolean;
}

const TYPES: Readonly<Record<number, Received["type"] | undefined>> = {
  1: "text",
  2: "binary",
  10: "pong",
};
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The frames of one connection, from its target. */
export class Inbox {
  readonly faults: Fault[] = [];
  /** How many of the events that were expected have come. */
  count = 0;
  /** The code of the target's close frame; 1005 if it has none. */
  closeCode: number | undefined;
  readonly #target: Side;
  readonly #inflater: Inflater | undefined;
  readonly #reader: FrameReader = new FrameReader();
  readonly #expected: Iterator<Received, unknown>;
  #next: IteratorResult<Received, unknown>;
  #message:
    | { type: 1 | 2; compressed: boolean; parts: Uint8Array[] }
    | undefined;
  #order: Promise<void> = Promise.resolve();
  #ended: "FIN" | "RST" | undefined;
  #wake: () => void = () => {};

  constructor(
    target: Side,
    expected: Iterable<Received>,
    inflater?: Inflater,
  ) {
    this.#target = target;
    this.#inflater = inflater;
    this.#expected = expected[Symbol.iterator]();
    this.#next = this.#expected.next();
  }

  /** Whether all has come that was expected. */
  get complete(): boolean {
    return this.#next.done === true;
  }

  /** How the target has ended TCP, if it has. */
  get ended(): "FIN" | "RST" | undefined {
    return this.#ended;
  }

  /** Whether the target has done what it must not. */
  get broken(): boolean {
    return this.faults.some(({ must }) => must);
  }

  /** Whether nothing more is to come of the case. */
  get over(): boolean {
    return this.closeCode !== undefined || this.#ended !== undefined ||
      this.broken;
  }

  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
    for (const frame of this.#reader.frames()) this.#frame(frame);
    this.#wake();
  }

  end(how: "FIN" | "RST"): void {
    // Behind what is still to be inflated.
    this.#order = this.#order.then(() => {
      if (this.#ended !== undefined) return;
      this.#ended = how;
      if (this.#reader.size > 0) this.fault("TCP ends inside a frame");
      this.#wake();
    });
  }

  fault(text: string, must = true): void {
    if (this.faults.some((fault) => fault.text === text)) return;
    this.faults.push({ text, must });
    this.#wake();
  }

  /** Waits until it is so; `false` if it is not within the time. */
  async until(done: () => boolean, ms: number): Promise<boolean> {
    if (done()) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = () => {
      if (done()) resolve();
    };
    try {
      await withTimeout(promise, ms, "the target");
    } catch {
      return done();
    } finally {
      this.#wake = () => {};
    }
    return true;
  }

  #frame(frame: ReadFrame): void {
    // Section 5.5.1.
    if (this.closeCode !== undefined) {
      return this.fault("a frame behind the close frame");
    }
    const text = this.#faultOf(frame);
    if (text !== undefined) return this.fault(text);
    if (frame.opcode === 8) return this.#close(frame.payload);
    if (frame.opcode === 9) return; // A ping asks for nothing that is tested.
    if (frame.opcode === 10) {
      return this.#in(() => this.#received(10, frame.payload));
    }
    this.#message ??= {
      type: frame.opcode as 1 | 2,
      compressed: frame.rsv === 4,
      parts: [],
    };
    this.#message.parts.push(frame.payload);
    if (!frame.fin) return;
    const { type, compressed, parts } = this.#message;
    this.#message = undefined;
    const payload = parts.length === 1 ? parts[0]! : concat(parts);
    this.#in(
      compressed
        ? () => this.#inflate(type, payload)
        : () => this.#received(type, payload),
    );
  }

  // Sections 5.1 to 5.5; RFC 7692, section 6.1, for RSV1.
  #faultOf(frame: ReadFrame): string | undefined {
    const { opcode, fin, rsv, masked, minimal, payload } = frame;
    if (masked !== (this.#target === "client")) {
      return masked ? "a masked frame" : "a frame without a mask";
    }
    if (!minimal) return "a length that is not in its shortest form";
    if (rsv !== 0) {
      const begins = opcode === 1 || opcode === 2;
      if (rsv !== 4 || !begins || this.#inflater === undefined) {
        return "a frame with RSV bits";
      }
    }
    if (opcode >= 8) {
      if (opcode > 10) return "an unknown opcode";
      if (!fin) return "a control frame in fragments";
      if (payload.length > 125) return "a control frame over 125 bytes";
      return undefined;
    }
    if (opcode > 2) return "an unknown opcode";
    if ((opcode === 0) !== (this.#message !== undefined)) {
      return "fragments in disorder";
    }
    return undefined;
  }

  // Sections 5.5.1 and 7.4.
  #close(payload: Uint8Array): void {
    const code = payload.length === 0
      ? 1005
      : (payload[0]! << 8) + (payload[1] ?? 0);
    this.#in(() => {
      this.closeCode = code;
      if (payload.length === 1) this.fault("a close frame of one byte");
      if (!isUTF8(payload.subarray(2))) {
        this.fault("a close reason that is not UTF-8");
      }
    });
  }

  #in(step: () => void | Promise<void>): void {
    // Nothing waits for its turn where nothing is inflated.
    if (this.#inflater === undefined) return void step();
    this.#order = this.#order.then(step).then(() => this.#wake());
  }

  async #inflate(type: 1 | 2, payload: Uint8Array): Promise<void> {
    try {
      this.#received(type, await this.#inflater!.inflate(payload));
    } catch {
      this.fault("data that cannot be inflated");
    }
  }

  #received(opcode: 1 | 2 | 10, payload: Uint8Array): void {
    const type = TYPES[opcode]!;
    if (opcode === 1 && !isUTF8(payload)) {
      this.fault("a text that is not UTF-8");
    }
    if (this.#next.done === true) return this.fault(`a ${type} too many`);
    const expected = this.#next.value;
    if (
      expected.type !== type || !isEqual(payload, toBytes(expected.payload))
    ) {
      return this.fault(`a ${type} that differs from the ${expected.type} due`);
    }
    this.count++;
    this.#next = this.#expected.next();
  }
}

function isUTF8(bytes: Uint8Array): boolean {
  try {
    utf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
