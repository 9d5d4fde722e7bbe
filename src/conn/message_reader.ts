import type { DataType } from "../message.ts";
import { countMessage, isTurnOver, nextTurn } from "../base/turns.ts";
import type { IncomingMessage } from "./incoming_message.ts";
import { parseJSON } from "./json.ts";
import { rejected } from "./promises.ts";
import { QuietReadable } from "./quiet_streams.ts";

/**
 * One message, read piece by piece as its bytes arrive (the `io.Reader` of
 * gorilla's `NextReader`). Use one of `readable`, `bytes()`, `text()` and
 * `json()`. The next read from the connection abandons it: what has not been
 * read of it is dropped, and it fails with an `InvalidStateError`.
 */
export interface MessageReader {
  /** The message's type: text (1) or binary (2). */
  readonly type: DataType;
  /**
   * The payload as a stream of chunks, as they arrive; UTF-8 if the message is
   * text. Canceling it drops the rest of the message; the connection stays
   * open.
   */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * Reads the whole payload.
   *
   * @returns The bytes
   * @throws {DOMException} `InvalidStateError` if the message has been read
   * already, or the next one has been asked for
   * @throws {Error} As `Conn.readMessage`, if the connection ends
   * before the message does
   */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Reads the whole payload as text.
   *
   * @returns The text
   * @throws {Error} As {@linkcode MessageReader.bytes}
   */
  text(): Promise<string>;
  /**
   * Reads the whole payload as JSON.
   *
   * @typeParam T The type of the value, unchecked
   * @returns The value
   * @throws {SyntaxError} If it is not JSON; the connection stays open
   * @throws {Error} As {@linkcode MessageReader.bytes}
   */
  json<T = unknown>(): Promise<T>;
}

/** What the reader reports to the connection's reading side. */
export interface ReaderOwner {
  /**
   * Bytes of the message have been taken; `hungry` if the rest is wanted now.
   */
  taken(hungry: boolean): void;
}

type Piece = Uint8Array<ArrayBuffer>;

/** The stream of a message's pieces. */
export interface Pieces {
  readonly stream: ReadableStream<Piece>;
  /** Gives a piece that is taken back once it has been used, if it can be. */
  lend?(piece: Piece, takeBack: (piece: Piece) => void): void;
}

/** Makes the stream of a message's pieces. */
export type OpenPieces = (source: UnderlyingDefaultSource<Piece>) => Pieces;

// Pages do without taking pieces back.
let openPieces: OpenPieces = (source) => ({
  stream: new QuietReadable(source),
});

/** Makes the streams of messages by another function from now on. */
export function openPiecesBy(better: OpenPieces): void {
  openPieces = better;
}

/** Reads an {@linkcode IncomingMessage}. */
export class IncomingReader implements MessageReader {
  readonly #message: IncomingMessage;
  readonly #owner: ReaderOwner;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #used = false;

  constructor(message: IncomingMessage, owner: ReaderOwner) {
    this.#message = message;
    this.#owner = owner;
  }

  get type(): DataType {
    return this.#message.type;
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= this.#open();
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    await this.#whole();
    const bytes = this.#message.takeBytes();
    this.#owner.taken(false);
    return bytes;
  }

  async text(): Promise<string> {
    await this.#whole();
    const text = this.#message.takeText();
    this.#owner.taken(false);
    return text;
  }

  async json<T = unknown>(): Promise<T> {
    return parseJSON(await this.text()) as T;
  }

  #claim(): void {
    if (this.#used) {
      throw new DOMException(
        "Cannot read message: it is being read or has been read",
        "InvalidStateError",
      );
    }
    this.#used = true;
  }

  // Waits until the message is complete. What has come stays in the message, so
  // that after a deadline the caller can try again.
  async #whole(): Promise<void> {
    const message = this.#message;
    try {
      this.#claim();
    } catch (error) {
      return rejected(error);
    }
    try {
      while (!message.ended) {
        await this.#next();
      }
      countMessage(message.size);
      if (isTurnOver()) await nextTurn();
      this.#check();
    } catch (error) {
      this.#used = false;
      return rejected(error);
    }
  }

  #next(): Promise<void> {
    this.#check();
    const message = this.#message;
    return new Promise((resolve, reject) => {
      message.notify = (late) => {
        message.notify = undefined;
        if (late === undefined) return resolve();
        this.#owner.taken(false);
        reject(late);
      };
      this.#owner.taken(true);
    });
  }

  #check(): void {
    const message = this.#message;
    if (message.error !== undefined) throw message.error;
    if (message.discarded) {
      throw new DOMException(
        "Cannot read message: the next one has been asked for",
        "InvalidStateError",
      );
    }
  }

  #open(): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#claim();
    const message = this.#message;
    const pieces = openPieces({
      pull: async (controller) => {
        if (isTurnOver()) await nextTurn();
        let piece = message.shift();
        while (piece === undefined && !message.ended) {
          await this.#next();
          piece = message.shift();
        }
        if (piece === undefined) {
          this.#check();
          controller.close();
        } else {
          pieces.lend?.(piece, (spent) => message.reuse?.(spent));
          countMessage(piece.length);
          controller.enqueue(piece);
          this.#owner.taken(false);
        }
      },
      cancel: () => {
        message.discard();
        this.#owner.taken(false);
      },
    });
    return pieces.stream;
  }
}
