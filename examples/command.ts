/**
 * A program in a browser: each page, or each WebSocket connection to /ws, gets a
 * process of its own.
 *
 *     deno run --allow-net --allow-read --allow-env --allow-run --no-prompt \
 *       examples/command.ts [OPTIONS] PROGRAM [ARGUMENT...]
 *     bun run examples/command.ts [OPTIONS] PROGRAM [ARGUMENT...]
 *
 * `bc -q` and `sh -i` are programs to try. The options:
 *
 *     --port N         listens there; default: 8080
 *     --hostname NAME  listens there; default: 127.0.0.1, for this machine alone:
 *                      whoever gets there can do what the program can
 *     --max N          processes at a time, 503 beyond; default: 8
 *     --max-output N   bytes of output of a process; default: 64 MiB
 *
 * A text message is a line of input, a binary one goes as it is, an empty binary
 * one ends the input. Output comes as text, as fast as the browser reads it, and
 * input is taken as fast as the program reads it.
 *
 * The process is ended with its connection. When it ends by itself, the
 * connection is closed with 1000 for status 0 and else with 4000 and the status,
 * as a shell tells it: 4143 is the end by SIGTERM.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { constants } from "node:os";
import process from "node:process";
import type { Readable, Writable } from "node:stream";

import { CloseCode, type Conn, serve } from "../mod.ts";
import {
  beforeExit,
  count,
  port,
  run,
  text,
  type Values,
} from "./shared/command_line.ts";
import { isLocal, localPage } from "./shared/local_page.ts";

/** What the program may take to read a piece of input, in milliseconds. */
const INPUT_TIMEOUT = 60_000;
/** What the program may take to end when it is told to, in milliseconds. */
const END_TIMEOUT = 2_000;
/** A process group of its own, so that the program's own children end, too. */
const HAS_GROUPS = process.platform !== "win32";

/** How a process has ended. */
interface Exit {
  readonly code: number;
  readonly reason: string;
}

const FLAGS = {
  port: port(8080),
  hostname: text("NAME", "127.0.0.1"),
  max: count(8),
  "max-output": count(64 * 1024 * 1024, Number.MAX_SAFE_INTEGER, "BYTES"),
};

await run("command.ts PROGRAM [ARGUMENT...]", FLAGS, async (flags, command) => {
  const { port, hostname, max } = flags;
  const [program = ""] = command;
  const page = localPage(new URL("command/", import.meta.url), hostname);
  checkProgram(program);
  const running = new Set<Promise<Exit>>();

  const server = await serve(
    (conn) => runProgram(conn, command, flags, running),
    {
      port,
      hostname,
      path: "/ws",
      fetch: page.fetch,
      upgrader: {
        authorize: (request) =>
          running.size < max
            ? page.authorize(request)
            : new Response("Too many processes\n", { status: 503 }),
        readLimit: 64 * 1024,
      },
      onListen: (addr) => {
        console.log(`Running ${program} on http://${hostname}:${addr.port}/`);
        if (!isLocal(hostname)) console.log("Other machines can reach it");
      },
    },
  );

  beforeExit(async () => {
    await server.shutdown();
    await Promise.all(running);
  });
});

/**
 * Looks for the program where a shell does, and for Deno's permission to run it.
 *
 * @throws {Error} If no connection could have it
 */
function checkProgram(program: string): void {
  const run = globalThis.Deno?.permissions
    .querySync({ name: "run", command: program });
  if (run !== undefined && run.state !== "granted") {
    throw new Error(`Cannot run ${program}: start with --allow-run`);
  }
  // Windows has rules of its own.
  if (process.platform === "win32") return;
  const folders = program.includes("/")
    ? [""]
    : (process.env["PATH"] ?? "").split(":").map((folder) => `${folder}/`);
  const found = folders.some((folder) => {
    try {
      const file = statSync(folder + program);
      return file.isFile() && (file.mode & 0o111) !== 0;
    } catch {
      return false;
    }
  });
  if (!found) throw new Error(`Cannot run ${program}: no such program`);
}

/** Runs the program to its end, or to that of the connection. */
async function runProgram(
  conn: Conn,
  [program = "", ...args]: string[],
  flags: Values<typeof FLAGS>,
  running: Set<Promise<Exit>>,
): Promise<void> {
  // Several may have been let in at once.
  if (running.size >= flags.max) {
    await conn.close(CloseCode.TryAgainLater, "too many processes");
    return;
  }
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", "pipe"],
    detached: HAS_GROUPS,
  });
  const exit = exitOf(child);
  running.add(exit);
  exit.then(() => running.delete(exit));
  conn.closed.then(() => {
    // Not once it has ended: its number may be another's then.
    if (running.has(exit)) end(child, exit);
  });

  feed(conn, child.stdin);
  const budget = { left: flags["max-output"] };
  await Promise.all([
    sendOutput(child.stdout, conn, budget),
    sendOutput(child.stderr, conn, budget),
  ]);
  const { code, reason } = await exit;
  await conn.close(code, reason);
}

/** How the process ends, its output included. */
function exitOf(child: ChildProcess): Promise<Exit> {
  const { promise, resolve } = Promise.withResolvers<Exit>();
  child.once("error", (error) => {
    // For the server's log alone: it tells of this machine.
    console.error(error.message);
    resolve({ code: CloseCode.InternalServerErr, reason: "cannot be started" });
  });
  child.once("close", (status, signal) => {
    if (signal !== null) {
      const code = 4128 + constants.signals[signal];
      resolve({ code, reason: `ended by ${signal}` });
    } else {
      const code = status
        ? 4000 + Math.min(status, 999)
        : CloseCode.NormalClosure;
      resolve({ code, reason: `ended with status ${status}` });
    }
  });
  return promise;
}

/** Ends the process, by force if it takes its time. */
async function end(child: ChildProcess, exit: Promise<Exit>): Promise<void> {
  kill(child, "SIGTERM");
  const timer = setTimeout(() => kill(child, "SIGKILL"), END_TIMEOUT);
  await exit;
  clearTimeout(timer);
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (HAS_GROUPS) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // It has ended already.
  }
}

/** Sends what the program says, within the budget. */
async function sendOutput(
  output: Readable,
  conn: Conn,
  budget: { left: number },
): Promise<void> {
  // A character may be split over chunks.
  const decoder = new TextDecoder();
  try {
    for await (const chunk of output) {
      budget.left -= chunk.length;
      if (budget.left < 0) {
        await conn.close(CloseCode.PolicyViolation, "too much output");
        return;
      }
      const text = decoder.decode(chunk, { stream: true });
      // Waits while the browser reads slowly; then so does the program.
      if (text !== "") await conn.send(text);
    }
  } catch {
    // The connection is over, and so is the program.
  }
}

/** Gives the program what the connection says. */
async function feed(conn: Conn, input: Writable): Promise<void> {
  // A program may close its input, and end without having read it.
  input.on("error", () => {});
  try {
    for await (const { data } of conn) {
      if (data.length === 0 && typeof data !== "string") input.end();
      else await write(input, typeof data === "string" ? `${data}\n` : data);
    }
  } catch (error) {
    if (error instanceof DOMException) {
      await conn.close(CloseCode.PolicyViolation, error.message);
    }
    // Else the connection is over.
  }
}

/** Writes, and waits until the program has room for more. */
async function write(
  input: Writable,
  data: string | Uint8Array,
): Promise<void> {
  if (!input.writable) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Nothing is read from the connection meanwhile, not even that it has ended.
  const timer = setTimeout(() => {
    reject(new DOMException("input is not read", "TimeoutError"));
  }, INPUT_TIMEOUT);
  input.write(data, () => resolve());
  await promise.finally(() => clearTimeout(timer));
}
