import type { Addr } from "./transport.ts";

/**
 * The port that the wire engine stands on: a duplex of bytes. A `node:net` or `node:tls` socket, a runtime's own socket, a pipe
 * in memory, or whatever a user has. What a user's stream throws, once it has been started, is its end: it is destroyed, and the
 * connection ends with the error as its cause.
 */
export interface ByteStream {
  /** This side's address, if it has one. */
  readonly localAddr?: Addr | undefined;
  /** The peer's address, if it has one. */
  readonly remoteAddr?: Addr | undefined;

  /**
   * Names the receiver, once, and begins to read.
   *
   * @param receiver What is told of all that comes
   */
  start(receiver: ByteReceiver): void;
  /** Stops reading; a chunk that has been read already may still come. */
  pause(): void;
  /** Reads again. */
  resume(): void;
  /**
   * Writes a chunk, which stays unchanged until `done` is called: without an error when the operating system (or the next
   * link) has taken it, with one when it cannot be written any more. Called once, and never before `write` returns. The engine
   * has one write under way at a time.
   *
   * @param chunk The bytes
   * @param done Is told how it went
   */
  write(chunk: Uint8Array, done: (error?: unknown) => void): void;
  /** Ends the sending direction, behind what was written; reading goes on. */
  end(): void;
  /** Ends both directions at once. `closed` follows. */
  destroy(): void;
  /**
   * Takes back a chunk that nothing refers to any more, where its memory is better given back than left to the garbage
   * collector. Called as a function, without `this`.
   */
  readonly free?: ((chunk: Uint8Array<ArrayBuffer>) => void) | undefined;
}

/** What a {@linkcode ByteStream} calls. */
export interface ByteReceiver {
  /**
   * Bytes have come.
   *
   * @param chunk The bytes; the receiver's own, to keep and to change
   */
  data(chunk: Uint8Array<ArrayBuffer>): void;
  /** The peer has ended its sending direction. No data follows. */
  end(): void;
  /**
   * The stream is over in both directions, by whatever cause. Exactly once, and last.
   *
   * @param error The cause, where there is one
   */
  closed(error?: unknown): void;
}

/**
 * A store of write buffers that connections share (gorilla's `BufferPool`): a connection with nothing to send holds none.
 */
export interface BufferPool {
  /**
   * Hands out a buffer of at least `size` bytes, or `undefined` when it has none.
   *
   * @param size The bytes needed
   * @returns The buffer, which nothing else uses until it comes back
   */
  get(size: number): Uint8Array<ArrayBuffer> | undefined;
  /**
   * Takes a buffer back.
   *
   * @param buffer A buffer that nothing uses any more
   */
  put(buffer: Uint8Array<ArrayBuffer>): void;
}
