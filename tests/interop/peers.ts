/** WebSockets of others, as clients and as servers. */

import {
  Child,
  otherRuntime,
  type Program,
  programOf,
} from "../support/child.ts";
import { runtime } from "../support/helper.ts";
import { exercise, type Plan, type Seen } from "./exercise.ts";
import { type OwnServer, startOwnServer } from "./own_server.ts";
import { findPython, PythonProcess } from "./python.ts";

/** A peer, and its ways. */
export interface Peer {
  readonly name: "deno" | "bun" | "websockets" | "autobahn";
  /** What is missing, if it cannot be had. */
  readonly lacks: string | undefined;
  /** Whether its client pings by hand. */
  readonly pings: boolean;
  /** Whether its client offers permessage-deflate, and its server takes it. */
  readonly compresses: boolean;
  /** What it answers every close frame with. Default: the code that came. */
  readonly answer?: number;
  /** Does the exercise with its client. */
  exercise(plan: Plan): Promise<Seen>;
  /** Starts its server, which is that of `./own_server.ts`. */
  serve(): Promise<OwnServer>;
}

function ofRuntimes(name: "deno" | "bun") {
  return { name, pings: name === "bun", compresses: name === "bun" };
}

const here: Peer = {
  ...ofRuntimes(runtime),
  lacks: undefined,
  exercise,
  serve: () => Promise.resolve(startOwnServer()),
};

const there: Peer = {
  ...ofRuntimes(otherRuntime),
  lacks: programOf(otherRuntime) === undefined
    ? `${otherRuntime} on PATH`
    : undefined,
  exercise: (plan) =>
    readOne(
      new Child(file("exercise"), [JSON.stringify(plan)], otherRuntime),
    ),
  serve: () => serving(new Child(file("own_server"), [], otherRuntime)),
};

function file(name: string): URL {
  return new URL(`${name}_main.ts`, import.meta.url);
}

function ofPython(name: "websockets" | "autobahn"): Peer {
  const python = findPython(name);
  return {
    name,
    lacks: python === undefined ? `python3-${name}` : undefined,
    pings: true,
    compresses: true,
    ...name === "autobahn" ? { answer: 1000 } : {},
    exercise: (plan) =>
      readOne(
        new PythonProcess(python!, `${name}_client.py`, [
          JSON.stringify(plan),
        ]),
      ),
    serve: () =>
      serving(
        new PythonProcess(python!, `${name}_server.py`, ["15", "true"]),
      ),
  };
}

async function readOne(child: Program): Promise<Seen> {
  await using _ = child;
  return await child.read();
}

async function serving(child: Program): Promise<OwnServer> {
  return {
    port: await child.read(),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** All of them. */
export const PEERS: readonly Peer[] = [
  here,
  there,
  ofPython("websockets"),
  ofPython("autobahn"),
];
