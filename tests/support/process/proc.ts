/** What Linux tells about a process; nothing elsewhere. */

import { readFileSync, writeFileSync } from "node:fs";

// USER_HZ, the same on every architecture that the runtimes have.
const TICKS = 100;

/** CPU seconds that the process has used, in user and system mode. */
export function cpuSeconds(pid: number): number | undefined {
  const stat = read(pid, "stat");
  // The second field, the name, may hold anything.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields === undefined) return undefined;
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Resident bytes of the process, now and at the most. */
export function resident(
  pid: number,
): { now: number; peak: number } | undefined {
  const status = read(pid, "status");
  if (status === undefined) return undefined;
  const kilobytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
  return { now: kilobytes("VmRSS") * 1024, peak: kilobytes("VmHWM") * 1024 };
}

/** Makes what is resident now the peak. */
export function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
  } catch {
    // Elsewhere there is no peak to reset.
  }
}

function read(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return undefined;
  }
}
