import type { DataType } from "../message.ts";
import type { IncomingMessage } from "./incoming_message.ts";
import { lend, PieceStream } from "./recycling.ts";

/**
 * One message, read piece by piece as its bytes arrive (gorilla's `io.Reader` of
 * `NextReader`). Take it by one of `readable`, `bytes()`, `text()` and
 * `json()`. The next read from the connection abandons it: what it has not
 * delivered is dropped, and it fails with an `InvalidStateError`.
 */
export interface MessageReader {
  /** The message's type: text (1) or binary (2). */
  readonly type: DataType;
  /**
   * The payload as a stream, each chunk as it came; UTF-8 if the message is
   * text. Canceling it drops the rest of the message; the connection stays
   * open.
   */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * Reads the whole payload.
   *
   * @returns The bytes
   * @throws {DOMException} `InvalidStateError` if the message has been read, or
   * the next one has been asked for
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
   * @typeParam T What the value is taken for, unchecked
   * @returns The value
   * @throws {SyntaxError} If it is not JSON; the connection stays open
   * @throws {Error} As {@linkcode MessageReader.bytes}
   */
  json<T = unknown>(): Promise<T>;
}

/** What the reader tells the connection's reading side. */
export interface ReaderOwner {
  /** Bytes of the message have been taken; `hungry` if the rest is wanted now. */
  taken(hungry: boolean): void;
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
    return JSON.parse(await this.text()) as T;
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

  // Waits for the end of the message; what has come stays in it, so that a wait
  // that was too long can be taken up again.
  async #whole(): Promise<void> {
    this.#claim();
    const message = this.#message;
    try {
      while (!message.ended) {
        await this.#next();
      }
      this.#check();
    } catch (error) {
      this.#used = false;
      throw error;
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
    const stream = new PieceStream({
      pull: async (controller) => {
        let piece = message.shift();
        while (piece === undefined && !message.ended) {
          await this.#next();
          piece = message.shift();
        }
        if (piece === undefined) {
          this.#check();
          controller.close();
        } else {
          if (stream.lends) lend(piece, (spent) => message.reuse(spent));
          controller.enqueue(piece);
          this.#owner.taken(false);
        }
      },
      cancel: () => {
        message.discard();
        this.#owner.taken(false);
      },
    }, { highWaterMark: 0 });
    return stream;
  }
}
