/**
 * Finds the sockets and timers that a test leaves behind. Deno's sanitizers do
 * not see the sockets of `node:net`, and Bun has no sanitizers.
 *
 * Timers are seen on every system by wrapping `setTimeout` and `setInterval`.
 * Sockets are seen on Deno by `process.getActiveResourcesInfo()`, which is
 * empty on Bun; on Bun by the descriptors under `/proc`, so on Linux only.
 *
 * @module
 */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";

/** What was open when a test began. */
export interface Gauge {
  /**
   * Resolves as soon as all that was opened since is closed again.
   *
   * @throws {Error} If that has not happened in two seconds or more; the message
   * names what is open.
   */
  settle(): Promise<void>;
  /** Ends the gauge: timers are no longer noted. */
  stop(): void;
}

/** What Deno's and Bun's `setTimeout` return: node's `Timeout`. */
interface Timer {
  readonly _destroyed: boolean;
}

interface Started {
  readonly timer: Timer;
  readonly what: string;
  readonly where: Error;
}

/** The timers that a test has started, without most of those that are over. */
class TimerList {
  #timers: Started[] = [];
  #limit = 1024;

  add(started: Started): void {
    this.#timers.push(started);
    if (this.#timers.length < this.#limit) return;
    this.#timers = this.active();
    this.#limit = Math.max(1024, 2 * this.#timers.length);
  }

  active(): Started[] {
    // A loop: what the gauge does is not to count as the test's work.
    const active: Started[] = [];
    for (const started of this.#timers) {
      if (!started.timer._destroyed) active.push(started);
    }
    return active;
  }
}

/** Two seconds and a half by their waits; a process that is stalled looks less. */
const LOOKS = 65;
const IS_BUN = "Bun" in globalThis;
const IS_LINUX = process.platform === "linux";

const startTimeout = globalThis.setTimeout;
const startInterval = globalThis.setInterval;
/** The list of the test that is running; tests run one at a time. */
let noted: TimerList | undefined;

globalThis.setTimeout = noting("setTimeout", startTimeout);
globalThis.setInterval = noting("setInterval", startInterval);

/** Notes what is open now. */
export function takeGauge(): Gauge {
  const timers = new TimerList();
  noted = timers;
  const socketsBefore = openSockets();
  const resourcesBefore = activeResources();

  const leaks = (): string[] => [
    ...timers.active().map(describeTimer),
    ...newSockets(socketsBefore),
    ...newResources(resourcesBefore),
  ];

  return {
    async settle(): Promise<void> {
      // A closed socket is gone a turn or more after its close.
      for (let looks = 0; leaks().length > 0; looks++) {
        if (looks === LOOKS) {
          throw new Error(`The test leaks:\n- ${leaks().join("\n- ")}`);
        }
        const wait = Math.min(2 * looks, 50);
        await new Promise<void>((resolve) => startTimeout(resolve, wait));
      }
    },
    stop(): void {
      if (noted === timers) noted = undefined;
    },
  };
}

function noting<F extends typeof setTimeout | typeof setInterval>(
  name: string,
  start: F,
): F {
  // deno-lint-ignore no-explicit-any -- any callback and its arguments
  function startNoted(...args: any[]): unknown {
    // deno-lint-ignore no-explicit-any
    const timer = (start as any)(...args);
    noted?.add({
      timer,
      what: `${name}(…, ${args[1] ?? 0})`,
      where: new Error(),
    });
    return timer;
  }
  // Keeps what hangs on it, such as `util.promisify.custom`.
  return Object.assign(startNoted, start) as unknown as F;
}

function describeTimer({ what, where }: Started): string {
  const frames = (where.stack ?? "").split("\n").map((line) => line.trim());
  const from = frames.find((line) =>
    line.startsWith("at ") && !line.includes("leak_gauge.ts")
  );
  return `a timer: ${what} ${from ?? ""}`.trimEnd();
}

/** The inodes of this process's open sockets. */
function openSockets(): Set<string> {
  const inodes = new Set<string>();
  if (!IS_BUN || !IS_LINUX) return inodes;
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      const link = readlinkSync(`/proc/self/fd/${fd}`);
      const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch {
      // The descriptor that listed the folder is closed by now.
    }
  }
  return inodes;
}

function newSockets(before: Set<string>): string[] {
  const fresh = [...openSockets().difference(before)];
  if (fresh.length === 0) return [];
  const known = describeTcpSockets();
  return fresh.map((inode) => `a socket: ${known.get(inode) ?? "not TCP"}`);
}

/** Inode to `local -> remote state`, as the kernel writes them (hex). */
function describeTcpSockets(): Map<string, string> {
  const known = new Map<string, string>();
  for (const table of ["tcp", "tcp6"]) {
    let rows: string[];
    try {
      rows = readFileSync(`/proc/self/net/${table}`, "utf8").split("\n");
    } catch {
      continue; // A kernel without IPv6 has no such table.
    }
    for (const row of rows.slice(1)) {
      const [, local, remote, state, , , , , , inode] = row.trim().split(/\s+/);
      if (local === undefined || remote === undefined || !inode) continue;
      const listens = state === "0A";
      const end = listens ? "listening" : `-> port ${port(remote)}`;
      known.set(inode, `${table} port ${port(local)} ${end}`);
    }
  }
  return known;
}

function port(address: string): number {
  return Number.parseInt(address.slice(address.lastIndexOf(":") + 1), 16);
}

/** How many of each kind of resource are active. */
function activeResources(): Map<string, number> {
  const counts = new Map<string, number>();
  if (IS_BUN) return counts;
  for (const kind of process.getActiveResourcesInfo()) {
    // Timers are noted one by one, with the place that started them.
    if (kind === "Timeout") continue;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

function newResources(before: Map<string, number>): string[] {
  const fresh: string[] = [];
  for (const [kind, count] of activeResources()) {
    const more = count - (before.get(kind) ?? 0);
    if (more > 0) fresh.push(`${more} more active of kind ${kind}`);
  }
  return fresh;
}
