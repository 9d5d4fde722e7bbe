/** Redis, NATS and PostgreSQL, as they come with Debian: one for each test. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
} from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import process from "node:process";

import { findProgram } from "../../support/find_program.ts";
import { freePort } from "../../support/free_port.ts";
import { deferred, withTimeout } from "../../support/helper.ts";

/** How a kind of server is run. */
export interface ServerKind {
  readonly name: string;
  /** What is not there of it, or `undefined`. */
  readonly lacks: string | undefined;
  /** Makes what it keeps its data in; called once. */
  prepare(folder: string): void;
  /** The command that runs it. */
  command(folder: string, port: number): [program: string, ...args: string[]];
  /** Whether it has started, where a port that is open says too little. */
  isReady?(port: number): Promise<boolean>;
}

const START_LIMIT = 30_000;

/** A server that runs until the end of its test, or is killed and started again. */
export class BrokerServer implements AsyncDisposable {
  readonly port: number;
  readonly #kind: ServerKind;
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();

  private constructor(kind: ServerKind, folder: string, port: number) {
    this.#kind = kind;
    this.#folder = folder;
    this.port = port;
  }

  /** Starts one on a port and in a folder of its own. */
  static async start(kind: ServerKind): Promise<BrokerServer> {
    const folder = mkdtempSync(`${tmpdir()}/websocket-broker-`);
    const server = new BrokerServer(kind, folder, await freePort());
    try {
      kind.prepare(folder);
      await server.start();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** Starts it again, on the same port. */
  async start(): Promise<void> {
    let up = false;
    let over = false;
    const starting = async () => {
      // The processes of a PostgreSQL that was killed may still be there, which
      // ends the next one.
      while (!up && !over) up = await this.#run(() => over);
    };
    try {
      await withTimeout(starting(), START_LIMIT, this.#kind.name);
    } finally {
      over = true;
    }
  }

  /** Whether it runs and is ready. */
  async #run(isOver: () => boolean): Promise<boolean> {
    const [program, ...args] = this.#kind.command(this.#folder, this.port);
    const child = spawn(program, args, { stdio: "ignore" });
    this.#child = child;
    let running = true;
    const exited = deferred();
    for (const event of ["exit", "error"]) {
      child.on(event, () => {
        running = false;
        exited.resolve();
      });
    }
    this.#exited = exited.promise;
    const { isReady = accepts } = this.#kind;
    while (running && !isOver()) {
      if (await isReady(this.port)) return running;
      await pause();
    }
    return false;
  }

  /** Kills it, without a word to anybody. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#exited;
    // The processes of PostgreSQL go when they notice.
    while (await accepts(this.port)) await pause();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, maxRetries: 20 });
  }
}

/** A wait between two looks at a program of others, which tells nothing. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

/** Whether somebody listens on a port. */
export function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = deferred<boolean>();
  const socket = net.connect({ port, host: "127.0.0.1" });
  socket.on("connect", () => {
    socket.destroy();
    resolve(true);
  });
  socket.on("error", () => resolve(false));
  return promise;
}

const redisProgram = findProgram("redis-server") ??
  findProgram("valkey-server");

/** Redis or Valkey. */
export const REDIS: ServerKind = {
  name: "Redis",
  lacks: redisProgram === undefined ? "redis-server" : undefined,
  prepare() {},
  command: (folder, port) => [
    redisProgram!,
    ..."--bind 127.0.0.1 --appendonly no --save".split(" "),
    "",
    "--dir",
    folder,
    "--port",
    String(port),
  ],
  isReady: (port) => answers(port, "PING\r\n", "+PONG"),
};

const natsProgram = findProgram("nats-server");

/** NATS. */
export const NATS: ServerKind = {
  name: "NATS",
  lacks: natsProgram === undefined ? "nats-server" : undefined,
  prepare() {},
  command: (_, port) => [natsProgram!, "-a", "127.0.0.1", "-p", String(port)],
  isReady: (port) => answers(port, "", "INFO"),
};

const postgresFolder = findPostgres();
// PostgreSQL refuses to run as root: Debian's package has made a user for it.
const isRoot = process.getuid?.() === 0;
const owner = isRoot ? ownerOf("postgres") : undefined;
// Made once, as it takes its time; every server gets a copy.
let template: string | undefined;

// PostgreSQL's documentation, 55.7: a StartupMessage, which is answered with an
// Authentication request once it takes connections, and with an error before.
const PARAMETERS = "\0\x03\0\0user\0postgres\0database\0postgres\0\0";
const STARTUP = `\0\0\0${
  String.fromCharCode(PARAMETERS.length + 4)
}${PARAMETERS}`;

/** PostgreSQL. */
export const POSTGRES: ServerKind = {
  name: "PostgreSQL",
  lacks: postgresFolder === undefined
    ? "postgres"
    : isRoot && owner === undefined
    ? "a user that may run postgres"
    : undefined,
  prepare(folder) {
    template ??= makeCluster();
    give(folder);
    // With its owner and modes.
    spawnSync("cp", ["-a", template, `${folder}/data`]);
  },
  command: (folder, port) =>
    asOwner([
      `${postgresFolder}/postgres`,
      "-D",
      `${folder}/data`,
      "-p",
      String(port),
      ..."-c listen_addresses=127.0.0.1 -c fsync=off -c unix_socket_directories="
        .split(" "),
    ]),
  isReady: (port) => answers(port, STARTUP, "R"),
};

function makeCluster(): string {
  const folder = mkdtempSync(`${tmpdir()}/websocket-postgres-`);
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  give(folder);
  const [program, ...args] = asOwner([
    `${postgresFolder}/initdb`,
    ..."-A trust -U postgres -E UTF8 --no-locale --no-sync --wal-segsize=1 -D"
      .split(" "),
    folder,
  ]);
  const { status, stderr } = spawnSync(program, args);
  if (status !== 0) throw new Error(`initdb: ${stderr}`);
  return folder;
}

function asOwner(
  command: [string, ...string[]],
): [program: string, ...args: string[]] {
  if (owner === undefined) return command;
  // It becomes the command, so that its process is the one that is killed.
  const [uid, gid] = owner;
  return [
    "setpriv",
    `--reuid=${uid}`,
    `--regid=${gid}`,
    "--clear-groups",
    ...command,
  ];
}

function give(path: string): void {
  if (owner !== undefined) chownSync(path, ...owner);
}

function ownerOf(name: string): [uid: number, gid: number] | undefined {
  const ids = ["-u", "-g"].map((flag) =>
    Number(String(spawnSync("id", [flag, name]).stdout).trim() || NaN)
  );
  return ids.some(Number.isNaN) ? undefined : [ids[0]!, ids[1]!];
}

function findPostgres(): string | undefined {
  const versions = "/usr/lib/postgresql";
  if (existsSync(versions)) {
    for (const version of readdirSync(versions)) {
      const folder = `${versions}/${version}/bin`;
      if (existsSync(`${folder}/initdb`)) return folder;
    }
  }
  return findProgram("initdb")?.replace(/\/initdb$/, "");
}

/** Whether a server's first words fit. */
function answers(
  port: number,
  question: string,
  answer: string,
): Promise<boolean> {
  const { promise, resolve } = deferred<boolean>();
  const socket = net.connect({ port, host: "127.0.0.1" });
  socket.on("connect", () => socket.write(question, "latin1"));
  socket.on("data", (data) => {
    socket.destroy();
    resolve(String(data).startsWith(answer));
  });
  socket.on("error", () => resolve(false));
  socket.on("close", () => resolve(false));
  return promise;
}
