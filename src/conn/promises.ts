import { type OptionsOf, readOptions } from "../base/options.ts";
import { countMessage, isTurnOver, nextTurn } from "../base/turns.ts";

function ignore(): void {}

/** A shared fulfilled promise, for writes that need not wait. */
const RESOLVED: Promise<void> = Promise.resolve();

/**
 * The promise of a message that has been handed over. It fulfils at once, or in
 * the next turn of the event loop when this turn's budget is spent.
 *
 * @param size The message's bytes
 */
export function handedOver(size: number): Promise<void> {
  countMessage(size);
  return isTurnOver() ? nextTurn() : RESOLVED;
}

/**
 * Marks a promise as handled: a caller who does not await it causes no
 * unhandled rejection, and one who does still sees the failure.
 */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.then(undefined, ignore);
  return promise;
}

/**
 * A rejection that need not be awaited. It comes in the next turn, so that a
 * loop that keeps trying and ignores the errors does not block everything else.
 */
export function rejected(reason: unknown): Promise<never> {
  return inNextTurn(() => {
    throw reason;
  });
}

/**
 * Makes a call in the next turn; returns its result. A failure need not be
 * awaited.
 */
export function inNextTurn<T>(call: () => T | Promise<T>): Promise<T> {
  return handled(nextTurn().then(call));
}

/** Options of the methods that can wait. */
export interface WaitOptions {
  /**
   * Gives up waiting when aborted: the promise rejects with the signal's
   * reason. Default: none.
   */
  readonly signal?: AbortSignal | undefined;
}

const WAIT_OPTIONS: OptionsOf<WaitOptions> = {
  what: "what waits",
  use: "conn.readMessage({ … })",
  names: { signal: true },
};

/** Reads the options of a method that can wait, if there are any. */
export function readWait(
  options: WaitOptions | undefined,
): WaitOptions | undefined {
  return options === undefined ? undefined : readOptions(options, WAIT_OPTIONS);
}

/**
 * Calls `act` when the signal, if there is one, is aborted; returns a function
 * that stops listening.
 */
export function onAbort(
  signal: AbortSignal | undefined,
  act: (reason: unknown) => void,
): () => void {
  if (signal === undefined) return ignore;
  const listener = () => act(signal.reason);
  signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}
