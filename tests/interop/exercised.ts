/** Our server, for what `./exercise.ts` does to it. */

import { assert, assertEquals } from "@std/assert";

import { CloseError, type CloseInfo } from "../../src/close.ts";
import type { Conn } from "../../src/conn/conn.ts";
import type { CompressionOptions } from "../../src/deflate/options.ts";
import type { Server } from "../../src/server/serve.ts";
import { echo, type Place, serveAt, wsUrl } from "../support/servers.ts";
import { runtime } from "../support/helper.ts";
import { bytesOf, digest, digests, SIZES } from "./payloads.ts";
import type { End, Plan, Seen } from "./exercise.ts";

/** What any client may close with. */
const OWN_ENDS: readonly End[] = [
  [1000, ""],
  [3000, "three"],
  [4999, "é"],
];

const REMOTE_ENDS: readonly End[] = [
  [1000, ""],
  [1001, "going"],
  [1011, "é".repeat(61) + "!"],
  [4000, "why"],
];

/** A server that notes how connections end. */
export interface Exercised {
  readonly place: Place;
  readonly server: Server;
  /** Its URL, without a path. */
  readonly url: string;
  /** The ends of connections, path by path. */
  readonly ends: ReadonlyMap<string, readonly CloseInfo[]>;
}

/** Starts the server. To a browser it also shows a page. */
export async function startExercised(
  place: Place,
  enableCompression: boolean | CompressionOptions,
): Promise<Exercised> {
  const ends = new Map<string, CloseInfo[]>();
  const server = await serveAt(place, async (conn, request) => {
    const { pathname, searchParams } = new URL(request.url);
    conn.closed.then((info) => {
      ends.set(pathname, [...ends.get(pathname) ?? [], info]);
    });
    switch (pathname) {
      case "/fragments":
        return await echoFragments(conn);
      case "/pings":
        return await tellPings(conn);
      case "/close":
        await conn.close(
          Number(searchParams.get("code")),
          searchParams.get("reason")!,
        );
        return;
      default:
        return await echo(conn).catch((error) => {
          if (!(error instanceof CloseError)) throw error;
        });
    }
  }, {
    upgrader: {
      subprotocols: ["a", "b"],
      writeBufferSize: 4096,
      enableCompression,
    },
    fetch: () =>
      new Response("<!doctype html><title>page</title>", {
        headers: { "Content-Type": "text/html" },
      }),
  });
  return { place, server, url: wsUrl(place, server, ""), ends };
}

/** Echoes every message in fragments of up to 4,096 bytes. */
async function echoFragments(conn: Conn): Promise<void> {
  if (!conn.capabilities.streaming) return await echo(conn);
  for await (const { type, data } of conn) {
    const writer = conn.nextWriter(type).getWriter();
    for (let i = 0; i < data.length; i += 1000) {
      writer.write(data.slice(i, i + 1000));
    }
    await writer.close();
  }
}

/** Pings, and tells of the pong and of the client's ping. */
async function tellPings(conn: Conn): Promise<void> {
  const told = (what: string, data: Uint8Array) =>
    conn.send(`${what} "${new TextDecoder().decode(data)}"`);
  if (conn.capabilities.controlHandlers) {
    conn.setPongHandler((data) => told("pong", data));
    conn.setPingHandler(async (data) => {
      // Bun's engine has done it.
      if (conn.engine === "wire") await conn.writeControl(10, data);
      await told("ping", data);
    });
    conn.writeControl(9, "from the server");
  }
  for await (const message of conn) assert(message);
}

/** The whole exercise. */
export function planOf(url: string, part: Partial<Plan>): Plan {
  return {
    url,
    sizes: SIZES,
    large: 0,
    pinged: true,
    pings: false,
    own: OWN_ENDS,
    remote: REMOTE_ENDS,
    ...part,
  };
}

/**
 * Checks what both sides have seen of it, once the server has ended. The client
 * answers the server's close frame with its code, or with always the same.
 */
export function check(
  seen: Seen,
  plan: Plan,
  { ends, place: { engine } }: Exercised,
  answer?: number,
): void {
  const echoed = digests(plan.sizes);
  assertEquals(seen.echoed, [...echoed, digest(bytesOf(plan.large))]);
  assertEquals(seen.pieced, [...echoed, digest(bytesOf(0))]);
  assertEquals(seen.protocol, "b");
  assertEquals(seen.pings, [
    ...plan.pinged ? ['pong "from the server"'] : [],
    ...plan.pings ? ['ping "from the client"'] : [],
  ]);
  // Our engine echoes the code alone, the runtimes' own the reason as well.
  assertEquals(
    seen.own,
    plan.own.map(([code, reason]) =>
      `${code} ${engine === "wire" ? "" : reason} clean`
    ),
  );
  assertEquals(
    seen.remote,
    plan.remote.map(([code, reason]) => `${code} ${reason} clean`),
  );
  assertEquals(
    ends.get("/own") ?? [],
    plan.own.map(([code, reason]) => ({
      code,
      reason,
      wasClean: true,
      initiator: "remote",
    })),
  );
  assertEquals(
    (ends.get("/close") ?? []).map(({ code, wasClean, initiator }) => ({
      code,
      wasClean,
      initiator,
    })),
    plan.remote.map(([code]) => ({
      code: answer ?? code,
      // Bun's engine does not wait for the client's close frame.
      wasClean: engine === "wire" || runtime === "deno",
      initiator: "local",
    })),
  );
}
