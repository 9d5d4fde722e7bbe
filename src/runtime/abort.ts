import process from "node:process";

/**
 * Aborts a signal that user code has. What its listeners throw would end the
 * process: Deno and Bun treat it as uncaught, during this very call.
 *
 * @param controller The signal's controller
 * @param reason The reason; by default an `AbortError`
 * @param report Called with what the listeners throw
 */
export function abortQuietly(
  controller: AbortController,
  reason: unknown,
  report: (error: unknown) => void,
): void {
  const caught = (error: unknown) => report(error);
  process.on("uncaughtException", caught);
  try {
    controller.abort(reason);
  } finally {
    process.off("uncaughtException", caught);
  }
}
