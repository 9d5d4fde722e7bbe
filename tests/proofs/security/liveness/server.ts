/**
 * The server of the liveness matrix, a process of its own. The path of an
 * upgrade names the shape of its handler; `GET /` tells what is left.
 *
 *     server.ts wire|native [impatient]
 *
 * @module
 */

import process from "node:process";

import {
  CloseError,
  type Engine,
  serve,
  UnsupportedError,
} from "../../../../mod.ts";
import { capabilitiesOf } from "./plan.ts";
import { giveUp, SHAPES } from "./shapes.ts";

/** What the server tells of itself. */
export interface Status {
  /** Connections that it counts. */
  readonly conns: number;
  /** Handlers that have not ended. */
  readonly handlers: number;
  /** Active timers and sockets, where the runtime tells. */
  readonly resources: number;
  /** What was thrown, or told, without a reason; the first of it. */
  readonly mistake: string | undefined;
}

const [engine, impatient] = process.argv.slice(2) as [Engine, string?];
const runtime = "Bun" in globalThis ? "bun" : "deno";
const shapes = new Map(SHAPES.map((shape) => [`/${shape.name}`, shape]));
let handlers = 0;
let mistake: string | undefined;

const server = await serve(async (conn, request) => {
  const path = decodeURIComponent(new URL(request.url).pathname);
  handlers++;
  try {
    await shapes.get(path)!.run(conn);
  } catch (error) {
    // Of an open connection, it is the shape's own. Behind the end, platforms
    // throw a TypeError where a stream has errored.
    if (conn.state === "open" && isMisuse(error)) mistake ??= String(error);
    throw error;
  } finally {
    handlers--;
  }
}, {
  port: 0,
  hostname: "127.0.0.1",
  engine,
  upgrader: {
    enableCompression: capabilitiesOf(engine, runtime).compression,
    closeTimeout: 300,
    // A peer that goes while nobody reads what it has sent is found by no more.
    keepAlive: impatient
      ? { interval: 300, timeout: 300 }
      : { interval: 1_000, timeout: 1_000 },
  },
  fetch: (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/shutdown") setTimeout(shutDown);
    if (pathname === "/release") giveUp();
    const status: Status = {
      conns: server.conns.size,
      handlers,
      resources: process.getActiveResourcesInfo().length,
      mistake,
    };
    return new Response(`${JSON.stringify(status)}\n`);
  },
  // What peers do wrong is no news, and that they go is no error.
  onError: (error) => {
    if (error instanceof CloseError) mistake ??= `onError hears of ${error}`;
  },
});

function isMisuse(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError ||
    error instanceof ReferenceError || error instanceof UnsupportedError;
}

async function shutDown(): Promise<void> {
  await server.shutdown({ timeout: 500 });
  console.log("finished");
}

console.log(server.addr.port);

// Whoever has started it may be killed; this keeps no process alive.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, 1_000).unref();
