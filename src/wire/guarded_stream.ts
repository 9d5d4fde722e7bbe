import type { ByteReceiver, ByteStream } from "../transport/byte_stream.ts";
import type { Addr } from "../transport/transport.ts";

/**
 * A stream of the user's that throws nothing behind `start`: it is called from
 * what serves other connections as well. What it throws is its end.
 */
export class GuardedStream implements ByteStream {
  readonly #stream: ByteStream;
  #receiver!: ByteReceiver;
  #done: ((error?: unknown) => void) | undefined; // of the write under way
  #over = false;
  #error: unknown; // what it has thrown

  /**
   * Guards a stream.
   *
   * @param stream The user's, not started
   */
  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  get localAddr(): Addr | undefined {
    return this.#stream.localAddr;
  }

  get remoteAddr(): Addr | undefined {
    return this.#stream.remoteAddr;
  }

  get free(): ByteStream["free"] {
    return this.#stream.free;
  }

  start(receiver: ByteReceiver): void {
    this.#receiver = receiver;
    this.#stream.start({
      data: (chunk) => this.#over || receiver.data(chunk),
      end: () => this.#over || receiver.end(),
      closed: (error) => {
        if (this.#over) return;
        this.#over = true;
        receiver.closed(error);
      },
    });
  }

  pause(): void {
    this.#run(() => this.#stream.pause());
  }

  resume(): void {
    this.#run(() => this.#stream.resume());
  }

  write(chunk: Uint8Array, done: (error?: unknown) => void): void {
    if (this.#over) {
      const error = this.#error ??
        new Error("Cannot write: the stream is over");
      queueMicrotask(() => done(error));
      return;
    }
    this.#done = done;
    this.#run(() =>
      this.#stream.write(chunk, (error) => {
        if (this.#done !== done) return;
        this.#done = undefined;
        done(error);
      })
    );
  }

  end(): void {
    this.#run(() => this.#stream.end());
  }

  destroy(): void {
    this.#run(() => this.#stream.destroy());
  }

  #run(act: () => void): void {
    if (this.#over) return;
    try {
      act();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#over = true;
    this.#error = error;
    try {
      this.#stream.destroy();
    } catch {
      // It has told its end already.
    }
    // Never inside of the call that has failed.
    queueMicrotask(() => {
      const done = this.#done;
      this.#done = undefined;
      done?.(error);
      this.#receiver.closed(error);
    });
  }
}
