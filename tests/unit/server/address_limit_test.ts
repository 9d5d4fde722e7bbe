import { assert, assertEquals, assertThrows } from "@std/assert";

import { Dialer } from "../../../src/client/dialer.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import { BadHandshakeError } from "../../../src/peer_errors.ts";
import { AddressLimit } from "../../../src/server/address_limit.ts";
import type { Server } from "../../../src/server/serve.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import type { UpgraderOptions } from "../../../src/server/upgrader_options.ts";
import type { Addr } from "../../../src/transport/transport.ts";
import { deferred, test } from "../../support/helper.ts";
import { ca, connectRaw, head, UPGRADE } from "../../support/http_server.ts";
import { startServer } from "../../support/native.ts";
import { until } from "../../suite/fixture.ts";
import {
  type Place,
  PLACES,
  portOf,
  serveAt,
  wsUrl,
} from "../../support/servers.ts";

function tcp(hostname: string): Addr {
  return { transport: "tcp", hostname, port: 0 };
}

/** A server with places, as a client at an address behind a proxy sees it. */
function serveWith(
  place: Place,
  upgrader: UpgraderOptions,
  onConn: (conn: Conn) => void = () => {},
): Promise<Server> {
  return serveAt(place, onConn, {
    upgrader: {
      maxConnsPerAddress: 1,
      trustProxy: { from: ["127.0.0.1"] },
      ...upgrader,
    },
    onError: () => {},
  });
}

/** Connects; the connection, or the answer that refused it. */
async function connect(
  place: Place,
  server: Server,
  address = "192.0.2.1",
): Promise<Conn | Response> {
  try {
    const { conn } = await new Dialer({ tls: { ca } }).dial(
      wsUrl(place, server),
      { headers: { "X-Forwarded-For": address } },
    );
    return conn;
  } catch (error) {
    assert(error instanceof BadHandshakeError, String(error));
    const { status, headers } = error.response;
    return new Response(null, { status, headers });
  }
}

async function open(
  ...given: Parameters<typeof connect>
): Promise<Conn> {
  const conn = await connect(...given);
  assert(!(conn instanceof Response), "refused");
  return conn;
}

/** Closes connections, and waits for the server to know that. */
async function close(server: Server, ...conns: Conn[]): Promise<void> {
  const left = server.conns.size - conns.length;
  await Promise.all(conns.map((conn) => conn.close()));
  await until(() => server.conns.size === left, "the end of connections");
}

async function statusOf(
  ...given: Parameters<typeof connect>
): Promise<number> {
  const answer = await connect(...given);
  if (answer instanceof Response) return answer.status;
  await close(given[1], answer);
  return 101;
}

test("AddressLimit counts IPv4 alone, IPv6 by /64, and what has no address not", () => {
  const limit = new AddressLimit(1);
  const places: [hostname: string, left: boolean][] = [
    ["192.0.2.1", true],
    ["192.0.2.2", true],
    ["::ffff:192.0.2.1", false],
    ["::ffff:c000:202", false],
    ["2001:db8::1", true],
    ["2001:DB8:0:0:ffff::2", false],
    ["2001:db8:0:1::1", true],
    ["fe80::1%eth0", true],
    ["fe80::2%eth1", false],
    ["not an address", true],
    ["not an address", true],
  ];
  for (const [hostname, left] of places) {
    assertEquals(limit.take(tcp(hostname)) !== undefined, left, hostname);
  }
  const unix: Addr = { transport: "unix", path: "/run/app.sock" };
  for (const addr of [undefined, undefined, unix, unix]) {
    assert(limit.take(addr) !== undefined);
  }
});

test("AddressLimit takes a place back once", () => {
  const limit = new AddressLimit(2);
  const first = limit.take(tcp("192.0.2.1"))!;
  limit.take(tcp("192.0.2.1"));
  assertEquals(limit.take(tcp("192.0.2.1")), undefined);
  first();
  first();
  assert(limit.take(tcp("192.0.2.1")) !== undefined);
  assertEquals(limit.take(tcp("192.0.2.1")), undefined);
});

test("Upgrader explains a maxConnsPerAddress that it cannot take", () => {
  for (const count of [0, -1, 1.5, NaN]) {
    assertThrows(
      () => new Upgrader({ maxConnsPerAddress: count }),
      RangeError,
      `Cannot use maxConnsPerAddress ${count}: it must be a positive number`,
    );
  }
  assertThrows(
    () => new Upgrader({ maxConnsPerAddress: "5" as never }),
    TypeError,
    "Cannot use maxConnsPerAddress: it must be a number, got string",
  );
  new Upgrader({ maxConnsPerAddress: Infinity });
});

for (const place of PLACES) {
  test(`maxConnsPerAddress counts each address, ${place.name}`, async () => {
    const refused: string[] = [];
    await using server = await serveAt(place, () => {}, {
      upgrader: {
        maxConnsPerAddress: 2,
        trustProxy: { from: ["127.0.0.1"] },
      },
      onRefused: (error) => refused.push(error.message),
    });
    const first = await open(place, server, "192.0.2.1");
    const second = await open(place, server, "::ffff:192.0.2.1");
    const answer = await connect(place, server, "192.0.2.1");
    assert(answer instanceof Response);
    assertEquals(answer.status, 429);
    assertEquals(answer.headers.get("retry-after"), "5");
    assertEquals(refused, [
      "Cannot upgrade request: 192.0.2.1 has as many connections as " +
      "maxConnsPerAddress allows",
    ]);
    // Others are not concerned.
    const other = await open(place, server, "192.0.2.2");
    await close(server, first);
    const third = await open(place, server, "192.0.2.1");
    assertEquals(await statusOf(place, server, "192.0.2.1"), 429);
    await close(server, second, other, third);
    assertEquals(await statusOf(place, server, "192.0.2.1"), 101);
  });

  test(`maxConnsPerAddress counts peers where no proxy is trusted, ${place.name}`, async () => {
    await using server = await serveAt(place, () => {}, {
      upgrader: { maxConnsPerAddress: 1 },
    });
    const conn = await open(place, server, "192.0.2.1");
    assertEquals(await statusOf(place, server, "192.0.2.2"), 429);
    await close(server, conn);
    assertEquals(await statusOf(place, server, "192.0.2.2"), 101);
  });

  test(`maxConnsPerAddress takes the place before authorize runs, ${place.name}`, async () => {
    const asked = deferred();
    const answer = deferred<Response>();
    let times = 0;
    await using server = await serveWith(place, {
      authorize: () => {
        times++;
        asked.resolve();
        return answer.promise;
      },
    });
    const first = connect(place, server);
    await asked.promise;
    assertEquals(await statusOf(place, server), 429);
    assertEquals(times, 1);
    answer.resolve(new Response(null, { status: 401 }));
    assertEquals(((await first) as Response).status, 401);
  });

  test(`maxConnsPerAddress gives the place back whatever happens, ${place.name}`, async () => {
    let fault = "";
    const hang = deferred<Response>();
    await using server = await serveWith(place, {
      handshakeTimeout: 300,
      checkOrigin: () => {
        if (fault === "origin") throw new Error("origin");
        return fault !== "forbidden";
      },
      subprotocols: () => {
        if (fault === "subprotocol") throw new Error("subprotocol");
        return undefined;
      },
      authorize: () => {
        switch (fault) {
          case "refusal":
            return new Response(null, { status: 401 });
          case "throw":
            throw new Error("authorize");
          case "headers":
            return { headers: { "bad header": "x" } };
          case "timeout":
            return hang.promise;
        }
      },
      error: (_request, status) => {
        if (fault === "throw") throw new Error("error");
        return new Response(null, { status });
      },
    });
    const faults: [fault: string, status: number][] = [
      ["forbidden", 403],
      ["origin", 500],
      ["refusal", 401],
      ["throw", 500],
      ["headers", 500],
      ["timeout", 503],
    ];
    for (const [what, status] of faults) {
      fault = what;
      assertEquals(await statusOf(place, server), status, what);
      fault = "";
      if (what === "timeout") {
        // Its callback still runs.
        assertEquals(await statusOf(place, server), 429);
        hang.resolve(new Response(null, { status: 401 }));
      }
      assertEquals(await statusOf(place, server), 101, `after ${what}`);
    }
  });

  test(`maxConnsPerAddress bounds the callbacks that outlive handshakeTimeout, ${place.name}`, async () => {
    const answer = deferred();
    let running = 0;
    await using server = await serveWith(place, {
      maxConnsPerAddress: 2,
      handshakeTimeout: 200,
      authorize: () => {
        running++;
        return running > 2 ? undefined : answer.promise;
      },
    });
    for (const status of [503, 503, 429, 429]) {
      assertEquals(await statusOf(place, server), status);
    }
    assertEquals(running, 2);
    assertEquals(await statusOf(place, server, "192.0.2.2"), 101);
    answer.resolve();
    assertEquals(await statusOf(place, server), 101);
  });
}

for (const place of PLACES.filter(({ carrier }) => carrier === "TCP")) {
  test(`maxConnsPerAddress gives the place of a client that leaves back, ${place.name}`, async () => {
    const asked = deferred();
    const gone = deferred();
    const over = deferred();
    let leaves = true;
    // Over a half-closed socket the 101 may still go out.
    await using server = await serveAt(place, (conn) => {
      conn.closed.then(() => over.resolve());
    }, {
      upgrader: {
        maxConnsPerAddress: 1,
        authorize: async ({ signal }) => {
          if (!leaves) return;
          asked.resolve();
          if (place.engine === "native") {
            await new Promise((left) => signal.addEventListener("abort", left));
          }
          await gone.promise;
        },
      },
      onRefused: () => over.resolve(),
    });
    const peer = await connectRaw("TCP", portOf(server));
    peer.send(head(...UPGRADE));
    await asked.promise;
    peer.destroy();
    await peer.closed;
    gone.resolve();
    await over.promise;
    leaves = false;
    assertEquals(await statusOf(place, server), 101);
  });
}

test("maxConnsPerAddress words its answer by the option error", async () => {
  const [place] = PLACES;
  await using server = await serveWith(place!, {
    error: (_request, status, { message }) =>
      new Response(null, { status, headers: { "X-Why": message.slice(0, 6) } }),
  });
  const conn = await open(place!, server);
  const answer = await connect(place!, server);
  assert(answer instanceof Response);
  assertEquals([answer.status, answer.headers.get("x-why")], [429, "Cannot"]);
  await conn.close();
});

// On Bun the 101 is sent whatever is returned.
test(
  "maxConnsPerAddress gives the place of a 101 that is not returned back",
  async () => {
    const upgrader = new Upgrader({
      maxConnsPerAddress: 1,
      handshakeTimeout: 50,
    });
    const conns: Conn[] = [];
    const statuses: number[] = [];
    await using server = startServer(async (request, target) => {
      // A copy, whose socket never opens.
      const { conn, response, error } = await upgrader.upgrade(
        conns.length === 0 ? new Request(request) : request,
        target,
      ) as { conn?: Conn; response: Response; error?: { status: number } };
      if (conn !== undefined) conns.push(conn);
      statuses.push(error?.status ?? 101);
      return response;
    }, undefined);
    const url = `ws://127.0.0.1:${server.port}/`;
    const dialer = new Dialer({ handshakeTimeout: 5_000 });
    const first = await dialer.dial(url).catch(() => undefined);
    await conns[0]?.closed;
    first?.conn.terminate();
    const { conn } = await dialer.dial(url);
    await conn.close();
    assertEquals(statuses, [101, 101]);
  },
  { only: "deno" },
);

test("a refusal for want of room says when to come again, and no other does", async () => {
  const [place] = PLACES;
  await using server = await serveAt(place!, () => {}, {
    path: "/ws",
    upgrader: {
      handshakeTimeout: 1_000,
      authorize: ({ headers }) => {
        if (headers.get("x-do") === "throw") throw new Error("no");
        return headers.get("x-do") === "wait"
          ? new Promise<void>(() => {})
          : new Response(null, { status: 503 });
      },
    },
    onError: () => {},
  });
  const dialer = new Dialer();
  const answers: [
    path: string,
    what: string,
    status: number,
    header: unknown,
  ][] = [
    ["/ws", "wait", 503, "5"],
    ["/ws", "throw", 500, null],
    // The application's own.
    ["/ws", "", 503, null],
    ["/other", "", 404, null],
  ];
  for (const [path, what, status, header] of answers) {
    const error = await dialer.dial(wsUrl(place!, server, path), {
      headers: { "X-Do": what },
    }).catch((error) => error);
    assert(error instanceof BadHandshakeError);
    assertEquals(
      [error.response.status, error.response.headers.get("retry-after")],
      [status, header],
    );
  }
});
