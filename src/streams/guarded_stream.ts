import type { ByteReceiver, ByteStream } from "../transport/byte_stream.ts";
import type { Addr } from "../transport/transport.ts";
import { nameOf, settled } from "../base/user_values.ts";

// Milliseconds from `destroy` to `closed`, as ByteStream says.
const CLOSES_WITHIN = 1_000;

/**
 * Guards against what a user's stream throws after `start`, as the code that
 * calls it serves other connections as well. A stream that throws has ended,
 * and so has one that does not close when it is destroyed.
 */
export class GuardedStream implements ByteStream {
  readonly #stream: ByteStream;
  #receiver: ByteReceiver | undefined;
  #done: ((error?: unknown) => void) | undefined; // of the pending write
  #end: { readonly error?: unknown } | undefined; // how it has ended
  #closing: ReturnType<typeof setTimeout> | undefined; // since `destroy`

  /**
   * Guards a stream.
   *
   * @param stream The user's, not started
   * @throws {TypeError} If it is none
   */
  constructor(stream: ByteStream) {
    for (const name of ["start", "write", "destroy"] as const) {
      if (typeof stream?.[name] === "function") continue;
      throw new TypeError(
        `Cannot use ${
          nameOf(stream)
        } as a ByteStream: it has no ${name}(), pass a socket through socketStream()`,
      );
    }
    this.#stream = stream;
  }

  get localAddr(): Addr | undefined {
    return this.#stream.localAddr;
  }

  get remoteAddr(): Addr | undefined {
    return this.#stream.remoteAddr;
  }

  start(receiver: ByteReceiver): void {
    this.#receiver = receiver;
    // What it throws at once is the caller's to hear: nothing has begun.
    const started: unknown = this.#stream.start({
      data: (chunk) => {
        if (this.#end !== undefined) return;
        if (chunk instanceof Uint8Array) receiver.data(chunk);
        else this.#fail(noBytes(chunk));
      },
      end: () => {
        if (this.#end === undefined) receiver.end();
      },
      closed: (error) => {
        if (this.#end !== undefined) return;
        this.#end = {};
        clearTimeout(this.#closing);
        receiver.closed(error);
      },
    });
    this.#watch(started);
  }

  pause(): void {
    this.#run(() => this.#stream.pause());
  }

  resume(): void {
    this.#run(() => this.#stream.resume());
  }

  write(chunk: Uint8Array, done: (error?: unknown) => void): void {
    if (this.#end !== undefined) {
      const error = this.#end.error ??
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

  end(isLast?: boolean): void {
    this.#run(() => this.#stream.end(isLast));
  }

  destroy(): void {
    this.#run(() => this.#stream.destroy());
    // Nobody waits for one that was not started.
    if (this.#end !== undefined || this.#receiver === undefined) return;
    this.#closing ??= setTimeout(() => this.#over(unclosed()), CLOSES_WITHIN);
  }

  #run(act: () => unknown): void {
    if (this.#end !== undefined) return;
    try {
      this.#watch(act());
    } catch (error) {
      this.#fail(error);
    }
  }

  // The types allow async functions.
  #watch(result: unknown): void {
    if (result === undefined) return;
    settled(result).catch((error) => this.#fail(error));
  }

  #fail(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#over(error);
    try {
      settled(this.#stream.destroy()).catch(() => {});
    } catch {
      // Its end has been reported already.
    }
  }

  #over(error: unknown): void {
    this.#end = { error };
    clearTimeout(this.#closing);
    // Never within the call that has failed.
    queueMicrotask(() => {
      const done = this.#done;
      this.#done = undefined;
      done?.(error);
      // There is none where a dial was given up before it was started.
      this.#receiver?.closed(error);
    });
  }
}

function unclosed(): Error {
  return new Error(
    `Cannot close stream: it has not called closed() within ${CLOSES_WITHIN} ms of destroy()`,
  );
}

function noBytes(chunk: unknown): TypeError {
  return new TypeError(
    `Cannot read from stream: it gives a ${typeof chunk}, not a Uint8Array`,
  );
}
