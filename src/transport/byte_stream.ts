import type { Addr } from "./transport.ts";

/**
 * The port that the wire engine stands on: a duplex stream of bytes, such as a
 * `node:net` or `node:tls` socket, a runtime's own socket, a pipe in memory, or
 * a user's own stream. If a user's stream throws after it has been started, or a
 * method of it is async and rejects, it is destroyed, and the connection ends with
 * the error as its cause.
 */
export interface ByteStream {
  /** This side's address, if it has one. */
  readonly localAddr?: Addr | undefined;
  /** The peer's address, if it has one. */
  readonly remoteAddr?: Addr | undefined;

  /**
   * Sets the receiver and begins to read. Called once.
   *
   * @param receiver Called with everything that comes
   */
  start(receiver: ByteReceiver): void;
  /** Stops reading; a chunk that has already been read may still come. */
  pause(): void;
  /** Reads again after `pause`. */
  resume(): void;
  /**
   * Writes a chunk, which stays unchanged until `done` is called: without an
   * error once the operating system (or the next stream) has taken it, or with
   * an error if it cannot be written any more. `done` must be called once, and
   * not before `write` returns. The engine makes one write at a time.
   *
   * @param chunk The bytes
   * @param done Called with the outcome
   */
  write(chunk: Uint8Array, done: (error?: unknown) => void): void;
  /**
   * Ends the sending direction after what was written; reading goes on.
   *
   * @param isLast Whether the peer has nothing left to send but its own end: a
   * stream whose peer may leave that out need not wait for it
   */
  end(isLast?: boolean): void;
  /**
   * Ends both directions at once. `closed` follows: where a user's stream has
   * not called it within a second, its connection ends without it.
   */
  destroy(): void;
}

/** What our own streams of sockets can do beside that. */
export interface OwnStream extends ByteStream {
  /**
   * Takes back a chunk that nothing refers to any more, where freeing its
   * memory at once is better than leaving it to the garbage collector. Called
   * as a function, without `this`.
   */
  readonly free?: ((chunk: Uint8Array<ArrayBuffer>) => void) | undefined;
  /**
   * Detaches the receiver, which is not called any more. `start` must be called
   * again; the new receiver gets `head` first.
   *
   * @param head Bytes that the receiver has not used
   */
  restart(head: Uint8Array<ArrayBuffer>): void;
}

/** What a {@linkcode ByteStream} calls. */
export interface ByteReceiver {
  /**
   * Bytes have come.
   *
   * @param chunk The bytes, which the receiver may keep and change
   */
  data(chunk: Uint8Array<ArrayBuffer>): void;
  /** The peer has ended its sending direction. No data follows. */
  end(): void;
  /**
   * The stream is over in both directions, for whatever reason. Called exactly
   * once, and last.
   *
   * @param error The cause, if there is one
   */
  closed(error?: unknown): void;
}

/**
 * A pool of write buffers that connections share (gorilla's `BufferPool`). A
 * connection with nothing to send holds none of them.
 */
export interface BufferPool {
  /**
   * Hands out a buffer of at least `size` bytes, or `undefined` when it has
   * none.
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
