/** Collects garbage, so that what remains in memory is in use. */

interface Collectors {
  /** V8's, by `--expose-gc`. */
  readonly gc?: (options: Record<string, string>) => void;
  readonly Bun?: { gc(sync: boolean): void };
}

/** Collects garbage. */
export function collectNow(): void {
  const { gc, Bun } = globalThis as Collectors;
  if (gc === undefined && Bun === undefined) {
    throw new Error("Cannot collect garbage: V8 needs --expose-gc");
  }
  // The last resort is the one that gives pages back.
  gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
  Bun?.gc(true);
}

/** Collects garbage, and waits until pages have been given back. */
export async function collectGarbage(): Promise<void> {
  // Sweeping and giving pages back take their time behind a collection.
  for (let i = 0; i < 5; i++) {
    collectNow();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
