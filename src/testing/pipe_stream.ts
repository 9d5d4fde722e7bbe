import type { ByteReceiver, ByteStream } from "../transport/byte_stream.ts";
import { Lane } from "./pipe_lane.ts";
import { shown } from "../base/user_values.ts";

/** How the two streams of {@linkcode pipeStreams} carry bytes. */
export interface PipeStreamOptions {
  /**
   * The most bytes of a received chunk: what is written is cut and joined to
   * this size. Default: chunks arrive as they were written.
   */
  readonly chunkSize?: number | undefined;
  /**
   * Milliseconds that everything takes to arrive; 0 is a turn of the event
   * loop.
   *
   * @default {0}
   */
  readonly latency?: number | undefined;
  /**
   * Bytes in transit in one direction beyond which a write waits for the
   * reader.
   *
   * @default {65_536}
   */
  readonly bufferSize?: number | undefined;
}

/**
 * Makes two streams in memory: what is written to one is received by the other.
 *
 * @param options Chunks, latency and buffer
 * @returns The two ends
 * @throws {RangeError} If an option is out of range
 */
export function pipeStreams(
  options: PipeStreamOptions = {},
): [PipeStream, PipeStream] {
  const { chunkSize, latency = 0, bufferSize = 65_536 } = options;
  if (chunkSize !== undefined) checkSize("chunkSize", chunkSize);
  checkSize("bufferSize", bufferSize);
  if (!(Number.isFinite(latency) && latency >= 0 && latency < 2 ** 31)) {
    throw new RangeError(
      `Cannot use latency ${shown(latency)}: it must be milliseconds, or 0`,
    );
  }
  const laneOptions = { chunkSize, latency, bufferSize };
  const there = new Lane(laneOptions);
  const back = new Lane(laneOptions);
  const here = new PipeStream(back, there);
  const other = new PipeStream(there, back);
  here.join(other);
  other.join(here);
  return [here, other];
}

function checkSize(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(
      `Cannot use ${name} ${
        shown(value)
      }: it must be a positive number of bytes`,
    );
  }
}

/** One end of a pipe in memory. */
export class PipeStream implements ByteStream {
  readonly #incoming: Lane;
  readonly #outgoing: Lane;
  #peer: PipeStream | undefined;
  #receiver: ByteReceiver | undefined;
  #started = false;
  #closed = false;
  #broken: unknown; // why a write to an end that is gone has failed
  #error: unknown;

  /**
   * Makes an end; {@linkcode pipeStreams} makes both.
   *
   * @param incoming What this end reads from
   * @param outgoing What this end writes to
   */
  constructor(incoming: Lane, outgoing: Lane) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  /** Whether the stream is over in both directions. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Sets the other end. */
  join(peer: PipeStream): void {
    this.#peer = peer;
  }

  start(receiver: ByteReceiver): void {
    if (this.#receiver !== undefined) {
      throw new TypeError("Cannot start stream: it has a receiver already");
    }
    this.#receiver = receiver;
    setImmediate(() => {
      this.#started = true;
      if (this.#closed) receiver.closed(this.#error);
      else {
        this.#incoming.open({
          data: (chunk) => receiver.data(chunk),
          end: () => {
            receiver.end();
            this.#checkEnds();
          },
        });
      }
    });
  }

  pause(): void {
    this.#incoming.pause();
    this.#checkEnds();
  }

  resume(): void {
    this.#incoming.resume();
  }

  write(chunk: Uint8Array, done: (error?: unknown) => void): void {
    if (this.#closed) {
      queueMicrotask(() => done(this.#reason()));
      return;
    }
    const settled = (error?: unknown) => {
      done(error);
      if (this.#peer!.#closed) this.#broken ??= error;
      this.#checkEnds();
    };
    if (this.#peer!.#closed) queueMicrotask(() => settled(gone()));
    else this.#outgoing.write(chunk, settled);
  }

  end(): void {
    this.#outgoing.end();
    this.#checkEnds();
  }

  /**
   * Ends both directions; the peer still gets what was written, then the end.
   */
  destroy(): void {
    if (this.#closed) return;
    this.#outgoing.end();
    this.#close(undefined);
  }

  /** Ends both directions as a fault does: the peer gets an error at once. */
  reset(): void {
    if (this.#closed) return;
    const error = fault("ECONNRESET", "Cannot read: the other end was reset");
    this.#close(undefined);
    this.#peer!.#close(error);
  }

  #checkEnds(): void {
    const { over, paused } = this.#incoming;
    if (this.#broken !== undefined) {
      // A write to an end that is gone breaks the pipe, as a socket: what comes
      // is read before, if it is read.
      if (over || paused) this.#close(this.#broken);
    } else if (over && this.#outgoing.ended) this.#close(undefined);
  }

  #close(error: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    this.#outgoing.giveUp(this.#reason());
    this.#incoming.stop(gone());
    // Otherwise it is reported when the stream has been started.
    if (this.#started) setImmediate(() => this.#receiver!.closed(error));
  }

  #reason(): unknown {
    return this.#error ?? new Error("Cannot write: the pipe is closed");
  }
}

function gone(): Error {
  return fault("EPIPE", "Cannot write: the other end is closed");
}

function fault(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
