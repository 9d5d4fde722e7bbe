/** Callbacks of a server that throw, reject, never settle, or end the connection from inside. */

import { assertEquals, assertInstanceOf } from "@std/assert";

import { Dialer } from "../../../src/client/dialer.ts";
import { BadHandshakeError } from "../../../src/peer_errors.ts";
import type { OnConn } from "../../../src/server/run_handler.ts";
import type { Server } from "../../../src/server/serve.ts";
import type { UpgraderOptions } from "../../../src/server/upgrader_options.ts";
import {
  echo,
  type Place,
  PLACES,
  serveAt,
  wsUrl,
} from "../../support/servers.ts";
import { deferred, runtime, test, withTimeout } from "../../support/helper.ts";
import { until } from "../../suite/fixture.ts";
import { type Failure, misbehave } from "./misbehave.ts";

const TCP_PLACES = PLACES.filter(({ carrier }) => carrier === "TCP");
// Enough for a handshake on a busy machine.
const HANDSHAKE_TIMEOUT = 5_000;
// The same where a runtime does not tell that the client has left: the timer
// runs to its end, and the gauge waits for it.
const LEFT_TIMEOUT = 1_500;
const dialer = new Dialer();

function isBad(request: Request): boolean {
  return new URL(request.url).pathname === "/bad";
}

/** Whether all is as if nothing had been. */
async function assertServing(place: Place, server: Server): Promise<void> {
  await until(() => server.conns.size === 0, "the end of the connections");
  const { conn } = await dialer.dial(wsUrl(place, server));
  await conn.send("still there");
  assertEquals((await conn.readMessage()).data, "still there");
  await conn.close();
  await until(() => server.conns.size === 0, "the end of the last");
}

/** The options of an Upgrader one of whose callbacks fails for `/bad`. */
function failing(name: string, how: Failure): UpgraderOptions {
  const fail = (request: Request) =>
    isBad(request) ? misbehave(how) : undefined;
  switch (name) {
    case "checkOrigin":
      return { checkOrigin: (request) => fail(request) ?? true };
    case "subprotocols":
      return { subprotocols: (_offered, request) => fail(request) };
    case "authorize":
      return { authorize: fail };
    default:
      return {
        checkOrigin: (request) => !isBad(request),
        error: () => misbehave(how),
      };
  }
}

const CALLBACKS = [
  "checkOrigin",
  "subprotocols",
  "authorize",
  "error",
] as const;

/** A handshake is refused, for a callback that fails. */
async function assertRefused(
  place: Place,
  name: string,
  how: Failure,
  status: number,
): Promise<void> {
  let opened = 0;
  await using server = await serveAt(place, (conn) => {
    opened++;
    return echo(conn);
  }, {
    upgrader: {
      ...failing(name, how),
      ...how === "never settles" && { handshakeTimeout: HANDSHAKE_TIMEOUT },
    },
  });
  const error = await dialer.dial(wsUrl(place, server, "/bad"))
    .catch((error) => error);
  assertInstanceOf(error, BadHandshakeError);
  assertEquals(error.response.status, status);
  assertEquals(opened, 0);
  await assertServing(place, server);
}

/** A client leaves while a callback never settles. */
async function leaveUnsettled(place: Place, name: string): Promise<void> {
  const controller = new AbortController();
  const asked = deferred();
  const options = failing(name, "never settles");
  await using server = await serveAt(place, echo, {
    upgrader: {
      ...options,
      checkOrigin: (request, info) => {
        if (isBad(request)) asked.resolve();
        return options.checkOrigin?.(request, info) ?? true;
      },
      handshakeTimeout: LEFT_TIMEOUT,
    },
  });
  const dialed = dialer.dial(wsUrl(place, server, "/bad"), {
    signal: controller.signal,
  }).catch((error) => error);
  await asked.promise;
  controller.abort();
  assertEquals((await dialed).name, "AbortError");
  await assertServing(place, server);
}

for (const place of TCP_PLACES) {
  for (const name of CALLBACKS) {
    for (const how of ["throws", "rejects"] as const) {
      test(`serve() outlives ${name} that ${how}; ${place.name}`, () =>
        assertRefused(place, name, how, name === "error" ? 403 : 500));
    }
  }

  test(`serve() outlives callbacks that never settle; ${place.name}`, async () => {
    await Promise.all(
      CALLBACKS.map((name) => assertRefused(place, name, "never settles", 503)),
    );
  });

  test(`serve() outlives clients that leave such callbacks; ${place.name}`, async () => {
    await Promise.all(CALLBACKS.map((name) => leaveUnsettled(place, name)));
  });
}

interface Inside {
  readonly onConn: OnConn;
  /** The code of the end. */
  readonly code: number;
  /** What `onError` is told. */
  readonly reported?: string;
}

/** What a handler may do to its own connection. */
const INSIDE: Readonly<Record<string, Inside>> = {
  "closes and throws": {
    onConn: (conn) => {
      conn.close(4001);
      throw new Error("behind close");
    },
    code: 4001,
    reported: "behind close",
  },
  "closes and rejects": {
    onConn: async (conn) => {
      await conn.close(4001);
      throw new Error("behind the end");
    },
    code: 4001,
    reported: "behind the end",
  },
  "closes and never settles": {
    onConn: (conn) => {
      conn.close(4001);
      return new Promise(() => {});
    },
    code: 4001,
  },
  "closes and reads on": {
    onConn: async (conn) => {
      conn.close(4001);
      for (;;) await conn.readMessage();
    },
    code: 4001,
  },
  "terminates and throws": {
    onConn: (conn) => {
      conn.terminate();
      throw new Error("behind terminate");
    },
    code: 1006,
    reported: "behind terminate",
  },
  "terminates with a read, a write and a ping under way": {
    onConn: async (conn) => {
      const read = conn.readMessage();
      conn.send("x".repeat(100_000));
      if (conn.capabilities.ping) conn.ping();
      conn.terminate();
      await read;
    },
    code: 1006,
  },
  "disposes of it twice": {
    onConn: async (conn) => {
      await Promise.all([conn[Symbol.asyncDispose](), conn.close(4002)]);
      await conn[Symbol.asyncDispose]();
    },
    code: 1000,
  },
};

for (const place of TCP_PLACES) {
  for (const [what, { onConn, code, reported }] of Object.entries(INSIDE)) {
    test(`serve() outlives a handler that ${what}; ${place.name}`, async () => {
      const errors: unknown[] = [];
      const ends: number[] = [];
      await using server = await serveAt(place, (conn, request) => {
        if (!isBad(request)) return echo(conn);
        conn.closed.then((info) => ends.push(info.code));
        return onConn(conn, request);
      }, { onError: (error) => errors.push((error as Error).message) });
      const { conn } = await dialer.dial(wsUrl(place, server, "/bad"));
      const info = await conn.closed;
      // Deno cannot cut a connection: it says 1011.
      const says = code === 1006 && place.engine === "native" &&
        runtime === "deno";
      assertEquals(info.code, says ? 1011 : code);
      await assertServing(place, server);
      assertEquals(errors, reported === undefined ? [] : [reported]);
      assertEquals(ends, [code]);
    });
  }

  test(`shutdown() closes a connection whose handler never settles; ${place.name}`, async () => {
    await using server = await serveAt(place, () => new Promise(() => {}));
    const { conn } = await dialer.dial(wsUrl(place, server));
    await server.shutdown();
    assertEquals((await conn.closed).code, 1001);
    assertEquals(server.conns.size, 0);
  });

  test(`shutdown() cuts a request whose fetch never settles; ${place.name}`, async () => {
    const asked = deferred();
    const server = await serveAt(place, echo, {
      fetch: () => {
        asked.resolve();
        return new Promise(() => {});
      },
    });
    const url = wsUrl(place, server).replace("ws", "http");
    const answer = fetch(url).catch((error) => error);
    await asked.promise;
    await withTimeout(server.shutdown({ timeout: 100 }), 5_000, "the shutdown");
    const cut = await answer;
    // Deno answers it.
    if (cut instanceof Response) {
      assertEquals(cut.ok, false);
      await cut.body?.cancel();
    } else {
      assertInstanceOf(cut, Error);
    }
  });
}
