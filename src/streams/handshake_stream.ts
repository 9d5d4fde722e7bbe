import type {
  ByteReceiver,
  ByteStream,
  OwnStream,
} from "../transport/byte_stream.ts";
import type { Addr } from "../transport/transport.ts";

// What has come of the stream's end, as bits.
const ENDED = 1; // the peer has ended its direction
const CLOSED = 2; // the stream is over in both

/**
 * A byte stream that is read on demand, for handshakes. `release` returns the
 * stream itself, for what comes after the handshake.
 */
export class HandshakeStream implements ByteStream {
  readonly #stream: ByteStream;
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #over = 0; // of ENDED and CLOSED
  #error: unknown;
  #waiting: (() => void) | undefined;
  #receiver: ByteReceiver | undefined;
  /** Whether events go straight to the receiver. */
  #passing = false;
  #paused = false;

  /**
   * Starts a stream.
   *
   * @param stream The stream
   */
  constructor(stream: ByteStream) {
    this.#stream = stream;
    stream.start({
      data: (chunk) => this.#data(chunk),
      end: () => this.#end(),
      closed: (error) => this.#close(error),
    });
  }

  get localAddr(): Addr | undefined {
    return this.#stream.localAddr;
  }

  get remoteAddr(): Addr | undefined {
    return this.#stream.remoteAddr;
  }

  /**
   * Reads the next chunk. Only one read may wait at a time.
   *
   * @param signal Gives up waiting
   * @returns The chunk, or `undefined` at the peer's end; rejects with the
   * error of the stream, or the signal's reason
   */
  async read(
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    signal.throwIfAborted();
    if (this.#chunks.length === 0 && this.#over === 0) {
      this.#stream.resume();
      await this.#event(signal);
      signal.throwIfAborted();
    }
    const chunk = this.#chunks.shift();
    if (chunk === undefined && this.#error !== undefined) throw this.#error;
    return chunk;
  }

  /**
   * Puts bytes back, to be read next.
   *
   * @param chunk The bytes
   */
  unread(chunk: Uint8Array<ArrayBuffer>): void {
    if (chunk.length > 0) this.#chunks.unshift(chunk);
  }

  /**
   * Ends the handshake: nothing more is read here.
   *
   * @returns The stream, to be started, which begins with what has not been
   * read. If it cannot be started again, as a user's cannot, this stream, which
   * passes everything on
   */
  release(): ByteStream {
    const stream: ByteStream & Partial<OwnStream> = this.#stream;
    if (stream.restart === undefined) return this;
    stream.restart(join(this.#chunks));
    this.#chunks = [];
    return stream;
  }

  start(receiver: ByteReceiver): void {
    if (this.#receiver !== undefined) {
      throw new TypeError("Cannot start stream: it has a receiver already");
    }
    this.#receiver = receiver;
    setImmediate(() => this.#begin(receiver));
  }

  pause(): void {
    this.#paused = true;
    if (this.#passing) this.#stream.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#passing) this.#stream.resume();
  }

  write(chunk: Uint8Array, done: (error?: unknown) => void): void {
    this.#stream.write(chunk, done);
  }

  end(isLast?: boolean): void {
    this.#stream.end(isLast);
  }

  destroy(): void {
    this.#chunks = [];
    this.#stream.destroy();
  }

  #begin(receiver: ByteReceiver): void {
    // The receiver may destroy the stream, which empties the list.
    for (let chunk; (chunk = this.#chunks.shift()) !== undefined;) {
      receiver.data(chunk);
    }
    this.#passing = true;
    if ((this.#over & ENDED) !== 0) receiver.end();
    if ((this.#over & CLOSED) !== 0) receiver.closed(this.#error);
    else if (this.#paused) this.#stream.pause();
    else this.#stream.resume();
  }

  #data(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#passing) {
      this.#receiver!.data(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#stream.pause();
    this.#waiting?.();
  }

  #end(): void {
    this.#over |= ENDED;
    if (this.#passing) this.#receiver!.end();
    else this.#waiting?.();
  }

  #close(error: unknown): void {
    this.#over |= CLOSED;
    this.#error = error;
    if (this.#passing) this.#receiver!.closed(error);
    else this.#waiting?.();
  }

  async #event(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const onAbort = () => resolve();
    this.#waiting = resolve;
    signal.addEventListener("abort", onAbort);
    await promise;
    signal.removeEventListener("abort", onAbort);
    this.#waiting = undefined;
  }
}

function join(chunks: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}
