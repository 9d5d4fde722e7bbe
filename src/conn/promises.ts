function ignore(): void {}

/** The promise of everything that has happened already. */
export const RESOLVED: Promise<void> = Promise.resolve();

/**
 * Marks a promise as handled: a caller who forgets to await it never meets an
 * unhandled rejection, a caller who awaits it still sees the failure.
 */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.then(undefined, ignore);
  return promise;
}

/** A rejection that nobody has to await. */
export function rejected(reason: unknown): Promise<never> {
  return handled(Promise.reject(reason));
}

/** What the methods take that can wait. */
export interface WaitOptions {
  /** Gives up waiting: the promise rejects with the signal's reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** Listens for the signal's abort, if there is one; the result stops listening. */
export function onAbort(
  signal: AbortSignal | undefined,
  act: (reason: unknown) => void,
): () => void {
  if (signal === undefined) return ignore;
  const listener = () => act(signal.reason);
  signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}
