/** Measures one load on one server, each a process of its own. */

import { fileURLToPath } from "node:url";

import { commandOf, Program } from "../support/child.ts";
import type { LoadResult } from "./load.ts";
import { type Load, type Server, SERVERS } from "./plan.ts";
import { resetPeak, resident } from "../support/process/proc.ts";
import type { Ready } from "../support/process/control.ts";

/** How it is measured. */
export interface Settings {
  /** The command that starts Bun. */
  readonly bun: readonly string[];
  readonly seconds: number;
  readonly warmup: number;
}

/** What was measured. */
export interface Measurement extends LoadResult {
  /** Bytes of memory: a connection's, or those above the baseline. */
  readonly memory?: number | undefined;
}

// What a program may take beside what it is asked to take, in milliseconds.
const LIMIT = 60_000;
// Connections before the first that counts, so that nothing is new any more.
const WARM_CONNS = 200;
const WARM_BYTES = 2 ** 20;

/**
 * Measures one load on one server.
 *
 * @param load The load
 * @param server The name of a server that is started for it, or the URL of one
 * that runs
 * @param settings Bun's command and the times
 * @returns What was measured
 */
export async function measure(
  load: Load,
  server: string,
  settings: Settings,
): Promise<Measurement> {
  const known = SERVERS.get(server);
  if (known === undefined) {
    return await runLoad(load, new URL(server), undefined, settings);
  }
  const child = new Program(serverCommand(known, load, settings), {
    stderr: "inherit",
  });
  try {
    const { port, pid } = await child.read<Ready>(LIMIT);
    const scheme = load.tls ? "wss" : "ws";
    const url = new URL(`${scheme}://127.0.0.1:${port}${load.path ?? "/"}`);
    if (load.kind === "idle") {
      return await measureIdle(load, url, pid, child, settings);
    }
    if (load.kind === "stream") {
      return await measureStream(load, url, pid, settings);
    }
    return await runLoad(load, url, pid, settings);
  } finally {
    await child.end();
  }
}

async function measureIdle(
  load: Load,
  url: URL,
  pid: number,
  server: Program,
  settings: Settings,
): Promise<Measurement> {
  const loads: Program[] = [];
  const open = async (conns: number): Promise<LoadResult> => {
    const child = startLoad({ ...load, conns }, url, pid, settings);
    loads.push(child);
    const result = await child.read<LoadResult>(LIMIT);
    await server.ask(LIMIT);
    return result;
  };
  try {
    await open(Math.min(WARM_CONNS, load.conns));
    const before = resident(pid)?.now;
    const result = await open(load.conns);
    const after = resident(pid)?.now;
    if (before === undefined || after === undefined) return result;
    return { ...result, memory: (after - before) / load.conns };
  } finally {
    await Promise.all(loads.map((child) => child.end()));
  }
}

async function measureStream(
  load: Load,
  url: URL,
  pid: number,
  settings: Settings,
): Promise<Measurement> {
  await runLoad({ ...load, size: WARM_BYTES }, url, pid, settings);
  const before = resident(pid)?.now;
  resetPeak(pid);
  const result = await runLoad(load, url, pid, settings);
  const after = resident(pid)?.peak;
  if (before === undefined || after === undefined) return result;
  return { ...result, memory: after - before };
}

async function runLoad(
  load: Load,
  url: URL,
  pid: number | undefined,
  settings: Settings,
): Promise<LoadResult> {
  const child = startLoad(load, url, pid, settings);
  const { warmup, seconds } = settings;
  try {
    return await child.read((warmup + seconds) * 1000 + LIMIT);
  } finally {
    await child.end();
  }
}

function serverCommand(
  server: Server,
  load: Load,
  settings: Settings,
): string[] {
  const [file = "", ...args] = server.command;
  if (load.tls) args.push("tls");
  const url = new URL(`servers/${file}`, import.meta.url);
  return commandOf(url, args, server.runtime, settings.bun);
}

function startLoad(
  load: Load,
  url: URL,
  pid: number | undefined,
  settings: Settings,
): Program {
  return new Program([
    ...settings.bun,
    fileURLToPath(new URL("load.ts", import.meta.url)),
    `--url=${url}`,
    `--kind=${load.kind}`,
    `--conns=${load.conns}`,
    `--depth=${load.depth ?? 1}`,
    `--size=${load.size ?? 0}`,
    `--type=${load.type ?? "binary"}`,
    `--rate=${load.rate ?? 0}`,
    `--seconds=${settings.seconds}`,
    `--warmup=${settings.warmup}`,
    ...load.compressed ? ["--compressed"] : [],
    ...load.http2 ? ["--http2"] : [],
    ...pid === undefined ? [] : [`--pid=${pid}`],
  ], { stderr: "inherit" });
}
