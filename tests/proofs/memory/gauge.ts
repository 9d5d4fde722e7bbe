/** What a process of its own tells of its memory. */

import process from "node:process";

import { collectGarbage } from "../../support/process/garbage.ts";
import { resetPeak, resident } from "../../support/process/proc.ts";

// Where the system tells no peak, it is looked for.
const SAMPLE_EVERY = 5;

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
