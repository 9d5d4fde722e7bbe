/**
 * Streams whose promises, like those of a `Conn`, need not be awaited: a
 * failure is not an unhandled rejection. A stream that is over settles its
 * calls in the next turn of the event loop, so that a loop that ignores errors
 * does not block everything else.
 */

import { handled, inNextTurn, rejected } from "./promises.ts";

/**
 * A readable stream whose reads and pipes need not be awaited. It pulls only
 * when it is read from, and withdraws a waiting pull when its reader leaves, so
 * that an aborted pipe takes no message away.
 */
export class QuietReadable<T> extends ReadableStream<T> {
  readonly #withdraw: () => void;

  constructor(
    source: UnderlyingDefaultSource<T>,
    withdraw: () => void = () => {},
  ) {
    super(source, { highWaterMark: 0 });
    this.#withdraw = withdraw;
  }

  // deno-lint-ignore no-explicit-any explicit-module-boundary-types -- overloads
  override getReader(...args: any): any {
    const reader = super.getReader(...args) as ReadableStreamDefaultReader<T>;
    const read = reader.read.bind(reader);
    const later = (
      result: ReadableStreamReadResult<T>,
    ): PromiseLike<ReadableStreamReadResult<T>> | typeof result =>
      result.done ? inNextTurn(() => result) : result;
    const releaseLock = reader.releaseLock.bind(reader);
    reader.releaseLock = () => {
      releaseLock();
      this.#withdraw();
    };
    reader.read = () =>
      handled(read().then<ReadableStreamReadResult<T>>(later, rejected));
    return reader;
  }

  override pipeTo(
    destination: WritableStream<T>,
    options?: StreamPipeOptions,
  ): Promise<void> {
    const piped = handled(super.pipeTo(destination, options));
    // With `preventCancel` the stream goes on, but the pipe's read must not.
    const over = () => {
      if (!this.locked) this.#withdraw();
    };
    piped.then(over, over);
    return piped;
  }

  override cancel(reason?: unknown): Promise<void> {
    return handled(super.cancel(reason));
  }
}

/** A writable stream whose writes need not be awaited. */
export class QuietWritable<T> extends WritableStream<T> {
  override getWriter(): WritableStreamDefaultWriter<T> {
    const writer = super.getWriter();
    const { write, close, abort } = writer;
    writer.write = (chunk) =>
      handled(write.call(writer, chunk).catch(rejected));
    writer.close = () => handled(close.call(writer).catch(rejected));
    writer.abort = (reason) => handled(abort.call(writer, reason));
    return writer;
  }

  override close(): Promise<void> {
    return handled(super.close());
  }

  override abort(reason?: unknown): Promise<void> {
    return handled(super.abort(reason));
  }
}
