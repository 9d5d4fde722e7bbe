/** A server of the matrix as its observer sees it: a process that may hang. */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";

import { commandOf, Program } from "../../../support/child.ts";
import { cpuSeconds } from "../../../support/process/proc.ts";
import { CLOSE } from "./endings.ts";
import { Peer } from "./peer.ts";
import type { Place } from "./plan.ts";
import type { Status } from "./server.ts";

const SERVER = new URL("server.ts", import.meta.url);
/** Seconds of CPU after which the system kills it, should nobody else. */
const CPU_LIMIT = 300;
/** Milliseconds between two looks for what is waited for. */
const LOOK_EVERY = 10;
/** After so many looks it is seen what the server did meanwhile. */
const LOOKS = 5;
/** Seconds that they take, at least; no more of them count. */
const SLICE = LOOKS * LOOK_EVERY / 1000;
/** A server that is kept from running is waited for so many times longer. */
const PATIENCE = 15;
/** How long starting a runtime may take on a busy machine, in seconds. */
const START_LIMIT = 60;
/** Seconds for an end, be it by the keepalive of the server. */
const LEAVING = 3;
/** Windows of 100 ms, one of which must be idle, and what idle is. */
const WINDOWS = 30;
const WINDOW = 100;
const IDLE = 0.02;

/** What a server did against a rule. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** How a process has ended. */
export type Exit = number | string;

/** A server process. */
export class ServerProcess implements AsyncDisposable {
  readonly #program: Program;
  #port = 0;
  #sockets = 0;
  #resources = 0;

  private constructor(command: readonly string[]) {
    const limited = process.platform === "win32"
      ? command
      : ["sh", "-c", `ulimit -t ${CPU_LIMIT}; exec "$@"`, "sh", ...command];
    this.#program = new Program(limited, { stdin: "ignore" });
  }

  /** How it has ended, once it has. */
  get exit(): Exit | undefined {
    return this.#program.exit;
  }

  get stdout(): string {
    return this.#program.stdout;
  }

  get stderr(): string {
    return this.#program.stderr;
  }

  /** Starts one, and notes what it holds while nobody is connected. */
  static async start(
    { engine, runtime }: Place,
    impatient: boolean,
    bun: readonly string[],
  ): Promise<ServerProcess> {
    const args = [engine, ...impatient ? ["impatient"] : []];
    const server = new ServerProcess(commandOf(SERVER, args, runtime, bun));
    try {
      await server.until(
        () => server.stdout.includes("\n"),
        "it does not start",
        START_LIMIT,
      );
      server.#port = Number.parseInt(server.stdout);
      await server.#takeBase();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Another client. */
  connect(): Peer {
    return new Peer(this.#port);
  }

  /**
   * Waits for what the server has some seconds for. Only such time counts in
   * which it slept or ran: not while it, or this process, is kept from running.
   *
   * @throws {Violation} If it does not happen, or the process ends before
   */
  async until(
    condition: () => boolean | Promise<boolean>,
    what: string,
    seconds = 1,
    check: () => void = () => this.#checkAlive(),
  ): Promise<void> {
    let counted = 0;
    const base = this.#cpu();
    let before = base;
    const start = performance.now();
    for (let looks = 1; !await condition(); looks++) {
      check();
      await pause(LOOK_EVERY);
      if (looks % LOOKS > 0) continue;
      const cpu = this.#cpu();
      counted += this.#sleeps() ? SLICE : Math.min(SLICE, cpu - before);
      before = cpu;
      const waited = (performance.now() - start) / 1000;
      if (counted >= seconds || waited > PATIENCE * seconds) {
        const spent = (cpu - base).toFixed(1);
        throw new Violation(
          `${what} (${waited.toFixed(1)} s, ${spent} s of them on the CPU)`,
        );
      }
    }
  }

  /** Asks by a GET over a fresh connection, which has to be answered in a second. */
  async get(path = "/", check?: () => void): Promise<Status> {
    const peer = this.connect();
    try {
      peer.send(
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      const body = () => /\r\n\r\n[^]*?(\{.*\})\s/.exec(peer.text)?.[1];
      await this.until(
        () => body() !== undefined,
        "a GET is not answered",
        1,
        check,
      );
      return JSON.parse(body()!);
    } finally {
      peer.leave();
    }
  }

  /** Nothing may be left of the connections that were. */
  async assertNothingLeft(): Promise<void> {
    let status = await this.get();
    const left = async (
      name: "conns" | "handlers" | "resources",
      most: number,
      what: string,
    ) => {
      await this.until(
        async () => (status = await this.get())[name] <= most,
        what,
        LEAVING,
      );
    };
    await left("handlers", 0, "the handler has not ended");
    await left("conns", 0, "server.conns has not lost the connection");
    await left("resources", this.#resources, "timers or sockets are left");
    await this.until(
      () => this.#countSockets() <= this.#sockets,
      "sockets are left open",
      LEAVING,
    );
    if (status.mistake !== undefined) throw new Violation(status.mistake);
    this.assertSilent();
  }

  /** Nobody is there: it may not compute. */
  async assertIdle(): Promise<void> {
    let share = 0;
    for (let i = 0; i < WINDOWS; i++) {
      const before = this.#cpu();
      await pause(WINDOW);
      this.#checkAlive();
      const spent = this.#cpu() - before;
      if (spent <= IDLE) return;
      share = spent * 1000 / WINDOW;
    }
    throw new Violation(
      `it computes without a peer (${(100 * share).toFixed(0)} % CPU)`,
    );
  }

  /** It may not print anything that is wrong. */
  assertSilent(): void {
    const [line] = this.stderr.trim().split("\n");
    if (line) throw new Violation(`it prints: ${line.slice(0, 200)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }

  #checkAlive(): void {
    if (this.exit === undefined) return;
    const [line = ""] = this.stderr.trim().split("\n");
    throw new Violation(`the process ends (${this.exit}): ${line}`);
  }

  /** After what every runtime loads with the first connections. */
  async #takeBase(): Promise<void> {
    const peer = this.connect();
    peer.send(upgradeRequest("for await", true));
    await this.until(() => peer.text.includes("\r\n\r\n"), "no upgrade");
    peer.send(CLOSE);
    await this.until(() => peer.ended, "the first connection does not end", 3);
    peer.leave();
    await this.until(
      async () => (await this.get()).handlers === 0,
      "the handler of the first connection has not ended",
      3,
    );
    await this.assertIdle();
    this.#resources = (await this.get()).resources;
    await this.assertIdle();
    this.#sockets = this.#countSockets();
  }

  /** Descriptors of sockets, but for those that runtimes open for themselves. */
  #countSockets(): number {
    const folder = `/proc/${this.#program.pid}`;
    try {
      const unix = readFileSync(`${folder}/net/unix`, "utf8");
      return readdirSync(`${folder}/fd`).filter((fd) => {
        const inode = inodeOf(`${folder}/fd/${fd}`);
        return inode !== undefined && !unix.includes(` ${inode}`);
      }).length;
    } catch {
      return 0; // Not on Linux, or no more.
    }
  }

  #cpu(): number {
    return cpuSeconds(this.#program.pid) ?? 0;
  }

  /** Elsewhere than on Linux, nobody knows: every look counts. */
  #sleeps(): boolean {
    try {
      const stat = readFileSync(`/proc/${this.#program.pid}/stat`, "utf8");
      return stat[stat.lastIndexOf(")") + 2] !== "R";
    } catch {
      return true;
    }
  }
}

/** The inode of a socket's descriptor. */
function inodeOf(path: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1];
  } catch {
    return undefined; // Closed by now.
  }
}

/** A client's request to upgrade, to the handler of that name. */
export function upgradeRequest(name: string, compressed: boolean): string {
  return [
    `GET /${encodeURIComponent(name)} HTTP/1.1`,
    "Host: localhost",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...compressed ? ["Sec-WebSocket-Extensions: permessage-deflate"] : [],
    "",
    "",
  ].join("\r\n");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
