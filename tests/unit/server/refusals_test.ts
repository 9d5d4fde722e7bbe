/** Whoever is refused, and whatever fails meanwhile: the server's own side is told. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStringIncludes,
} from "@std/assert";

import { Dialer } from "../../../src/client/dialer.ts";
import { BadHandshakeError, HandshakeError } from "../../../src/peer_errors.ts";
import type { OnRefused } from "../../../src/server/refusals.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import type { UpgraderOptions } from "../../../src/server/upgrader_options.ts";
import {
  connectRaw,
  head,
  startHttp,
  UPGRADE,
  upgradeBut,
} from "../../support/http_server.ts";
import { startServer } from "../../support/native.ts";
import { PLACES, portOf, serveAt } from "../../support/servers.ts";
import { deferred, runtime, test } from "../../support/helper.ts";
import { until } from "../../suite/fixture.ts";

const PREFIX = "Cannot upgrade request: ";
const dialer = new Dialer();

/** What a server tells, and where it is. */
interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** What was told. */
class Log {
  readonly errors: unknown[] = [];
  readonly refused: HandshakeError[] = [];
  readonly paths: string[] = [];
  readonly onError = (error: unknown): void => void this.errors.push(error);
  readonly onRefused: OnRefused = (error, request) => {
    this.refused.push(error);
    this.paths.push(new URL(request.url).pathname);
  };
}

interface Way {
  readonly name: string;
  /** Whether there is an onError. */
  readonly byHand: boolean;
  readonly start: (log: Log, options: UpgraderOptions) => Promise<Listening>;
}

/** All ways to upgrade. */
const WAYS: readonly Way[] = [
  ...PLACES.filter(({ carrier }) => carrier === "TCP").map((place): Way => ({
    name: `serve(), ${place.name}`,
    byHand: false,
    start: async ({ onError, onRefused }, upgrader) => {
      const server = await serveAt(place, (conn) => conn.terminate(), {
        upgrader,
        onError,
        onRefused,
      });
      return Object.assign(server, { port: portOf(server) });
    },
  })),
  {
    name: "handler()",
    byHand: false,
    start: ({ onError, onRefused }, upgrader) => {
      const handler = new Upgrader(upgrader).handler(
        (conn) => conn.terminate(),
        { onError, onRefused },
      );
      return Promise.resolve(startServer(handler.fetch, handler.websocket));
    },
  },
  {
    name: "listener()",
    byHand: false,
    start: ({ onError, onRefused }, upgrader) =>
      startHttp(
        "TCP",
        new Upgrader(upgrader).listener((conn) => conn.terminate(), {
          onError,
          onRefused,
        }),
      ),
  },
  {
    name: "upgradeSocket()",
    byHand: true,
    start: ({ onRefused }, options) => {
      const upgrader = new Upgrader(options);
      return startHttp("TCP", async (message, socket, head) => {
        const conn = await upgrader.upgradeSocket(message, socket, head, {
          onRefused,
        });
        conn?.terminate();
      });
    },
  },
];

function everyWay(name: string, fn: (way: Way) => Promise<void>): void {
  for (const way of WAYS) test(`${way.name} ${name}`, () => fn(way));
}

/** What is answered to a raw request, which may stay open behind it. */
async function statusOf(port: number, request: string): Promise<number> {
  const peer = await connectRaw("TCP", port);
  peer.send(request);
  const answer = await peer.readHead();
  peer.destroy();
  await peer.closed;
  return Number(answer.slice(9, 12));
}

/** Gathers what the console is told. */
async function heard(body: (told: unknown[]) => Promise<void>): Promise<void> {
  const { error } = console;
  const told: unknown[] = [];
  console.error = (what: unknown) => void told.push(what);
  try {
    await body(told);
  } finally {
    console.error = error;
  }
}

const REFUSED: readonly [
  what: string,
  request: string,
  status: number,
  reason: string,
][] = [
  [
    "another origin",
    head(
      ...UPGRADE.map((line) =>
        line.startsWith("Host") ? "Host: 127.0.0.1:8000" : line
      ),
      "Origin: http://localhost:5173",
    ),
    403,
    "origin http://localhost:5173 is not host 127.0.0.1:8000: see checkOrigin",
  ],
  [
    "no token",
    upgradeBut("Conn", "Connection: close"),
    400,
    'the Connection header has no token "upgrade"',
  ],
  [
    "no key",
    upgradeBut("Sec-WebSocket-K"),
    400,
    "the Sec-WebSocket-Key header is not the base64 of 16 bytes",
  ],
  [
    "an old version",
    upgradeBut("Sec-WebSocket-V", "Sec-WebSocket-Version: 8"),
    400,
    "the Sec-WebSocket-Version header has no 13",
  ],
];

everyWay("tells onRefused of each refusal, with its reason", async (way) => {
  const log = new Log();
  await using server = await way.start(log, {});
  for (const [what, request, status, reason] of REFUSED) {
    // A request of node:http that asks for no upgrade is not the listener's.
    if (what === "no token" && /listener|upgradeSocket/.test(way.name)) {
      continue;
    }
    log.refused.length = 0;
    assertEquals(await statusOf(server.port, request), status, what);
    await until(() => log.refused.length > 0, what);
    const [error] = log.refused;
    assertInstanceOf(error, HandshakeError);
    assertEquals(error.message, PREFIX + reason);
    assertEquals([error.status, log.refused.length], [status, 1]);
  }
  assertEquals(log.errors, []);
});

everyWay("tells onRefused of the callbacks' refusals", async (way) => {
  const log = new Log();
  await using server = await way.start(log, {
    checkOrigin: ({ headers }) =>
      headers.get("origin") !== "https://evil.example",
    authorize: () => new Response(null, { status: 401 }),
  });
  const port = `127.0.0.1:${server.port}`;
  for (const headers of [{ Origin: "https://evil.example" }, {}]) {
    const error = await dialer.dial(`ws://${port}/here`, { headers })
      .catch((error) => error);
    assertInstanceOf(error, BadHandshakeError);
  }
  await until(() => log.refused.length === 2, "both");
  assertEquals(log.refused.map(({ message }) => message), [
    `${PREFIX}checkOrigin refuses origin https://evil.example on host ${port}`,
    `${PREFIX}authorize answered 401`,
  ]);
  assertEquals(log.paths, ["/here", "/here"]);
  assertEquals(log.errors, []);
});

for (const name of ["authorize", "checkOrigin", "subprotocols"] as const) {
  for (const how of ["throws", "rejects"] as const) {
    everyWay(`tells what ${name} ${how}`, (way) =>
      heard(async (told) => {
        const log = new Log();
        const thrown = new Error(name);
        await using server = await way.start(log, {
          [name]: () => {
            if (how === "throws") throw thrown;
            return Promise.reject(thrown);
          },
        });
        assertEquals(await statusOf(server.port, head(...UPGRADE)), 500);
        await until(() => log.refused.length === 1, "the refusal");
        assert(log.refused[0]!.cause === thrown);
        assertEquals(log.errors, way.byHand ? [] : [thrown]);
        assertEquals(told, []);
      }));
  }
}

everyWay(
  "tells what error throws, beside what authorize has thrown",
  (way) =>
    heard(async (told) => {
      const log = new Log();
      await using server = await way.start(log, {
        authorize: () => {
          throw "first";
        },
        error: () => Promise.reject("second"),
      });
      assertEquals(await statusOf(server.port, head(...UPGRADE)), 500);
      await until(() => log.refused.length === 1, "the refusal");
      assertEquals(log.refused[0]!.cause, "first");
      // By hand, the cause is the first one.
      assertEquals(log.errors, way.byHand ? [] : ["first", "second"]);
      assertEquals(told, way.byHand ? ["second"] : []);
    }),
);

everyWay(
  "tells of a callback that chooses what nobody offered",
  (way) =>
    heard(async (told) => {
      const log = new Log();
      await using server = await way.start(log, {
        subprotocols: () => "other",
      });
      assertEquals(await statusOf(server.port, head(...UPGRADE)), 500);
      await until(() => log.refused.length === 1, "the refusal");
      assertStringIncludes(log.refused[0]!.message, '"other"');
      if (!way.byHand) {
        assertInstanceOf(log.errors[0], HandshakeError);
        assertEquals(log.errors.length, 1);
      }
      assertEquals(told, []);
    }),
);

everyWay(
  "tells of the time-out, and what is thrown behind it",
  (way) =>
    heard(async (told) => {
      const log = new Log();
      const late = deferred<void>();
      await using server = await way.start(log, {
        handshakeTimeout: 50,
        authorize: () => late.promise,
      });
      assertEquals(await statusOf(server.port, head(...UPGRADE)), 503);
      await until(() => log.refused.length === 1, "the refusal");
      assertEquals(
        log.refused[0]!.message,
        `${PREFIX}the callbacks took more than the handshakeTimeout of 50 ms`,
      );
      const heard = way.byHand ? told : log.errors;
      assertEquals(heard, []);
      late.reject("late");
      await until(() => heard.length > 0, "what came late");
      assertEquals(heard, ["late"]);
    }),
);

for (const how of ["throws", "rejects"] as const) {
  everyWay(`goes on when onRefused ${how}`, (way) =>
    heard(async (told) => {
      const log = new Log();
      const failing = Object.assign(new Log(), {
        errors: log.errors,
        onError: log.onError,
        onRefused: () => {
          if (how === "throws") throw "oops";
          return Promise.reject("oops");
        },
      });
      await using server = await way.start(failing, {});
      assertEquals(
        await statusOf(server.port, upgradeBut("Sec-WebSocket-K")),
        400,
      );
      const heard = way.byHand ? told : log.errors;
      await until(() => heard.length > 0, "what onRefused has thrown");
      assertEquals(heard, ["oops"]);
      assertEquals(await statusOf(server.port, head(...UPGRADE)), 101);
    }));
}

everyWay("answers when onRefused has read the answer", async (way) => {
  const log = new Log();
  const read = deferred<string>();
  const reading = Object.assign(new Log(), {
    onError: log.onError,
    onRefused: (error: HandshakeError) => read.resolve(error.response.text()),
  });
  await using server = await way.start(reading, {});
  assertEquals(await statusOf(server.port, upgradeBut("Sec-WebSocket-K")), 400);
  assertEquals(await read.promise, "Bad Request\n");
});

test("Upgrader.upgradeSocket() tells the console what nobody else is told", () =>
  heard(async (told) => {
    const upgrader = new Upgrader({
      authorize: () => {
        throw "thrown";
      },
    });
    await using server = await startHttp("TCP", (message, socket, head) => {
      upgrader.upgradeSocket(message, socket, head);
    });
    assertEquals(await statusOf(server.port, head(...UPGRADE)), 500);
    await until(() => told.length > 0, "the console");
    assertEquals(told, ["thrown"]);
  }));

test("Upgrader.upgrade() gives what was thrown, and tells the console the rest", () =>
  heard(async (told) => {
    const upgrader = new Upgrader({
      authorize: () => {
        throw "first";
      },
      error: () => {
        throw "second";
      },
    });
    const errors: unknown[] = [];
    await using server = startServer(async (request, target) => {
      const { response, error } = {
        error: undefined,
        ...await upgrader.upgrade(request, target),
      };
      errors.push(error);
      return response;
    }, upgrader.websocket);
    assertEquals(await statusOf(server.port, head(...UPGRADE)), 500);
    const [error] = errors;
    assertInstanceOf(error, HandshakeError);
    assertEquals(error.cause, "first");
    assertEquals(told, ["second"]);
  }));

for (const place of PLACES.filter(({ carrier }) => carrier === "TCP")) {
  test(`serve() tells onRefused of another path, and while it stops; ${place.name}`, async () => {
    const log = new Log();
    const asked = deferred();
    const go = deferred();
    await using server = await serveAt(place, (conn) => conn.terminate(), {
      path: "/ws",
      onRefused: log.onRefused,
      upgrader: {
        authorize: () => {
          asked.resolve();
          return go.promise;
        },
      },
    });
    const request = (path: string) =>
      head(...UPGRADE.map((line) => line.replace("GET / ", `GET ${path} `)));
    assertEquals(await statusOf(portOf(server), request("/other")), 404);
    assertEquals(
      log.refused[0]!.message,
      `${PREFIX}there is no endpoint at path "/other"`,
    );
    assertEquals(log.paths, ["/other"]);
    if (place.engine === "native") return;
    const refused = statusOf(portOf(server), request("/ws"));
    await asked.promise;
    const stopped = server.shutdown();
    go.resolve();
    assertEquals(await refused, 503);
    await stopped;
    assertEquals(
      log.refused[1]!.message,
      `${PREFIX}the server is shutting down`,
    );
  });

  test(`serve() answers 400 to malformed targets and hosts, untold; ${place.name}`, async () => {
    const log = new Log();
    await using server = await serveAt(place, (conn) => conn.terminate(), {
      path: "/ws",
      onError: log.onError,
      onRefused: log.onRefused,
      fetch: (request) => new Response(new URL(request.url).pathname),
    });
    const hosts = [
      "host:99999",
      "a b",
      "a/b?c#",
      "u@x",
      "[::1",
      "a%zz",
      "x:y",
      "x\\y",
    ];
    const lines = [
      ...hosts.map((host) => ["GET /ws HTTP/1.1", `Host: ${host}`]),
      ["GET /ws#b HTTP/1.1", "Host: a"],
      ["GET /ws HTTP/1.1", "Host: a", "Host: b"],
      ["GET * HTTP/1.1", "Host: a"],
    ];
    for (const line of lines) {
      // Bun's server gives the first Host, and nothing of the second.
      const isBuns = line.length === 3 && runtime === "bun" &&
        place.engine === "native";
      for (const rest of [UPGRADE.slice(2), []]) {
        const status = await statusOf(portOf(server), head(...line, ...rest));
        assert(status === 400 || isBuns, `${status}: ${line.join(", ")}`);
      }
    }
    assertEquals(log.errors, []);
    assertEquals(log.refused, []);
  });
}

test("Upgrader.handler() answers 500 to what fetch throws, and tells onError", async () => {
  for (const how of ["throws", "rejects"] as const) {
    const log = new Log();
    const handler = new Upgrader().handler(() => {}, {
      fetch: () => {
        if (how === "throws") throw "thrown";
        return Promise.reject("thrown");
      },
      onError: log.onError,
    });
    await using server = startServer(handler.fetch, handler.websocket);
    const response = await fetch(`http://127.0.0.1:${server.port}`);
    assertEquals(response.status, 500);
    assertEquals(await response.text(), "Internal Server Error\n");
    assertEquals(log.errors, ["thrown"]);
  }
});

test("Upgrader.handler() answers 500 to a fetch that returns no Response, and tells onError", async () => {
  for (const returned of [undefined, null, {}, "Hello"]) {
    const log = new Log();
    const handler = new Upgrader().handler(() => {}, {
      fetch: () => returned as unknown as Response,
      onError: log.onError,
    });
    await using server = startServer(handler.fetch, handler.websocket);
    const response = await fetch(`http://127.0.0.1:${server.port}`);
    assertEquals(response.status, 500);
    assertEquals(await response.text(), "Internal Server Error\n");
    assertEquals(log.errors.map(String), [
      "TypeError: Cannot answer request: fetch returned no Response",
    ]);
  }
});

test("Upgrader.upgrade() refuses a malformed Host", async () => {
  const upgrader = new Upgrader();
  const messages: unknown[] = [];
  await using server = startServer(async (request, target) => {
    const attempt = await upgrader.upgrade(request, target);
    messages.push(attempt.conn ?? attempt.error.message);
    return attempt.response;
  }, upgrader.websocket);
  assertEquals(
    await statusOf(server.port, upgradeBut("Host", "Host: host:99999")),
    400,
  );
  assertEquals(messages, [`${PREFIX}its target or Host is malformed`]);
});

test("serve() tells onError of a refusal's body that fails", async () => {
  const log = new Log();
  await using server = await serveAt(PLACES[0]!, () => {}, {
    onError: log.onError,
    upgrader: {
      authorize: () => {
        const body = new ReadableStream({
          pull: (controller) => controller.error("body"),
        }, { highWaterMark: 0 });
        return new Response(body, { status: 403 });
      },
    },
  });
  assertEquals(await statusOf(portOf(server), head(...UPGRADE)), 403);
  await until(() => log.errors.length > 0, "the error");
  assertEquals(log.errors, ["body"]);
});
