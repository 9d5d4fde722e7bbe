/**
 * Prints an error to the console, where nobody else is to be told; never throws.
 *
 * @param error Whatever was thrown
 */
export function logError(error: unknown): void {
  try {
    // deno-lint-ignore no-console -- the documented default
    console.error(error);
  } catch {
    // Deno cannot print a revoked proxy, and no console can print a value whose
    // custom inspection throws.
    // deno-lint-ignore no-console -- the documented default
    console.error("What was thrown cannot be shown");
  }
}
