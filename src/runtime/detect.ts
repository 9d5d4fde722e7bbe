/** The runtimes that have a WebSocket server of their own. */
export type NativeRuntime = "deno" | "bun";

/**
 * The runtime that we run on, if it has a WebSocket server of its own. Bun is
 * checked first: programs written for Deno bring a `Deno` object along to other
 * runtimes, but nobody brings a `Bun`.
 *
 * @returns Its name, or `undefined` for another runtime
 */
export function nativeRuntime(): NativeRuntime | undefined {
  const scope = globalThis as {
    Bun?: { serve?: unknown };
    Deno?: { upgradeWebSocket?: unknown };
  };
  if (typeof scope.Bun?.serve === "function") return "bun";
  if (typeof scope.Deno?.upgradeWebSocket === "function") return "deno";
  return undefined;
}
