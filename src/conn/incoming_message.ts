import type { DataType, Message } from "../message.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * A message that has come whole and is read in pieces: in one, unless it is
 * empty. `GatheredMessage` has those that come in pieces.
 */
export class IncomingMessage {
  readonly type: DataType;
  /** Whether the last piece has come. */
  ended = false;
  /** Whether the pieces are dropped: nobody will read them. */
  discarded = false;
  /** Bytes that have come and have not been taken. */
  size = 0;
  /**
   * Called when a piece, the end or a failure has come; or, with an error, when
   * the read deadline has passed.
   */
  notify: ((late?: Error) => void) | undefined;
  /** Why the rest will never come. */
  error: unknown;
  #bytes: Uint8Array<ArrayBuffer> | undefined;

  constructor(type: DataType) {
    this.type = type;
  }

  /** A message that has come whole, to be read as if in pieces. */
  static whole(message: Message): IncomingMessage {
    const incoming = new IncomingMessage(message.type);
    const bytes = message.type === 1
      ? encoder.encode(message.data)
      : message.data;
    incoming.size = bytes.length;
    if (bytes.length > 0) incoming.#bytes = bytes;
    incoming.ended = true;
    return incoming;
  }

  /** The oldest piece, or `undefined` if there is none now. */
  shift(): Uint8Array<ArrayBuffer> | undefined {
    const bytes = this.#bytes;
    this.#bytes = undefined;
    this.size = 0;
    return bytes;
  }

  /** Takes back the memory of a piece that its reader is done with. */
  reuse?(piece: Uint8Array<ArrayBuffer>): void;

  /** All that has come and has not been taken, as one array. */
  takeBytes(): Uint8Array<ArrayBuffer> {
    return this.shift() ?? new Uint8Array(0);
  }

  /** All that has come and has not been taken, as text. */
  takeText(): string {
    return decoder.decode(this.takeBytes());
  }

  /** The message, once it is complete. */
  take(): Message {
    return this.type === 1
      ? { type: 1, data: this.takeText() }
      : { type: 2, data: this.takeBytes() };
  }

  /** Drops what has come and what will come. */
  discard(): void {
    this.discarded = true;
    this.shift();
  }
}
