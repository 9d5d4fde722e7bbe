import { Session } from "../../../src/protocol/session.ts";
import type { SessionReceiver } from "../../../src/protocol/assembler.ts";
import type { Side } from "../../../src/protocol/frame_header.ts";
import type { Tuning } from "../../../src/protocol/tuning.ts";
import type { ReadLimitError } from "../../../src/errors.ts";
import { ProtocolError } from "../../../src/peer_errors.ts";

/** An event as a line of text, so that a list of them reads like a log. */
export type Line = string;

/** The masking key of RFC 6455's examples. */
export const KEY = 0x37fa213d;

/** The bytes of hexadecimal digits, with blanks for the eye. */
export function hex(digits: string): Uint8Array<ArrayBuffer> {
  const pairs = digits.replaceAll(/\s/g, "").match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => parseInt(pair, 16));
}

/** Errors get no stacks until it is disposed: most of what an error costs. */
export function withoutStacks(): Disposable {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  return {
    [Symbol.dispose]() {
      Error.stackTraceLimit = limit;
    },
  };
}

/** The digits of bytes; long ones shortened to length and sum. */
export function show(bytes: Uint8Array): string {
  if (bytes.length > 200) {
    let sum = 0;
    for (let i = 0; i < bytes.length; i++) {
      sum = Math.imul(sum, 31) + bytes[i]! | 0;
    }
    return `${bytes.length} bytes, sum ${sum}`;
  }
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}

/** Joins pieces of bytes. */
export function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, p) => sum + p.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

/**
 * A frame as the peer of `side` sends it, written after the figure in RFC
 * 6455, section 5.2, and not after our encoder.
 */
export function frame(
  side: Side,
  first: number,
  payload: Uint8Array,
  key: number = KEY,
): Uint8Array<ArrayBuffer> {
  const masked = side === "server";
  const bytes: number[] = [first];
  const bit = masked ? 128 : 0;
  const size = payload.length;
  if (size <= 125) bytes.push(bit + size);
  else if (size <= 0xffff) bytes.push(bit + 126, size >> 8, size & 255);
  else {
    bytes.push(bit + 127, 0, 0, 0, 0);
    bytes.push(size >>> 24, size >> 16 & 255, size >> 8 & 255, size & 255);
  }
  const keyBytes = [key >>> 24, key >> 16 & 255, key >> 8 & 255, key & 255];
  if (masked) bytes.push(...keyBytes);
  const head = Uint8Array.from(bytes);
  const body = payload.map((byte, i) =>
    masked ? byte ^ keyBytes[i % 4]! : byte
  );
  return join([head, body]);
}

/** Frames from hexadecimal: first byte, colon, payload. */
export function frames(side: Side, text: string): Uint8Array<ArrayBuffer> {
  const list = text.trim() === "" ? [] : text.trim().split(/\s+/);
  return join(list.map((item) => {
    const [first = "", payload = ""] = item.split(":");
    return frame(side, parseInt(first, 16), hex(payload));
  }));
}

/** Events in the order they came, messages joined from their pieces. */
export class Recorder implements SessionReceiver {
  /** The events. */
  readonly lines: Line[] = [];
  /** How many callbacks there were. */
  calls = 0;
  #pieces: Uint8Array[] = [];
  #kind = "";
  /** Called behind each event. */
  after: (line: Line) => void = () => {};

  #add(line: Line): void {
    this.lines.push(line);
    this.after(line);
  }

  message(type: 1 | 2, data: string | Uint8Array<ArrayBuffer>): void {
    this.calls++;
    const bytes = typeof data === "string"
      ? new TextEncoder().encode(data)
      : data;
    this.#add(`${type === 1 ? "text" : "binary"} ${show(bytes)}`);
  }

  messageStart(type: 1 | 2, compressed: boolean): void {
    this.calls++;
    this.#pieces = [];
    this.#kind = `${compressed ? "compressed " : ""}${
      type === 1 ? "text" : "binary"
    }`;
    this.after("start");
  }

  messageData(bytes: Uint8Array<ArrayBuffer>): void {
    this.calls++;
    if (bytes.length === 0) this.lines.push("empty piece");
    this.#pieces.push(bytes);
    this.after("data");
  }

  messageEnd(): void {
    this.calls++;
    this.#add(`${this.#kind} ${show(join(this.#pieces))}`);
  }

  ping(payload: Uint8Array<ArrayBuffer>): void {
    this.calls++;
    this.#add(`ping ${show(payload)}`);
  }

  pong(payload: Uint8Array<ArrayBuffer>): void {
    this.calls++;
    this.#add(`pong ${show(payload)}`);
  }

  close(code: number, reason: string): void {
    this.calls++;
    this.#add(`close ${code} ${JSON.stringify(reason)}`);
  }

  fail(error: ProtocolError | ReadLimitError): void {
    this.calls++;
    const code = error instanceof ProtocolError ? error.code : 1009;
    this.#add(`fail ${code} ${error.message}`);
  }
}

/** Where the closing handshake of a session stands, in a word. */
export function stateOf(
  { state }: Session,
): "open" | "closeSent" | "closeReceived" | "failed" | "closed" {
  const { sending, receiving } = state;
  const sent = sending === "closeSent";
  if (sent || sending === "open") {
    if (receiving === "open") return sent ? "closeSent" : "open";
    if (receiving === "closeReceived" || receiving === "failed") {
      return sent ? "closed" : receiving;
    }
  }
  // A session alone sees no end of a stream.
  throw new Error(`It is ${sending} and ${receiving}`);
}

/** What `receive` may be told beside the bytes. */
export interface ReceiveOptions {
  readLimit?: number;
  rsv1?: boolean;
  tuning?: Tuning;
}

/** A session with what it tells. */
export function sessionOf(
  side: Side,
  options: ReceiveOptions = {},
): { session: Session; recorder: Recorder } {
  const recorder = new Recorder();
  const session = new Session({
    side,
    mask: () => KEY,
    readLimit: options.readLimit ?? Infinity,
    rsv1: options.rsv1,
    tuning: options.tuning,
  }, recorder);
  return { session, recorder };
}

/** Pushes bytes in chunks of a size, each a copy: they are changed in place. */
export function pushIn(
  session: Session,
  bytes: Uint8Array,
  size: number,
): void {
  for (let i = 0; i < bytes.length; i += size) {
    session.decoder.push(new Uint8Array(bytes.subarray(i, i + size)));
  }
}

/** The sides. */
export const SIDES: readonly Side[] = ["server", "client"];

/** The chunkings under which events must be the same. */
export const CHUNKINGS: readonly number[] = [0x7fffffff, 1, 7];

/** What a side is told of the bytes, under one chunking. */
export function receive(
  side: Side,
  bytes: Uint8Array,
  size: number,
  options: ReceiveOptions = {},
): Line[] {
  const { session, recorder } = sessionOf(side, options);
  pushIn(session, bytes, size);
  return recorder.lines;
}
