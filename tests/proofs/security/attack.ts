/**
 * Attacks on real servers over real sockets. Each test is of a row of the table
 * in `README.md`; behind each the server must serve an ordinary client.
 */

import { assertEquals } from "@std/assert";

import type { Conn } from "../../../src/conn/conn.ts";
import { Dialer } from "../../../src/client/dialer.ts";
import type { RawPeer } from "../../../src/testing/raw_peer.ts";
import type { OnConn } from "../../../src/server/run_handler.ts";
import type { ServeOptions, Server } from "../../../src/server/serve.ts";
import type { UpgraderOptions } from "../../../src/server/upgrader_options.ts";
import { ca, connectRaw, head, UPGRADE } from "../../support/http_server.ts";
import {
  echo,
  type Place,
  PLACES,
  portOf,
  serveAt,
  WIRE_PLACES,
  wsUrl,
} from "../../support/servers.ts";
import { runtime, test, type TestOptions } from "../../support/helper.ts";

/** A server under attack. */
export interface Target {
  readonly place: Place;
  readonly server: Server;
  /** The port that it listens on. */
  readonly port: number;
  /** The next connection that an attacker has made. */
  accept(): Promise<Conn>;
  /** Connects, and sends nothing. */
  connect(): Promise<RawPeer>;
  /** Connects and upgrades, with other headers; the peer stands behind the 101. */
  upgrade(...headers: string[]): Promise<RawPeer>;
  /** The head of the answer to a request; the connection is then cut. */
  ask(request: string): Promise<string>;
}

/** What an attack may change of the server. */
export interface AttackOptions extends Pick<TestOptions, "only" | "timeout"> {
  /** Default: the wire engine over TCP and TLS. */
  readonly places?: readonly Place[];
  readonly upgrader?: UpgraderOptions;
  readonly serve?: ServeOptions;
  /** What is done with an attacker's connections. Default: they are handed out. */
  readonly onConn?: OnConn;
}

/** The native engine over TCP, on the runtimes that meet the row by it. */
export function native(...runtimes: readonly ("deno" | "bun")[]): Place[] {
  return PLACES.filter(({ engine, carrier }) =>
    engine === "native" && carrier === "TCP" && runtimes.includes(runtime)
  );
}

/** The wire engine over TCP. */
export const TCP: readonly Place[] = WIRE_PLACES.slice(0, 1);
/** The wire engine over TCP and TLS. */
export const WIRE: readonly Place[] = WIRE_PLACES;
/** All engines that the runtime has. */
export const EVERYWHERE: readonly Place[] = [
  ...WIRE,
  ...native("deno", "bun"),
];

// How the ordinary client is told.
const ALIVE = "?alive";

/** Whether a request is an attacker's. */
export function isAttack(request: Request): boolean {
  return new URL(request.url).search !== ALIVE;
}

/** Registers an attack, in each of the places. */
export function attack(
  row: number,
  what: string,
  fn: (target: Target) => Promise<void>,
  options: AttackOptions = {},
): void {
  const { places = WIRE, only, timeout } = options;
  for (const place of places) {
    test(
      `security ${row}: ${what}; ${place.name}`,
      () => run(place, fn, options),
      {
        ...(only === undefined ? {} : { only }),
        ...(timeout === undefined ? {} : { timeout }),
      },
    );
  }
}

async function run(
  place: Place,
  fn: (target: Target) => Promise<void>,
  options: AttackOptions,
): Promise<void> {
  const ready: Conn[] = [];
  const waiting: ((conn: Conn) => void)[] = [];
  const handOut: OnConn = (conn) => {
    const next = waiting.shift();
    if (next === undefined) ready.push(conn);
    else next(conn);
  };
  const { onConn = handOut, upgrader, serve } = options;
  await using server = await serveAt(
    place,
    (conn, request) => isAttack(request) ? onConn(conn, request) : echo(conn),
    { ...(upgrader === undefined ? {} : { upgrader }), ...serve },
  );
  const port = portOf(server);
  const peers: RawPeer[] = [];
  const connect = async () => {
    const peer = await connectRaw(place.carrier, port);
    peers.push(peer);
    return peer;
  };
  try {
    await fn({
      place,
      server,
      port,
      connect,
      accept: () =>
        new Promise((resolve) => {
          const conn = ready.shift();
          if (conn === undefined) waiting.push(resolve);
          else resolve(conn);
        }),
      async upgrade(...headers) {
        const peer = await connect();
        peer.send(head(...UPGRADE, ...headers));
        const answer = await peer.readHead();
        assertEquals(statusOf(answer), 101, answer);
        return peer;
      },
      async ask(request) {
        const peer = await connect();
        peer.send(request);
        const answer = await peer.readHead();
        peer.destroy();
        return answer;
      },
    });
    await assertServes(wsUrl(place, server, (serve?.path ?? "/") + ALIVE));
  } finally {
    for (const peer of peers) {
      peer.destroy();
      await peer.closed;
    }
  }
}

/** An ordinary client is served. */
export async function assertServes(url: string): Promise<void> {
  const { conn } = await new Dialer({ tls: { ca } }).dial(url);
  await conn.send("still there");
  assertEquals((await conn.readMessage()).data, "still there");
  await conn.close();
}

/** The status in the head of an answer. */
export function statusOf(head: string): number {
  return Number(head.slice(9, 12));
}

/** The value of a header in a head, if it is there. */
export function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)\r$`, "im").exec(head)?.[1];
}
