/** What a process of its own tells of its memory. */

import process from "node:process";

import { resetPeak, resident } from "../process/proc.ts";

interface Collectors {
  /** V8's, by `--expose-gc`. */
  readonly gc?: () => void;
  readonly Bun?: { gc(sync: boolean): void };
}

// Where the system tells no peak, it is looked for.
const SAMPLE_EVERY = 5;

/** Collects garbage, until what is freed late is free as well. */
export async function collectGarbage(): Promise<void> {
  const { gc, Bun } = globalThis as Collectors;
  if (gc === undefined && Bun === undefined) {
    throw new Error("Cannot collect garbage: V8 needs --expose-gc");
  }
  for (let i = 0; i < 5; i++) {
    gc?.();
    Bun?.gc(true);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Resident bytes, at the most, above those of now. */
export class PeakGauge {
  #base = 0;
  #sampled = 0;

  /** Begins anew. */
  async start(): Promise<void> {
    await collectGarbage();
    this.#base = this.#sampled = process.memoryUsage().rss;
    resetPeak(process.pid);
    if (resident(process.pid) !== undefined) return;
    setInterval(() => {
      this.#sampled = Math.max(this.#sampled, process.memoryUsage().rss);
    }, SAMPLE_EVERY).unref();
  }

  /** Bytes above the beginning. */
  get above(): number {
    const peak = resident(process.pid)?.peak ?? this.#sampled;
    return Math.max(0, peak - this.#base);
  }
}
