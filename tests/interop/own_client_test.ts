/** Our server against the runtimes' own clients. */

import { assert, assertEquals } from "@std/assert";

import { CloseError, type CloseInfo } from "../../src/close.ts";
import type { Conn } from "../../src/conn/conn.ts";
import { serve, type Server } from "../../src/serve.ts";
import {
  Child,
  otherRuntime,
  programOf,
  type Runtime,
} from "../fixtures/child.ts";
import { echo, portOf } from "../fixtures/servers.ts";
import { runtime, test } from "../helper.ts";
import { exercise, OWN_ENDS, REMOTE_ENDS, type Seen } from "./own_client.ts";
import { ALL } from "./payloads.ts";

const MAIN = new URL("own_client_main.ts", import.meta.url);

/** Echoes every message in some twenty fragments. */
async function echoFragments(conn: Conn): Promise<void> {
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
  conn.setPingHandler((data) =>
    conn.send(`ping "${new TextDecoder().decode(data)}"`)
  );
  conn.setPongHandler((data) =>
    conn.send(`pong "${new TextDecoder().decode(data)}"`)
  );
  conn.writeControl(9, "from the server");
  for await (const message of conn) assert(message);
}

/** A server for what `exercise()` does; it notes how connections end. */
function start(ends: Map<string, CloseInfo[]>): Promise<Server> {
  return serve(async (conn, request) => {
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
    port: 0,
    hostname: "127.0.0.1",
    upgrader: { subprotocols: ["a", "b"], writeBufferSize: 4096 },
  });
}

function check(seen: Seen, ends: Map<string, CloseInfo[]>, client: Runtime) {
  assertEquals(seen.echoed, ALL);
  assertEquals(seen.pieced, ALL);
  assertEquals(seen.protocol, "b");
  // Only Bun's client can ping.
  assertEquals(seen.pings, [
    'pong "from the server"',
    ...client === "bun" ? ['ping "from the client"'] : [],
  ]);
  // The code is echoed, without the reason.
  assertEquals(seen.own, OWN_ENDS.map(([code]) => `${code}  clean`));
  assertEquals(
    seen.remote,
    REMOTE_ENDS.map(([code, reason]) => `${code} ${reason} clean`),
  );
  const told = ends.get("/")!.slice(1);
  assertEquals(
    told,
    OWN_ENDS.map(([code, reason]) => ({
      code,
      reason,
      wasClean: true,
      initiator: "remote",
    })),
  );
  assertEquals(
    ends.get("/close")!.map(({ code, wasClean, initiator }) => ({
      code,
      wasClean,
      initiator,
    })),
    REMOTE_ENDS.map(([code]) => ({ code, wasClean: true, initiator: "local" })),
  );
}

async function run(
  client: Runtime,
  exercised: (port: number) => Promise<Seen>,
): Promise<void> {
  const ends = new Map<string, CloseInfo[]>();
  const server = await start(ends);
  const seen = await exercised(portOf(server));
  await server.shutdown();
  check(seen, ends, client);
}

test(`our server speaks with the client of ${runtime}`, async () => {
  await run(runtime, exercise);
}, { timeout: 20_000 });

test(`our server speaks with the client of ${otherRuntime}`, async () => {
  await run(otherRuntime, async (port) => {
    await using child = new Child(MAIN, [String(port)], otherRuntime);
    return await child.read();
  });
}, {
  timeout: 20_000,
  lacks: programOf(otherRuntime) === undefined
    ? `${otherRuntime} on PATH`
    : undefined,
});
