import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";

import { assert, assertEquals, assertRejects } from "@std/assert";

import type { CloseInfo } from "../../../src/close.ts";
import { dial, Dialer } from "../../../src/client/dialer.ts";
import type { ChannelMessages } from "../../../src/conn/channels.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import { BadHandshakeError } from "../../../src/peer_errors.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import { pipe } from "../../../src/testing/mod.ts";
import { Child } from "../../support/child.ts";
import { deferred, test } from "../../support/helper.ts";
import { ca } from "../../support/http_server.ts";
import { startServer } from "../../support/native.ts";
import {
  type Place,
  PLACES,
  portOf,
  serveAt,
  wsUrl,
} from "../../support/servers.ts";
import { until } from "../../suite/fixture.ts";

const NAMES = ["open", "close", "refused", "error", "ping"] as const;
type Name = typeof NAMES[number];
type MessageOf<N extends Name> = ChannelMessages[`silverback.websocket.${N}`];

/** What is published from here on, in its order. */
class Subscriber implements Disposable {
  readonly messages: [name: Name, message: unknown][] = [];
  readonly #ends: (() => void)[];

  constructor(...names: readonly Name[]) {
    this.#ends = names.map((name) => {
      const listener = (message: unknown) => {
        this.messages.push([name, message]);
      };
      subscribe(`silverback.websocket.${name}`, listener);
      return () => unsubscribe(`silverback.websocket.${name}`, listener);
    });
  }

  of<N extends Name>(name: N): MessageOf<N>[] {
    return this.messages.filter(([it]) => it === name)
      .map(([, message]) => message as MessageOf<N>);
  }

  [Symbol.dispose](): void {
    for (const end of this.#ends) end();
  }
}

function connect(
  place: Place,
  server: Parameters<typeof wsUrl>[1],
  path?: string,
): Promise<Conn> {
  const dialer = new Dialer({ tls: { ca } });
  return dialer.dial(wsUrl(place, server, path)).then(({ conn }) => conn);
}

for (const place of PLACES) {
  test(`the channels open and close tell of both sides, ${place.name}`, async () => {
    using told = new Subscriber("open", "close");
    const conns: Conn[] = [];
    const infos: CloseInfo[] = [];
    {
      await using server = await serveAt(place, async (conn, request) => {
        conns.push(conn);
        const { request: seen, conn: opened } = told.of("open")[0]!;
        assert(seen === request && opened === conn, "told before the handler");
        assert(opened.clientAddr !== undefined);
        infos.push(await conn.closed);
      });
      const conn = await connect(place, server, "/here?x=1");
      conns.push(conn);
      infos.push(await conn.close(4001, "bye"));
      await until(() => told.of("close").length === 2, "both ends");
    }
    const opens = told.of("open");
    assertEquals(opens.length, 2);
    const [first, second] = opens;
    assert(first!.conn === conns[0] && second!.conn === conns[1]);
    assertEquals(new URL(first!.request!.url).pathname, "/here");
    assertEquals(second!.request, undefined);
    const closes = told.of("close");
    assertEquals(new Set(closes.map(({ conn }) => conn)), new Set(conns));
    for (const { conn, request, duration, ...info } of closes) {
      assert(request === opens.find((it) => it.conn === conn)!.request);
      assertEquals(info, await conn.closed);
      assertEquals(info.code, 4001);
      assert(duration >= 0 && duration < 30_000, `${duration} ms`);
    }
  });

  test(`the channel close has the cause, ${place.name}`, async () => {
    using told = new Subscriber("close");
    await using server = await serveAt(place, (conn) => conn.closeRead(), {
      upgrader: { messageLimit: { perSecond: 1e-9, burst: 1 } },
    });
    const conn = await connect(place, server);
    conn.send("one");
    conn.send("two");
    await conn.closed;
    await until(() => told.of("close").length === 2, "both ends");
    const cause = told.of("close").find((it) => it.conn !== conn)?.cause;
    assertEquals((cause as Error).name, "MessageLimitError");
  });

  test(`the channel refused tells of every refusal, ${place.name}`, async () => {
    using told = new Subscriber("open", "refused", "error");
    await using server = await serveAt(place, () => {}, {
      path: "/ws",
      upgrader: {
        authorize: ({ url }) => {
          if (url.endsWith("?throw")) throw new Error("authorize");
          return new Response(null, { status: 401 });
        },
      },
      onError: () => {},
    });
    for (const path of ["/ws", "/other", "/ws?throw"]) {
      await assertRejects(
        () => connect(place, server, path),
        BadHandshakeError,
      );
    }
    assertEquals(
      told.of("refused").map(({ request, status, error }) => [
        request.url.slice(new URL(request.url).origin.length),
        status,
        error.status,
        error.message.split(": ")[1],
      ]),
      [
        ["/ws", 401, 401, "authorize answered 401"],
        ["/other", 404, 404, 'there is no endpoint at path "/other"'],
        ["/ws?throw", 500, 500, "authorize failed"],
      ],
    );
    assertEquals(
      told.of("error").map(({ error, conn }) => [String(error), conn]),
      [["Error: authorize", undefined]],
    );
    assertEquals(told.of("open"), []);
  });

  test(`the channel error tells of what handlers throw, ${place.name}`, async () => {
    using told = new Subscriber("error");
    const handled: [unknown, unknown][] = [];
    const failure = new Error("handler");
    await using server = await serveAt(place, () => {
      throw failure;
    }, { onError: (error, conn) => handled.push([error, conn]) });
    const conn = await connect(place, server);
    assertEquals((await conn.closed).code, 1011);
    const [[error, broken]] = handled as [[unknown, Conn]];
    const [message] = told.of("error");
    assert(error === failure && message!.error === failure);
    assert(message!.conn === broken);
  });
}

test("the channel close keeps no request for who subscribes later", async () => {
  const [place] = PLACES;
  const accepted = deferred<Conn>();
  await using server = await serveAt(place!, (conn) => accepted.resolve(conn));
  const conn = await connect(place!, server);
  const there = await accepted.promise;
  using told = new Subscriber("close");
  await conn.close();
  await there.closed;
  const message = told.of("close").find((it) => it.conn === there);
  assertEquals([message?.code, message?.request], [1000, undefined]);
});

test("the channel ping tells of round trips", async () => {
  using told = new Subscriber("ping");
  const [client, server] = pipe();
  const roundTrip = await client.ping();
  await server.ping("x");
  const [first, second] = told.of("ping");
  assert(first!.conn === client && second!.conn === server);
  assertEquals(first!.duration, roundTrip);
  assertEquals(client.stats.roundTrip, roundTrip);
  await client.close();
  await server.closed;
});

test("the channel refused tells of an upgrade by hand", async () => {
  using told = new Subscriber("refused", "error");
  const upgrader = new Upgrader({
    authorize: () => {
      throw new Error("no");
    },
  });
  await using server = startServer(async (request, target) => {
    const { response } = await upgrader.upgrade(request, target);
    return response;
  }, upgrader.websocket);
  await assertRejects(
    () => dial(`ws://127.0.0.1:${server.port}/`),
    BadHandshakeError,
  );
  assertEquals(told.messages.map(([name]) => name), ["error", "refused"]);
  assertEquals(told.of("refused")[0]!.status, 500);
});

test("the channels are told nothing where nobody has subscribed", async () => {
  const published: unknown[] = [];
  const spied = NAMES.map((name) => channel(`silverback.websocket.${name}`));
  for (const it of spied) {
    assertEquals(it.hasSubscribers, false);
    it.publish = (message) => void published.push(message);
  }
  try {
    const [place] = PLACES;
    const over = deferred();
    await using server = await serveAt(place!, async (conn) => {
      await conn.ping();
      conn.closed.then(() => over.resolve());
      throw new Error("handler");
    }, { path: "/ws", onError: () => {} });
    const conn = await connect(place!, server, "/ws");
    await conn.readMessage().catch(() => {});
    await over.promise;
    await assertRejects(() => dial(`ws://127.0.0.1:${portOf(server)}/`));
    assertEquals(published, []);
  } finally {
    for (const it of spied) delete (it as Partial<typeof it>).publish;
  }
});

test("a subscriber that throws is an uncaught exception, and nothing else", async () => {
  await using child = new Child(
    new URL("./channels_child.ts", import.meta.url),
    [],
  );
  assertEquals(await child.readLine(), "echo: Hello");
  assertEquals(await child.readLine(), "uncaught: open, open");
});
