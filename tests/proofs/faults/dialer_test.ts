/** A Dialer's callbacks that fail, or give the dial up from inside. */

import net from "node:net";

import {
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
} from "@std/assert";

import { Dialer, type DialerOptions } from "../../../src/client/dialer.ts";
import { DialError } from "../../../src/errors.ts";
import type { Server } from "../../../src/server/serve.ts";
import {
  echo,
  type Place,
  portOf,
  serveAt,
  wsUrl,
} from "../../support/servers.ts";
import { test } from "../../support/helper.ts";
import { connect } from "../../support/sockets.ts";
import { until } from "../../suite/fixture.ts";
import { FAULT, misbehave } from "./misbehave.ts";

const PLACE: Place = { engine: "wire", carrier: "TCP", name: "" };
const HANDSHAKE_TIMEOUT = 200;

/** What the dial rejects with; behind it, the server must be as it was. */
async function failure(
  make: (server: Server) => DialerOptions,
  signal?: AbortSignal,
): Promise<unknown> {
  await using server = await serveAt(PLACE, echo);
  const url = wsUrl(PLACE, server);
  const error = await new Dialer(make(server))
    .dial(url, signal === undefined ? {} : { signal })
    .catch((error) => error);
  assertInstanceOf(error, Error);
  await until(() => server.conns.size === 0, "the end of the connection");
  const { conn } = await new Dialer().dial(url);
  await conn.close();
  return error;
}

for (
  const [what, spoil] of Object.entries<(socket: net.Socket) => void>({
    "is destroyed": (socket) => socket.destroy(),
    "has been reset": (socket) => socket.resetAndDestroy(),
    "has been ended": (socket) => socket.end(),
    "is destroyed soon": (socket) => setImmediate(() => socket.destroy()),
  })
) {
  test(`Dialer.dial() rejects if netDial brings a socket that ${what}`, async () => {
    const error = await failure((server) => ({
      netDial: async () => {
        const socket = await connect(portOf(server));
        spoil(socket);
        return socket;
      },
    }));
    assertInstanceOf(error, DialError);
    assertEquals(error.phase, "http");
  });
}

test("Dialer.dial() rejects if netDial brings a socket that never connects", async () => {
  const error = await failure(() => ({ netDial: () => new net.Socket() }));
  assertInstanceOf(error, DialError);
  assertEquals(error.phase, "http");
});

test("Dialer.dial() tells what the proxy function throws", async () => {
  const error = await failure(() => ({
    proxy: () => {
      throw FAULT;
    },
  }));
  assertInstanceOf(error, DialError);
  assertEquals(error.phase, "proxy");
  assertStrictEquals(error.cause, FAULT);
});

test("Dialer.dial() refuses what is no proxy", async () => {
  for (const chosen of [1, {}, "gopher://a/", Promise.resolve(), ""]) {
    const error = await failure(() => ({ proxy: () => chosen as string }));
    assertInstanceOf(error, DialError);
    assertEquals(error.phase, "proxy");
    assertInstanceOf(error.cause, TypeError);
  }
});

test("Dialer.dial() gives up a jar that never takes the answer's cookies", async () => {
  const error = await failure(() => ({
    jar: {
      getCookies: () => "",
      setCookies: () => misbehave("never settles"),
    },
    handshakeTimeout: HANDSHAKE_TIMEOUT,
  })) as Error;
  assertEquals(error.name, "TimeoutError");
});

for (
  const [what, make] of Object.entries<(abort: () => void) => DialerOptions>({
    "the jar": (abort) => ({
      jar: {
        getCookies: () => {
          abort();
          return "";
        },
        setCookies: () => {},
      },
    }),
    "the jar, by the answer": (abort) => ({
      jar: { getCookies: () => "", setCookies: abort },
    }),
    "the proxy function": (abort) => ({ proxy: () => void abort() }),
    "netDial": (abort) => ({
      netDial: ({ hostname, port }) => {
        abort();
        return net.connect({ host: hostname, port });
      },
    }),
  })
) {
  test(`Dialer.dial() may be given up inside of ${what}`, async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const abort = () => controller.abort(reason);
    assertStrictEquals(
      await failure(() => make(abort), controller.signal),
      reason,
    );
  });
}
