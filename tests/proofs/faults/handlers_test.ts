/** Handlers, pools and streams that fail, on either end of a real connection. */

import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";

import type { CloseInfo } from "../../../src/close.ts";
import type { Conn } from "../../../src/conn/conn.ts";
import type { ConnOptions } from "../../../src/conn/options.ts";
import { Dialer } from "../../../src/client/dialer.ts";
import { MessageType } from "../../../src/message.ts";
import type { BufferPool } from "../../../src/transport/byte_stream.ts";
import type { Side } from "../../../src/transport/transport.ts";
import {
  echo,
  type Place,
  PLACES,
  serveAt,
  wsUrl,
} from "../../support/servers.ts";
import { deferred, runtime, test } from "../../support/helper.ts";
import { turn, until } from "../../suite/fixture.ts";
import { FAULT, misbehave } from "./misbehave.ts";

const SIDES: readonly Side[] = ["server", "client"];
const TCP_PLACES = PLACES.filter(({ carrier }) => carrier === "TCP");
const WIRE_TCP = TCP_PLACES.filter(({ engine }) => engine === "wire");
const CLOSE_TIMEOUT = 200;

/**
 * Two ends: `ours` is that of the side, made with the options. Behind it the
 * server must still serve, and have no connection left.
 */
async function withEnds(
  place: Place,
  side: Side,
  options: ConnOptions,
  body: (ours: Conn, theirs: Conn) => Promise<void>,
): Promise<void> {
  const opened = deferred<Conn>();
  const errors: unknown[] = [];
  let first = true;
  await using server = await serveAt(place, (conn) => {
    if (!first) return echo(conn);
    first = false;
    opened.resolve(conn);
  }, {
    upgrader: side === "server" ? options : {},
    onError: (error) => errors.push(error),
  });
  const url = wsUrl(place, server);
  const { conn } = await new Dialer(side === "client" ? options : {}).dial(url);
  const served = await opened.promise;
  try {
    await (side === "server" ? body(served, conn) : body(conn, served));
    await Promise.all([conn.closed, served.closed]);
  } finally {
    conn.terminate();
  }
  await until(() => server.conns.size === 0, "the end of the connection");
  const { conn: next } = await new Dialer().dial(url);
  await next.send("next");
  assertEquals((await next.readMessage()).data, "next");
  await next.close();
  assertEquals(errors, []);
}

/** What a test takes beside its name and body. */
interface EachOptions {
  /** Makes a `writeBufferPool` for our end. */
  readonly pool?: () => BufferPool;
  /** The servers. Default: both engines. */
  readonly places?: readonly Place[];
  /** What a server does not have. */
  readonly lacks?: (place: Place) => string | undefined;
}

/** A test of each end, with a server of each engine. */
function onEach(
  name: string,
  body: (ours: Conn, theirs: Conn) => Promise<void>,
  options: EachOptions = {},
): void {
  const { pool, places = TCP_PLACES } = options;
  for (const place of places) {
    for (const side of SIDES) {
      test(
        `${name}; our ${side}, server ${place.name}`,
        () =>
          withEnds(place, side, {
            closeTimeout: CLOSE_TIMEOUT,
            ...pool && { writeBufferPool: pool() },
          }, body),
        { lacks: options.lacks?.(place) },
      );
    }
  }
}

const CONTROL: EachOptions = {
  lacks: ({ engine }) =>
    engine === "native" && runtime === "deno" ? "controlHandlers" : undefined,
};

/** Our end has failed by user code, theirs is told no more than that. */
async function assertFailed(ours: Conn, theirs: Conn): Promise<void> {
  const { code, wasClean, initiator, cause } = await ours.closed;
  assertEquals([code, wasClean, initiator], [1006, false, "local"]);
  assertStrictEquals(cause, FAULT);
  assertStrictEquals(await ours.readMessage().catch((error) => error), FAULT);
  const told: CloseInfo = await theirs.closed;
  assertEquals([told.code, told.reason], [1011, ""]);
}

for (const how of ["throws", "rejects"] as const) {
  onEach(
    `a ping handler that ${how} fails its connection alone`,
    async (ours, theirs) => {
      ours.setPingHandler(() => misbehave(how));
      theirs.writeControl(MessageType.Ping, "x");
      await assertFailed(ours, theirs);
    },
    CONTROL,
  );

  onEach(
    `a pong handler that ${how} fails its connection alone`,
    async (ours, theirs) => {
      ours.setPongHandler(() => misbehave(how));
      ours.writeControl(MessageType.Ping, "x");
      await assertFailed(ours, theirs);
    },
    CONTROL,
  );

  // Native engines have echoed by then.
  onEach(
    `a close handler that ${how} fails its connection alone`,
    async (ours, theirs) => {
      ours.setCloseHandler(() => misbehave(how));
      assertEquals((await theirs.close()).code, 1011);
      const { code, wasClean, cause } = await ours.closed;
      assertEquals([code, wasClean], [1006, false]);
      assertStrictEquals(cause, FAULT);
    },
    { places: WIRE_TCP },
  );
}

onEach("handlers that never settle hold up nothing", async (ours, theirs) => {
  const never = () => misbehave("never settles");
  if (ours.capabilities.controlHandlers) {
    ours.setPingHandler(never);
    ours.setPongHandler(never);
    await ours.ping("ours");
  }
  if (theirs.capabilities.ping) {
    theirs.writeControl(MessageType.Ping, "theirs");
  }
  ours.setCloseHandler(never);
  theirs.send("behind");
  assertEquals((await ours.readMessage()).data, "behind");
  await theirs.close();
  const { code, wasClean, initiator } = await ours.closed;
  assertEquals([code, wasClean, initiator], [1000, true, "remote"]);
});

onEach(
  "a ping handler that closes ends the connection with its code",
  async (ours, theirs) => {
    ours.setPingHandler(() => void ours.close(4002, "from a handler"));
    theirs.writeControl(MessageType.Ping, "x");
    const { code, reason, initiator } = await theirs.closed;
    assertEquals([code, reason, initiator], [4002, "from a handler", "remote"]);
    assertEquals((await ours.closed).initiator, "local");
  },
  CONTROL,
);

onEach(
  "a ping handler that terminates cuts the connection",
  async (ours, theirs) => {
    ours.setPingHandler(() => ours.terminate());
    theirs.writeControl(MessageType.Ping, "x");
    const { code, wasClean, initiator } = await theirs.closed;
    assertEquals([code, wasClean, initiator], [1006, false, "network"]);
    assertEquals((await ours.closed).initiator, "local");
  },
  CONTROL,
);

for (const method of ["get", "put"] as const) {
  onEach(
    `a writeBufferPool whose ${method}() throws fails its connection alone`,
    async (ours, theirs) => {
      ours.send("x");
      await assertFailed(ours, theirs);
    },
    {
      pool: () => {
        let failures = 1;
        const call = (called: string) => {
          if (called === method && failures-- > 0) throw FAULT;
        };
        return {
          get: () => {
            call("get");
            return undefined;
          },
          put: () => call("put"),
        };
      },
      // To native engines, buffers are a hint.
      places: WIRE_TCP,
    },
  );
}

onEach(
  "a sink that throws closes the connection with 1000",
  async (ours, theirs) => {
    const piped = ours.readable.pipeTo(
      new WritableStream({
        write() {
          throw FAULT;
        },
      }),
    );
    theirs.send("x");
    assertStrictEquals(await piped.catch((error) => error), FAULT);
    assertEquals((await theirs.closed).code, 1000);
  },
);

onEach(
  "a sink that never settles does not keep the end back",
  async (ours, theirs) => {
    ours.readable.pipeTo(
      new WritableStream({ write: () => misbehave("never settles") }),
    );
    for (let i = 0; i < 3; i++) theirs.send("x");
    theirs.close(4003);
    assertEquals((await ours.closed).code, 4003);
  },
);

onEach(
  "a source that fails within a message fails the connection",
  async (ours, theirs) => {
    const source = new ReadableStream<string>({
      start: (controller) => controller.enqueue("begun, "),
      async pull(controller) {
        // The beginning has gone out.
        await theirs.nextReader();
        controller.error(FAULT);
      },
    }, { highWaterMark: 0 });
    const piped = source.pipeTo(ours.nextWriter(MessageType.Text));
    assertStrictEquals(await piped.catch((error) => error), FAULT);
    const { cause } = await ours.closed;
    assertInstanceOf(cause, Error);
    assertStrictEquals(cause.cause, FAULT);
    assertEquals((await theirs.closed).code, 1011);
  },
  { places: WIRE_TCP },
);

onEach(
  "streams that are used twice refuse, and go on",
  async (ours, theirs) => {
    const reader = ours.readable.getReader();
    assertThrows(() => ours.readable.getReader(), TypeError);
    const read = reader.read();
    await turn();
    for (const again of [ours.readMessage(), ours.nextReader()]) {
      const { name } = await again.catch((error) => error);
      assertEquals(name, "InvalidStateError");
    }
    theirs.send("whole");
    assertEquals(await read, { done: false, value: "whole" });
    const writer = ours.nextWriter(MessageType.Text).getWriter();
    await writer.close();
    await assertRejects(() => writer.write("late"), TypeError);
    assertEquals((await theirs.readMessage()).data, "");
    await ours.close();
  },
);
