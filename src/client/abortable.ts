/**
 * Settles as a promise does, unless a signal is aborted first. A later
 * rejection of the promise is not reported as unhandled.
 *
 * @param promise The promise, of code that may ignore the signal
 * @param signal The signal
 * @returns The promise's value; rejects with its error or the signal's reason
 */
export async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  promise.catch(() => {});
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
