import type { Fault, Target } from "./target.ts";

/** An input that fails, and how. */
export interface Failure {
  readonly input: Uint8Array<ArrayBuffer>;
  readonly fault: string;
}

/** Tries an input; what is thrown is its fault. */
export type Attempt = (
  input: Uint8Array<ArrayBuffer>,
) => Fault | Promise<Fault>;

// A search that goes on for longer would find little more.
const MAX_ATTEMPTS = 3_000;
const MAX_TIME = 30_000;

/** What the fault is about: two of a kind may differ in their details. */
export function kindOf(fault: string): string {
  return fault.split(":", 1)[0]!;
}

/**
 * Looks for a smaller input with a fault of the same kind: leaves out parts,
 * large ones first, then makes bytes smaller. It takes so many milliseconds at
 * the most, half a minute by default.
 */
export async function shrink(
  failure: Failure,
  target: Pick<Target, "settings" | "smaller">,
  attempt: Attempt,
  time: number = MAX_TIME,
): Promise<Failure> {
  const { settings } = target;
  const kind = kindOf(failure.fault);
  const deadline = performance.now() + time;
  let best = failure;
  let attempts = 0;
  const isOver = () => attempts >= MAX_ATTEMPTS || performance.now() > deadline;
  const better = async (input: Uint8Array<ArrayBuffer>): Promise<boolean> => {
    if (isOver()) return false;
    attempts++;
    const fault = await attempt(input);
    if (fault === undefined || kindOf(fault) !== kind) return false;
    best = { input, fault };
    return true;
  };

  for (let changed = true; changed && !isOver();) {
    changed = false;
    for (let found = true; found;) {
      found = false;
      for (const input of target.smaller?.(best.input) ?? []) {
        if (!await better(input)) continue;
        changed = found = true;
        break;
      }
    }
    const length = best.input.length - settings;
    for (let size = length; size >= 1; size = Math.floor(size / 2)) {
      for (let at = settings; at + size <= best.input.length;) {
        if (await better(without(best.input, at, size))) changed = true;
        else at += size;
      }
    }
    for (let at = 0; at < best.input.length; at++) {
      const byte = best.input[at]!;
      for (const smaller of [0, byte >> 4, byte >> 1, byte - 1]) {
        if (smaller < 0 || smaller >= byte) continue;
        if (await better(withByte(best.input, at, smaller))) {
          changed = true;
          break;
        }
      }
    }
  }
  return best;
}

function without(
  bytes: Uint8Array<ArrayBuffer>,
  start: number,
  count: number,
): Uint8Array<ArrayBuffer> {
  const rest = new Uint8Array(bytes.length - count);
  rest.set(bytes.subarray(0, start));
  rest.set(bytes.subarray(start + count), start);
  return rest;
}

function withByte(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  byte: number,
): Uint8Array<ArrayBuffer> {
  const changed = bytes.slice();
  changed[at] = byte;
  return changed;
}
