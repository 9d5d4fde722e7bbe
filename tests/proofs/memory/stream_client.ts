/**
 * A client of `stream_server.ts`, a process of its own: after a small message
 * for practice, one of the size that is asked for. Prints how far the resident
 * bytes of both rose.
 *
 *     stream_client.ts PORT sink|source|echo SIZE
 */

import process from "node:process";

import { type Conn, Dialer } from "../../../mod.ts";
import { PeakGauge } from "./gauge.ts";
import { countMessage, writeMessage } from "./pieces.ts";

const [port, path, bytes] = process.argv.slice(2);
const dialer = new Dialer({ readLimit: Infinity });

async function dial(target: string): Promise<Conn> {
  return (await dialer.dial(`ws://127.0.0.1:${port}/${target}`)).conn;
}

async function ask(question: string): Promise<unknown> {
  const conn = await dial(question);
  const answer = await conn.readJSON();
  await conn.close();
  return answer;
}

/** Bytes that have arrived. */
async function exchange(size: number): Promise<unknown> {
  const conn = await dial(path === "source" ? `source?size=${size}` : path!);
  const [, arrived] = await Promise.all([
    path === "source" ? undefined : writeMessage(conn, size),
    path === "sink" ? conn.readJSON() : countMessage(conn),
  ]);
  await conn.closed;
  return arrived;
}

const gauge = new PeakGauge();
await exchange(2 ** 20);
await ask("start");
await gauge.start();
const arrived = await exchange(Number(bytes));
const client = gauge.above;
const server = await ask("peak");
console.log(JSON.stringify({ arrived, server, client }));
process.exit();
