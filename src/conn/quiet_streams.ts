/**
 * Streams whose promises, like those of a `Conn`, need not be awaited: a
 * failure is not an unhandled rejection. A stream that is over settles its
 * calls in the next turn of the event loop, so that a loop that ignores errors
 * does not block everything else. What the platform does without calling them
 * cannot be delayed: `writer.ready`, `new Response(stream)`, `pipeThrough()`, a
 * pipe into a stream that has failed.
 */

import { nextTurn } from "../base/turns.ts";
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
    after(reader, this.#withdraw, "releaseLock");
    after(reader, quiet, "read");
    return after(reader, late, "cancel");
  }

  override pipeTo(
    destination: WritableStream<T>,
    options?: StreamPipeOptions,
  ): Promise<void> {
    const piped = super.pipeTo(destination, options);
    // With `preventCancel` the stream goes on, but the pipe's read must not.
    const over = () => {
      if (!this.locked) this.#withdraw();
    };
    piped.then(over, over);
    return late(piped);
  }
}

/** A writable stream whose writes need not be awaited. */
export class QuietWritable<T> extends WritableStream<T> {}

after(QuietReadable.prototype, late, "cancel");
after(
  QuietReadable.prototype,
  (steps) => after(steps, quiet, "next", "return"),
  "values",
  Symbol.asyncIterator,
);

after(QuietWritable.prototype, quiet, "close");
after(QuietWritable.prototype, late, "abort");
after(
  QuietWritable.prototype,
  (writer) => after(after(writer, quiet, "write", "close"), late, "abort"),
  "getWriter",
);

// Has what methods return go through a function. What the platform lacks, as
// some browsers do iterators, stays missing.
function after<T extends object>(
  object: T,
  // deno-lint-ignore no-explicit-any -- as many types as methods
  change: (result: any) => unknown,
  ...names: (keyof T)[]
): T {
  for (const name of names) {
    const method = object[name] as
      | ((...args: unknown[]) => unknown)
      | undefined;
    if (method === undefined) continue;
    object[name] = function (this: T, ...args: unknown[]) {
      return change(method.apply(this, args));
    } as T[keyof T];
  }
  return object;
}

// A chunk comes at once, a failure and the end in the next turn.
function quiet<R>(promise: Promise<R>): Promise<R> {
  return handled(
    promise.then<R>(
      (result) =>
        (result as { done?: boolean } | undefined)?.done
          ? inNextTurn(() => result)
          : result,
      rejected,
    ),
  );
}

// For what succeeds on a stream that is over.
function late<R>(promise: Promise<R>): Promise<R> {
  return handled(promise.finally(nextTurn));
}
