import { ReadLimitError } from "../../../../src/errors.ts";
import { ProtocolError } from "../../../../src/peer_errors.ts";
import type { SessionReceiver } from "../../../../src/protocol/assembler.ts";
import type { Entry, Partial } from "../reference/decoder.ts";

const encoder = new TextEncoder();

// What `Session` promises: payloads up to this size are copied out of their
// chunk, to slabs of that size at most.
const SMALL = 256;
const SLAB = 4096;

/** What a session has told, in the form of the reference decoder. */
export class SessionLog implements SessionReceiver {
  readonly entries: Entry[] = [];
  partial: Partial | undefined;
  /** Something that no input may bring about. */
  fault: string | undefined;
  /** Called behind each event, with whether it was an entry. */
  readonly #after: (entry: boolean) => void;
  /** Called where memory is given back; whether the chunk was out. */
  readonly free: ((chunk: Uint8Array<ArrayBuffer>) => void) | undefined;
  /** Bytes of the largest chunk so far. */
  largest = 0;
  #copies = 0;

  constructor(
    after: (entry: boolean) => void,
    free: ((chunk: Uint8Array<ArrayBuffer>) => void) | undefined,
  ) {
    this.#after = after;
    this.free = free;
  }

  message(type: 1 | 2, data: string | Uint8Array<ArrayBuffer>): void {
    if (this.partial !== undefined) this.fault = "message: one is under way";
    if ((typeof data === "string") !== (type === 1)) {
      this.fault = `message: data of type ${type} is ${typeof data}`;
    }
    this.#add(
      "message",
      type,
      typeof data === "string" ? encoder.encode(data) : this.#owned(data),
    );
  }

  messageStart(type: 1 | 2, compressed: boolean): void {
    if (this.partial !== undefined) this.fault = "messageStart: it is nested";
    this.partial = { code: type + (compressed ? 64 : 0), bytes: [] };
    this.#after(false);
  }

  messageData(bytes: Uint8Array<ArrayBuffer>): boolean | void {
    if (bytes.length === 0) this.fault = "messageData: it has no bytes";
    if (this.free === undefined) this.#owned(bytes);
    // All is copied here: what is kept by reference is seen in `message`.
    for (const byte of bytes) this.partial!.bytes.push(byte);
    const copied = ++this.#copies % 2 === 0;
    this.#after(false);
    return copied;
  }

  messageEnd(): void {
    const { code, bytes } = this.partial!;
    this.partial = undefined;
    this.#add("message", code, bytes);
  }

  ping(payload: Uint8Array<ArrayBuffer>): void {
    this.#add("ping", 0, payload);
  }

  pong(payload: Uint8Array<ArrayBuffer>): void {
    this.#add("pong", 0, payload);
  }

  close(code: number, reason: string): void {
    this.#add("close", code, encoder.encode(reason));
  }

  fail(error: ProtocolError | ReadLimitError): void {
    this.fault ??= faultOf(error);
    // What stood before it may have been delivered, or not.
    this.partial = undefined;
    const code = error instanceof ReadLimitError ? 1009 : error.code;
    this.#add("fail", code, []);
  }

  #add(what: Entry["what"], code: number, bytes: Entry["bytes"]): void {
    this.entries.push({ what, code, bytes });
    this.#after(true);
  }

  /** A payload must not keep much more memory than it has bytes. */
  #owned(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const { byteLength } = bytes.buffer;
    const most = bytes.length <= SMALL ? SLAB : this.largest;
    if (byteLength > most) {
      this.fault = `memory: ${bytes.length} bytes keep ${byteLength} alive`;
    }
    return bytes;
  }
}

/** The errors that are documented, and no others. */
function faultOf(error: unknown): string | undefined {
  const documented = error instanceof ReadLimitError ||
    error instanceof ProtocolError &&
      (error.code === 1002 || error.code === 1007);
  if (documented && /^Cannot .*[^.]$/.test(error.message)) return undefined;
  return `error: ${error} is not documented`;
}
