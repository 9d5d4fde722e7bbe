/** Whatever user code throws, rejects with or returns: a server goes on, a dial ends, and it is heard of. */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";

import {
  CloseError,
  isCloseError,
  isUnexpectedCloseError,
} from "../../../src/close.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import { Dialer, type DialerOptions } from "../../../src/client/dialer.ts";
import { DialError } from "../../../src/errors.ts";
import { BadHandshakeError } from "../../../src/peer_errors.ts";
import { MessageType } from "../../../src/message.ts";
import { connOver } from "../../../src/conn_over.ts";
import { pipeStreams } from "../../../src/testing/pipe_stream.ts";
import { serve, type Server } from "../../../src/server/serve.ts";
import type { ByteStream } from "../../../src/transport/byte_stream.ts";
import type { UpgraderOptions } from "../../../src/server/upgrader_options.ts";
import {
  echo,
  type Place,
  PLACES,
  serveAt,
  wsUrl,
} from "../../support/servers.ts";
import { test, withTimeout } from "../../support/helper.ts";
import { until } from "../../suite/fixture.ts";
import { handOver, HOSTILE, type Way, WAYS } from "./hostile_values.ts";

const TCP_PLACES = PLACES.filter(({ carrier }) => carrier === "TCP");
const LIMIT = 10_000;
const dialer = new Dialer();

/** One value, handed over in one way. */
interface Case {
  readonly name: string;
  readonly way: Way;
  readonly value: unknown;
}

function* cases(ways: readonly Way[] = WAYS): Generator<Case> {
  for (const [what, make] of Object.entries(HOSTILE)) {
    for (const way of ways) {
      yield { name: `${way} ${what}`, way, value: make() };
    }
  }
}

/** Runs with a console that keeps what it is told to itself. */
async function muted(body: () => Promise<void>): Promise<void> {
  const { error } = console;
  console.error = (...args: unknown[]) => {
    // What a console does, and where some values throw.
    for (const arg of args) `${(arg as Error)?.stack}`;
  };
  try {
    await body();
  } finally {
    console.error = error;
  }
}

async function assertServing(place: Place, server: Server): Promise<void> {
  const { conn } = await dialer.dial(wsUrl(place, server));
  await conn.send("still there");
  assertEquals((await conn.readMessage()).data, "still there");
  await conn.close();
  await until(() => server.conns.size === 0, "the end of the connections");
}

/** What the server's own callbacks do with a connection to `/bad`. */
const HANDLERS: Readonly<
  Record<string, (conn: Conn, hand: () => unknown) => unknown>
> = {
  "onConn": (_conn, hand) => hand(),
  "onConn, behind close()": (conn, hand) => {
    conn.close(4001);
    return hand();
  },
  "onConn, behind an await": async (conn, hand) => {
    await conn.readMessage();
    return await hand();
  },
  "the close handler": (conn, hand) => {
    conn.setCloseHandler(() => hand() as void);
  },
  "the ping handler": (conn, hand) => {
    if (conn.capabilities.controlHandlers) {
      conn.setPingHandler(() => hand() as void);
    }
  },
  "the pong handler": (conn, hand) => {
    if (!conn.capabilities.controlHandlers) return;
    conn.setPongHandler(() => hand() as void);
    conn.writeControl(MessageType.Ping);
  },
};

for (const place of TCP_PLACES) {
  for (const [name, act] of Object.entries(HANDLERS)) {
    test(`serve() outlives any value of ${name}; ${place.name}`, async () => {
      const errors: unknown[] = [];
      let hand = (): unknown => undefined;
      await using server = await serveAt(place, (conn, request) => {
        if (new URL(request.url).pathname !== "/bad") return echo(conn);
        return act(conn, hand) as void;
      }, {
        onError: (error) => errors.push(error),
        upgrader: { closeTimeout: 500 },
      });
      for (const { name: what, way, value } of cases()) {
        hand = () => handOver(way, value);
        errors.length = 0;
        const { conn } = await dialer.dial(wsUrl(place, server, "/bad"));
        conn.send("x");
        conn.writeControl(MessageType.Ping, "x");
        if (!name.startsWith("onConn") || way === "returns") {
          conn.close(1000, "", { timeout: 300 });
        }
        await withTimeout(conn.closed, LIMIT, what);
        if (name.startsWith("onConn") && way !== "returns") {
          await until(() => errors.length > 0, `${what} to be reported`);
          assert(Object.is(errors[0], value), what);
        }
      }
      await assertServing(place, server);
    });
  }

  test(`serve() outlives any value of onError; ${place.name}`, () =>
    muted(async () => {
      let hand = (): unknown => undefined;
      await using server = await serveAt(place, (conn, request) => {
        if (new URL(request.url).pathname !== "/bad") return echo(conn);
        throw new Error("handler");
      }, { onError: () => hand() as void });
      for (const { name: what, way, value } of cases()) {
        hand = () => handOver(way, value);
        const { conn } = await dialer.dial(wsUrl(place, server, "/bad"));
        assertEquals((await conn.closed).code, 1011, what);
      }
      await assertServing(place, server);
    }));

  test(`serve() shows any value on the console; ${place.name}`, async () => {
    const { error } = console;
    let value: unknown;
    const shown: unknown[] = [];
    // As Deno's does.
    console.error = (arg: unknown) => {
      if (arg === value && typeof arg === "object" && arg !== null) {
        throw new TypeError("Cannot inspect");
      }
      shown.push(arg);
    };
    try {
      await using server = await serveAt(place, (conn, request) => {
        if (new URL(request.url).pathname !== "/bad") return echo(conn);
        throw value;
      });
      for (const { name: what, value: next } of cases(["throws"])) {
        value = next;
        shown.length = 0;
        const { conn } = await dialer.dial(wsUrl(place, server, "/bad"));
        assertEquals((await conn.closed).code, 1011, what);
        await until(() => shown.length === 1, `${what} on the console`);
      }
      await assertServing(place, server);
    } finally {
      console.error = error;
    }
  });

  for (
    const name of ["authorize", "checkOrigin", "subprotocols", "error"] as const
  ) {
    test(`serve() outlives any value of ${name}; ${place.name}`, async () => {
      let hand = (): unknown => undefined;
      const upgrader: UpgraderOptions = {
        handshakeTimeout: 500,
        checkOrigin: (request) => name !== "error" || !isBad(request),
        [name]: (...args: unknown[]) => {
          const request = args.find((arg): arg is Request =>
            arg instanceof Request
          )!;
          if (isBad(request)) return hand();
          return name === "checkOrigin" ? true : undefined;
        },
        ...(name === "error"
          ? { checkOrigin: (request: Request) => !isBad(request) }
          : {}),
      };
      await using server = await serveAt(place, echo, { upgrader });
      for (const { name: what, way, value } of cases()) {
        hand = () => handOver(way, value);
        const result = await dialer.dial(wsUrl(place, server, "/bad"))
          .catch((error) => error);
        if ("conn" in result) {
          // Nothing, for those that say so by it.
          assertEquals(way, "returns", what);
          await result.conn.close();
        } else {
          assertInstanceOf(result, BadHandshakeError, what);
        }
      }
      await assertServing(place, server);
    });
  }

  test(`serve() outlives any value of fetch; ${place.name}`, () =>
    muted(async () => {
      const errors: unknown[] = [];
      let hand = (): unknown => undefined;
      await using server = await serveAt(place, echo, {
        fetch: () => hand() as Response,
        onError: (error) => errors.push(error),
      });
      const url = wsUrl(place, server).replace("ws", "http");
      for (const { name: what, way, value } of cases()) {
        if (what === "returns a then that never settles") continue;
        hand = () => handOver(way, value);
        errors.length = 0;
        const response = await fetch(url);
        await response.body?.cancel();
        // Of what it pretends to be, Bun looks behind the proxy.
        if (what === "returns a response that shows nothing") continue;
        assertEquals(response.status, 500, what);
        await until(() => errors.length > 0, `${what} to be reported`);
      }
      await assertServing(place, server);
    }));

  test(`serve() rejects with any value of onListen; ${place.name}`, async () => {
    for (const { name: what, way, value } of cases(["throws"])) {
      const outcome = await serveAt(place, echo, {
        onListen: () => handOver(way, value),
      }).then(() => "served", (error) => ({ error }));
      assert(typeof outcome === "object", what);
      assert(Object.is(outcome.error, value), what);
    }
  });

  test(`serve() reports any value that onListen rejects with; ${place.name}`, async () => {
    for (const { name: what, way, value } of cases(["rejects"])) {
      const errors: unknown[] = [];
      await using _ = await serveAt(place, echo, {
        onListen: () => handOver(way, value),
        onError: (error) => errors.push(error),
      });
      await until(() => errors.length > 0, `${what} to be reported`);
      assert(Object.is(errors[0], value), what);
    }
  });
}

function isBad(request: Request): boolean {
  return new URL(request.url).pathname === "/bad";
}

/** Options of a Dialer one of whose callbacks hands the value over. */
const DIALERS: Readonly<Record<string, (hand: () => never) => DialerOptions>> =
  {
    netDial: (hand) => ({ netDial: hand }),
    proxy: (hand) => ({ proxy: hand }),
    "jar.getCookies": (hand) => ({
      jar: { getCookies: hand, setCookies: () => {} },
    }),
    "jar.setCookies": (hand) => ({
      jar: { getCookies: () => "", setCookies: hand },
    }),
  };

for (const [name, optionsOf] of Object.entries(DIALERS)) {
  test(`Dialer.dial() rejects with any value of ${name}`, async () => {
    await using server = await serve(echo, { port: 0, hostname: "127.0.0.1" });
    const url = `ws://127.0.0.1:${server.addr.port}`;
    for (const { name: what, way, value } of cases()) {
      const dialing = new Dialer({
        ...optionsOf(() => handOver(way, value) as never),
        handshakeTimeout: 300,
      });
      const outcome: unknown = await dialing.dial(url).then(
        async ({ conn }) => {
          await conn.close();
          return "open";
        },
        (error) => ({ error }),
      );
      if (way === "returns") continue;
      assert(outcome !== "open", what);
      const { error } = outcome as { error: unknown };
      if (name.startsWith("jar")) {
        assert(Object.is(error, value), what);
      } else {
        assertInstanceOf(error, DialError, what);
        assert(Object.is(error.cause, value), what);
      }
    }
  });
}

const METHODS = ["pause", "resume", "write", "end", "destroy"] as const;

for (const method of METHODS) {
  test(`connOver() fails with any value of the stream's ${method}()`, async () => {
    for (const { name: what, way, value } of cases(["throws", "rejects"])) {
      const [here, there] = pipeStreams();
      const stream = Object.create(here) as ByteStream;
      for (const key of ["start", ...METHODS] as const) {
        stream[key] = here[key].bind(here) as never;
      }
      stream[method] = () => {
        here.destroy();
        return handOver(way, value);
      };
      const conn = connOver(stream, { side: "server", readBufferSize: 1 });
      const other = connOver(there, { side: "client" });
      for (let i = 0; i < 3; i++) other.send("x".repeat(1000));
      await new Promise((resolve) => setImmediate(resolve));
      conn.send("x");
      conn.close(1000, "", { timeout: 300 });
      other.close(1000, "", { timeout: 300 });
      await withTimeout(conn.closed, LIMIT, what);
      await withTimeout(other.closed, LIMIT, what);
    }
  });
}

for (const method of ["get", "put"] as const) {
  test(`a Conn fails with any value that writeBufferPool.${method} throws`, async () => {
    for (const { name: what, way, value } of cases(["throws", "rejects"])) {
      const failing = () => handOver(way, value);
      const pool = { get: () => undefined, put: () => {}, [method]: failing };
      const [here, there] = pipeStreams();
      const conn = connOver(here, { side: "server", writeBufferPool: pool });
      const other = connOver(there, { side: "client" });
      conn.send("x".repeat(100));
      conn.close();
      const { cause } = await withTimeout(conn.closed, LIMIT, what);
      const told = cause instanceof Error && !Object.is(cause, value)
        ? cause.cause
        : cause;
      assert(cause !== undefined || value === undefined, what);
      // A promise is no buffer, whatever it comes to.
      if (method === "get" && way === "rejects") continue;
      assert(Object.is(told, value), what);
      await withTimeout(other.closed, LIMIT, what);
    }
  });
}

test("isCloseError() and isUnexpectedCloseError() take any value", () => {
  for (const make of Object.values(HOSTILE)) {
    assertEquals(isCloseError(make(), 1000), false);
    assertEquals(isUnexpectedCloseError(make(), 1000), false);
  }
  assert(isCloseError(new CloseError(1000), 1000));
});
