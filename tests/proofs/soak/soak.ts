/** Runs a soak: a server and a client, each a process of its own. */

import { findBun } from "../../support/runner/find_bun.ts";
import { commandOf, Program } from "../../support/child.ts";
import type { Ready } from "../../support/process/control.ts";
import { resident } from "../../support/process/proc.ts";
import type { Totals } from "./client_conn.ts";
import type { ServerState } from "./server.ts";

/** A runtime. */
export type Runtime = "deno" | "bun";

/** How a soak is run. */
export interface SoakOptions {
  /** Seconds of load, once all connections are open. */
  readonly seconds: number;
  /** Connections at a time. */
  readonly conns: number;
  readonly server: Runtime;
  readonly client: Runtime;
  readonly seed: number;
  /** Told of each sample as it is taken. */
  readonly onSample?: (sample: Sample) => void;
}

/** What is so at a moment. */
export interface Sample {
  /** Seconds since all connections were open. */
  readonly at: number;
  /** Resident bytes, where the system tells. */
  readonly server: number | undefined;
  readonly client: number | undefined;
  readonly open: number;
  readonly messages: number;
}

/** Resident bytes behind a garbage collection. */
export interface Memory {
  /** When all connections are open and warm. */
  readonly before: number | undefined;
  /** At the end of the load. */
  readonly after: number | undefined;
}

/** What came of it. */
export interface SoakReport {
  readonly options: SoakOptions;
  readonly samples: readonly Sample[];
  readonly totals: Totals;
  readonly server: Memory;
  readonly client: Memory;
  /** Connections when nothing moved any more, by the client's and the server's count. */
  readonly atEnd: { readonly client: number; readonly server: number };
  /** What must not be, in words. */
  readonly faults: readonly string[];
}

// What a program may take for what it is asked, in milliseconds.
const LIMIT = 600_000;
const SAMPLES = 30;
// The part of the time in which the programs get as large as they get.
const WARM_UP = 1 / 4;
// What the rest of the time may add: the collectors' own ups and downs.
const GROWTH = 1.1;
const MARGIN = 16 * 2 ** 20;
// Under this, it is a trial of the soak itself.
const MIN_SECONDS = 60;
// Connections that come and go a second, at the most; and the seconds that one
// lives on average, at the least.
const MAX_CHANGES = 60;
const MIN_LIFE = 0.3;
// Open files of a process beside its connections.
const FILES = 200;

/** Runs a soak. */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const bun = await findBun();
  if (bun === undefined) {
    throw new Error("Cannot find Bun: install it, or npx to fetch it");
  }
  await checkFiles(options.conns);
  const server = start(options.server, bun, "server.ts", []);
  try {
    const { port, pid } = await server.read<Ready>(LIMIT);
    const client = start(options.client, bun, "client.ts", [
      `--url=ws://127.0.0.1:${port}`,
      `--conns=${options.conns}`,
      `--life=${Math.max(MIN_LIFE, options.conns / MAX_CHANGES)}`,
      `--seed=${options.seed}`,
    ]);
    try {
      return await new Soak(options, server, client, pid).run();
    } finally {
      await client.end();
    }
  } finally {
    await server.end();
  }
}

class Soak {
  readonly #options: SoakOptions;
  readonly #server: Program;
  readonly #client: Program;
  readonly #serverPid: number;
  #clientPid = 0;
  #began = 0;
  readonly #samples: Sample[] = [];
  readonly #faults: string[] = [];

  constructor(
    options: SoakOptions,
    server: Program,
    client: Program,
    serverPid: number,
  ) {
    this.#options = options;
    this.#server = server;
    this.#client = client;
    this.#serverPid = serverPid;
  }

  async run(): Promise<SoakReport> {
    const { seconds } = this.#options;
    const { pid } = await this.#client.read<{ pid: number }>(LIMIT);
    this.#clientPid = pid;
    this.#began = performance.now();
    await this.#load(seconds * WARM_UP);
    const before = await this.#collect();
    await this.#load(seconds);

    const { open } = await this.#askClient("freeze");
    const conns = await this.#conns(open);
    if (conns !== open) {
      this.#faults.push(`the server counts ${conns} connections, not ${open}`);
    }
    const after = await this.#collect();
    const totals = await this.#askClient("end");
    const left = await this.#conns(0);
    if (left !== 0) this.#faults.push(`the server keeps ${left} connections`);
    if (totals.open !== 0) {
      this.#faults.push(`the client keeps ${totals.open} connections`);
    }
    const { faults } = await this.#askServer();
    const server = { before: before.server, after: after.server };
    const client = { before: before.client, after: after.client };
    if (seconds >= MIN_SECONDS) {
      this.#checkMemory("server", server);
      this.#checkMemory("client", client);
    }
    return {
      options: this.#options,
      samples: this.#samples,
      totals,
      server,
      client,
      atEnd: { client: open, server: conns },
      faults: [...this.#faults, ...totals.faults, ...faults],
    };
  }

  /** Samples until so many seconds are over. */
  async #load(end: number): Promise<void> {
    const step = this.#options.seconds / SAMPLES;
    for (;;) {
      const left = end - this.#seconds;
      if (left <= 0) return;
      await new Promise((resolve) =>
        setTimeout(resolve, 1000 * Math.min(left, step))
      );
      const { open, messages, faults } = await this.#askClient();
      const sample: Sample = {
        at: this.#seconds,
        server: resident(this.#serverPid)?.now,
        client: resident(this.#clientPid)?.now,
        open,
        messages,
      };
      this.#samples.push(sample);
      this.#options.onSample?.(sample);
      // What is wrong from the beginning need not go on.
      if (faults.length > 10) return;
    }
  }

  async #collect(): Promise<
    { server: number | undefined; client: number | undefined }
  > {
    await this.#askServer("collect");
    await this.#askClient("collect");
    return {
      server: resident(this.#serverPid)?.now,
      client: resident(this.#clientPid)?.now,
    };
  }

  /** The server's count, which may come to the client's a little later. */
  async #conns(expected: number): Promise<number> {
    for (let tries = 0;; tries++) {
      const { conns } = await this.#askServer();
      if (conns === expected || tries === 100) return conns;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  #checkMemory(who: string, { before, after }: Memory): void {
    if (before === undefined || after === undefined) return;
    if (after <= before * GROWTH + MARGIN) return;
    this.#faults.push(
      `the ${who}'s memory has grown from ${before} to ${after} bytes`,
    );
  }

  async #askClient(question = ""): Promise<Totals> {
    return JSON.parse(await this.#client.ask(LIMIT, question));
  }

  async #askServer(question = ""): Promise<ServerState> {
    return JSON.parse(await this.#server.ask(LIMIT, question));
  }

  get #seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }
}

/** A program that may open as many files as the system lets it. */
function start(
  runtime: Runtime,
  bun: readonly string[],
  file: string,
  args: readonly string[],
): Program {
  const url = new URL(file, import.meta.url);
  const command = commandOf(url, args, runtime, bun);
  if (Deno.build.os === "windows") {
    return new Program(command, { stderr: "inherit" });
  }
  const raise = 'ulimit -n "$(ulimit -H -n)"; exec "$@"';
  return new Program(["sh", "-c", raise, "sh", ...command], {
    stderr: "inherit",
  });
}

/** Whether the system lets a process have so many connections. */
async function checkFiles(conns: number): Promise<void> {
  if (Deno.build.os === "windows") return;
  await using shell = new Program(["sh", "-c", "ulimit -H -n"]);
  await shell.exited;
  const limit = Number(shell.stdout);
  // `unlimited` is no number.
  if (limit >= conns + FILES || Number.isNaN(limit)) return;
  throw new RangeError(
    `Cannot open ${conns} connections: a process may have ${limit} open ` +
      "files; raise the hard limit (ulimit -Hn, LimitNOFILE), or lower --conns",
  );
}
