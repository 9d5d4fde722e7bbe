/**
 * A thread that ends the process when one input takes too long: what loops for
 * ever cannot say so itself. It is given shared memory, and looks at it.
 */

import process from "node:process";

import { type Progress, SLOTS } from "./progress.ts";

/** How many looks in vain are too many. */
const LOOKS = 30;

function watch({ memory, seed, names, patience }: Progress): void {
  const slots = new Float64Array(memory);
  let last = "";
  let looks = 0;
  setInterval(() => {
    const now = slots.join();
    looks = now === last ? looks + 1 : 0;
    last = now;
    if (looks < LOOKS) return;
    const name = names[slots[SLOTS.target]!];
    const iteration = slots[SLOTS.iteration];
    console.error(
      `Finding in ${name}, seed ${seed}, input ${iteration}\n` +
        `  fault:    hangs: no end in ${patience} ms\n` +
        `  again:    deno task fuzz --only ${name} --seed ${seed} --from ` +
        `${iteration} --inputs 1`,
    );
    process.kill(process.pid, "SIGKILL");
  }, patience / LOOKS);
}

globalThis.addEventListener("message", (event) => {
  watch((event as MessageEvent<Progress>).data);
});
