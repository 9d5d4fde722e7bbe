/** Servers of `serve()`, on each engine and over each carrier. */

import type { Conn } from "../../src/conn/conn.ts";
import type { RawPeer } from "../../src/testing/raw_peer.ts";
import type { Routes } from "../../src/server/routes.ts";
import type { OnConn } from "../../src/server/run_handler.ts";
import {
  serve,
  type ServeOptions,
  type Server,
} from "../../src/server/serve.ts";
import { rawDial } from "../../src/testing/mod.ts";
import type { Engine } from "../../src/transport/transport.ts";
import { runtime, test } from "./helper.ts";
import { ca, type Carrier, CARRIERS, certificate } from "./http_server.ts";

/** An engine over a carrier. */
export interface Place {
  readonly engine: Engine;
  readonly carrier: Carrier;
  /** What the tests' names end with. */
  readonly name: string;
}

/** Every engine over every carrier. */
export const PLACES: readonly Place[] = (["wire", "native"] as const).flatMap(
  (engine) =>
    CARRIERS.map((carrier) => ({
      engine,
      carrier,
      name: engine === "wire"
        ? `wire, ${carrier}`
        : `native on ${runtime}, ${carrier}`,
    })),
);

/** The wire engine over every carrier. */
export const WIRE_PLACES: readonly Place[] = PLACES.filter(({ engine }) =>
  engine === "wire"
);

/** A test on each engine over each carrier. */
export function everywhere(
  name: string,
  fn: (place: Place) => Promise<void>,
): void {
  for (const place of PLACES) test(`${name}; ${place.name}`, () => fn(place));
}

/** Serves on a free port of this machine. */
export function serveAt<Data>(
  { engine, carrier }: Place,
  onConn: OnConn<Data> | Routes<Data>,
  options: ServeOptions<Data> = {},
): Promise<Server<Data>> {
  return serve(onConn, {
    port: 0,
    hostname: "127.0.0.1",
    engine,
    ...(carrier === "TLS" ? { tls: certificate } : {}),
    ...options,
  });
}

/** The port of a server. */
export function portOf(server: Pick<Server, "addr">): number {
  return server.addr.port;
}

/** The address of a server for a dialer. */
export function wsUrl({ carrier }: Place, server: Server, path = "/"): string {
  const scheme = carrier === "TCP" ? "ws" : "wss";
  return `${scheme}://127.0.0.1:${portOf(server)}${path}`;
}

/** A peer of frames, behind the handshake. */
export async function peerOf(place: Place, server: Server): Promise<RawPeer> {
  const { peer } = await rawDial(wsUrl(place, server), { tls: { ca } });
  return peer;
}

/** Echoes every message. */
export async function echo(conn: Conn): Promise<void> {
  for await (const { type, data } of conn) await conn.writeMessage(type, data);
}
