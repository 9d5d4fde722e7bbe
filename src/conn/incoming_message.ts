import type { DataType, Message } from "../message.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

// Small pieces are copied together into stores of these sizes, in bytes. A byte
// that comes alone would take 200 bytes on Deno and 70 on Bun; in a store it
// takes at most 5.
const MIN_STORE = 1024;
const MAX_STORE = 65_536;
// Stores that wait to be used again; `recycling.ts` has their figure.
const MAX_SPARES = 4;
// Pieces of at least this many bytes are kept, not copied. To join 64 of 4 KiB
// takes 0.3 of the time that way.
const MIN_KEPT = 4096;

// The stores of MAX_STORE bytes: each holds a single piece, so it can be used
// again once that has been read.
const stores: WeakSet<ArrayBuffer> = new WeakSet();

/**
 * A message that comes in pieces, or that has come whole and is read in pieces.
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
  // The pieces; the last one may be in a store that has room left.
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #room = 0;
  #copied = 0; // bytes in the stores since a piece was last kept or taken
  readonly #spares: ArrayBuffer[] = []; // stores to be used again

  constructor(type: DataType) {
    this.type = type;
  }

  /** A message that has come whole, to be read as if in pieces. */
  static whole(message: Message): IncomingMessage {
    const incoming = new IncomingMessage(message.type);
    const bytes = message.type === 1
      ? encoder.encode(message.data)
      : message.data;
    if (bytes.length > 0) {
      incoming.#pieces.push(bytes);
      incoming.size = bytes.length;
    }
    incoming.ended = true;
    return incoming;
  }

  /**
   * Adds a piece; returns whether it was copied. `copy` asks for that, which
   * pays off where pieces are read one by one: of a whole message, all pieces
   * are copied in the end anyway.
   */
  append(piece: Uint8Array<ArrayBuffer>, copy = false): boolean {
    this.size += piece.length;
    // A piece keeps its whole chunk in memory, so a peer could make one byte
    // hold 64 KiB: small pieces, and those that are a small part of their
    // chunk, are copied.
    if (
      copy || piece.length < MIN_KEPT ||
      piece.length * 2 < piece.buffer.byteLength
    ) {
      this.#copy(piece);
      return true;
    }
    this.#trim();
    this.#pieces.push(piece);
    return false;
  }

  /** The oldest piece, or `undefined` if there is none now. */
  shift(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#pieces.length === 1) this.#trim();
    const piece = this.#pieces.shift();
    if (piece !== undefined) this.size -= piece.length;
    return piece;
  }

  /**
   * Takes back the memory of a piece that its reader is done with. A piece that
   * was not copied is left alone: others may use parts of its chunk.
   */
  reuse(piece: Uint8Array<ArrayBuffer>): void {
    if (stores.has(piece.buffer) && this.#spares.length < MAX_SPARES) {
      this.#spares.push(piece.buffer);
    }
  }

  /** All that has come and has not been taken, as one array. */
  takeBytes(): Uint8Array<ArrayBuffer> {
    this.#trim();
    const pieces = this.#pieces;
    const size = this.size;
    this.#pieces = [];
    this.size = 0;
    const first = pieces[0];
    if (first === undefined) return new Uint8Array(0);
    if (pieces.length === 1) return first;
    const bytes = new Uint8Array(size);
    let offset = 0;
    for (const piece of pieces) {
      bytes.set(piece, offset);
      offset += piece.length;
    }
    return bytes;
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
    this.#pieces = [];
    this.#trim();
    this.size = 0;
  }

  // Appends to the last store. After a full one comes one as large as all
  // before it, so that the stores have at most as much room as bytes in them.
  #copy(piece: Uint8Array<ArrayBuffer>): void {
    let rest = piece;
    while (rest.length > 0) {
      const last = this.#pieces.at(-1);
      if (last === undefined || this.#room === 0) {
        const buffer = this.#store(Math.max(this.#copied, rest.length));
        this.#pieces.push(new Uint8Array(buffer, 0, 0));
        this.#room = buffer.byteLength;
        continue;
      }
      const part = rest.subarray(0, this.#room);
      const grown = new Uint8Array(
        last.buffer,
        0,
        last.length + part.length,
      );
      grown.set(part, last.length);
      this.#pieces[this.#pieces.length - 1] = grown;
      this.#room -= part.length;
      this.#copied += part.length;
      rest = rest.subarray(part.length);
    }
  }

  // A store for at least a part of so many bytes.
  #store(size: number): ArrayBuffer {
    const spare = this.#spares.pop();
    if (spare !== undefined) return spare;
    if (2 * size < MAX_STORE) return new ArrayBuffer(Math.max(size, MIN_STORE));
    const store = new ArrayBuffer(MAX_STORE);
    stores.add(store);
    return store;
  }

  // Closes the last store: the next piece gets a new one.
  #trim(): void {
    this.#room = 0;
    this.#copied = 0;
  }
}
