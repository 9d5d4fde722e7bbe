/** Topics of one process. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";

import type { Conn } from "../../../src/conn/conn.ts";
import { Hub } from "../../../src/pubsub/hub.ts";
import type { Gap } from "../../../src/pubsub/options.ts";
import { pipe, type PipeOptions } from "../../../src/testing/mod.ts";
import { turn } from "../wire/held_stream.ts";
import { deferred, hex, test } from "../../support/helper.ts";

/** Runs with a hub and the ends of some connections: `[theirs, ours][]`. */
async function withConns(
  count: number,
  options: PipeOptions,
  fn: (...ends: [Conn, Conn][]) => Promise<void>,
): Promise<void> {
  const ends = Array.from({ length: count }, () => pipe(options));
  try {
    await fn(...ends);
  } finally {
    for (const conn of ends.flat()) conn.terminate();
    await Promise.all(ends.flat().map((conn) => conn.closed));
  }
}

async function read(conn: Conn): Promise<string | Uint8Array> {
  return (await conn.readMessage()).data;
}

test("hub.publish() sends text and bytes to all subscribers of the topic", async () => {
  await withConns(3, {}, async ([a, aHere], [b, bHere], [c, cHere]) => {
    await using hub = new Hub();
    await hub.subscribe("one", aHere);
    await hub.subscribe("one", bHere);
    await hub.subscribe("two", bHere);
    await hub.subscribe("two", cHere);
    await hub.publish("one", "text");
    await hub.publish("two", hex("00 ff"));
    await hub.publish("nobody's", "lost");
    assertEquals(await read(a), "text");
    assertEquals(await read(b), "text");
    assertEquals(await read(b), hex("00 ff"));
    assertEquals(await read(c), hex("00 ff"));
  });
});

test("hub.publish() keeps its order against conn.send()", async () => {
  await withConns(1, {}, async ([client, server]) => {
    await using hub = new Hub();
    await hub.subscribe("topic", server);
    for (let i = 0; i < 100; i++) {
      hub.publish("topic", `p${i}${"x".repeat(i % 3 * 600)}`);
      if (i % 4 === 0) server.send(`s${i}`);
    }
    for (let i = 0; i < 100; i++) {
      assertEquals(String(await read(client)).replaceAll("x", ""), `p${i}`);
      if (i % 4 === 0) assertEquals(await read(client), `s${i}`);
    }
  });
});

test("hub.publish() leaves out the connection in except", async () => {
  await withConns(2, {}, async ([a, aHere], [b, bHere]) => {
    await using hub = new Hub();
    for (const conn of [aHere, bHere]) await hub.subscribe("topic", conn);
    hub.publish("topic", "first", { except: aHere });
    hub.publish("topic", "second");
    assertEquals(await read(a), "second");
    assertEquals(await read(b), "first");
    assertEquals(await read(b), "second");
  });
});

test("hub.publish() copies the bytes", async () => {
  await withConns(1, {}, async ([client, server]) => {
    await using hub = new Hub();
    await hub.subscribe("topic", server);
    const bytes = new Uint8Array(40_000).fill(7);
    hub.publish("topic", bytes);
    bytes.fill(9);
    assertEquals(new Set(await read(client) as Uint8Array), new Set([7]));
  });
});

test("hub.subscribe() calls listeners, whose faults go to onError", async () => {
  const errors: unknown[] = [];
  await using hub = new Hub({ onError: (error) => errors.push(error) });
  const heard: unknown[] = [];
  await hub.subscribe("topic", () => {
    throw new Error("thrown");
  });
  // deno-lint-ignore require-await
  await hub.subscribe("topic", async () => {
    throw new Error("rejected");
  });
  const listener = (data: string | Uint8Array, topic: string) =>
    heard.push([data, topic]);
  await hub.subscribe("topic", listener);
  await hub.subscribe("topic", listener);
  await hub.publish("topic", "a");
  hub.unsubscribe("topic", listener);
  await hub.publish("topic", "b");
  assertEquals(heard, [["a", "topic"]]);
  await turn();
  assertEquals(errors.map((error) => (error as Error).message).sort(), [
    "rejected",
    "rejected",
    "thrown",
    "thrown",
  ]);
});

test("hub.publish() within a listener comes second for everybody", async () => {
  await using hub = new Hub();
  const heard: string[] = [];
  await hub.subscribe("topic", (data) => {
    if (data === "a") hub.publish("topic", "b");
  });
  await hub.subscribe("topic", (data) => heard.push(String(data)));
  await hub.publish("topic", "a");
  assertEquals(heard, ["a", "b"]);
});

test("a connection that closes leaves its topics", async () => {
  await withConns(1, {}, async ([client, server]) => {
    await using hub = new Hub();
    await hub.subscribe("one", server);
    await hub.subscribe("two", server);
    assertEquals([...hub.subscribers("one")], [server]);
    await client.close();
    await server.closed;
    assertEquals(hub.subscribers("one").size, 0);
    assertEquals(hub.subscribers("two").size, 0);
    await assertRejects(
      () => hub.subscribe("one", server),
      DOMException,
      "the connection is closed",
    );
  });
});

test("a connection that is closing is no subscriber any more", async () => {
  for (const end of ["close", "terminate"] as const) {
    await withConns(1, {}, async ([client, server]) => {
      await using hub = new Hub();
      await hub.subscribe("topic", server);
      server[end]();
      assertEquals(server.state, "closing");
      assertEquals(hub.subscribers("topic").size, 0);
      await assertRejects(
        () => hub.subscribe("topic", server),
        DOMException,
        'Cannot subscribe to "topic": the connection is closing',
      );
      await client.closed;
    });
  }
});

test("hub.unsubscribe() ends the subscription at once", async () => {
  await withConns(1, {}, async ([client, server]) => {
    await using hub = new Hub();
    await hub.subscribe("topic", server);
    hub.publish("topic", "a");
    hub.unsubscribe("topic", server);
    hub.unsubscribe("topic", server);
    hub.unsubscribe("other", () => {});
    hub.publish("topic", "b");
    await hub.subscribe("topic", server);
    hub.publish("topic", "c");
    assertEquals([await read(client), await read(client)], ["a", "c"]);
  });
});

test("hub.subscribe() bounds the topics of a connection", async () => {
  await withConns(1, {}, async ([, server]) => {
    await using hub = new Hub({ topicLimit: 2 });
    await hub.subscribe("a", server);
    await hub.subscribe("b", server);
    await hub.subscribe("b", server);
    await assertRejects(
      () => hub.subscribe("c", server),
      RangeError,
      "has its 2 topics",
    );
    assertEquals(hub.subscribers("c").size, 0);
    hub.unsubscribe("a", server);
    await hub.subscribe("c", server);
    await hub.subscribe("d", () => {});
  });
});

test("a slow reader is cut by its write limit, and leaves at once", async () => {
  const server = { writeLimit: 100_000, closeTimeout: 60_000 };
  await withConns(2, { server }, async ([, slow], [quick, quickHere]) => {
    await using hub = new Hub();
    await hub.subscribe("topic", slow);
    await hub.subscribe("topic", quickHere);
    for (let i = 0; i < 300; i++) {
      await hub.publish("topic", `${i} ${"x".repeat(4000)}`);
      assertEquals(String(await read(quick)).split(" ")[0], String(i));
    }
    assertEquals([...hub.subscribers("topic")], [quickHere]);
    assertEquals(slow.state, "closing");
  });
});

test("a slow reader that is skipped stays, and one gap tells how much it missed", async () => {
  const gaps: Gap[] = [];
  const drained = deferred();
  await withConns(2, {}, async ([slow, slowHere], [quick, quickHere]) => {
    await using hub = new Hub({
      onGap: (gap) => {
        gaps.push(gap);
        drained.resolve();
      },
    });
    const backlog = 200_000;
    await hub.subscribe("topic", slowHere, { slow: "skip", backlog });
    await hub.subscribe("topic", quickHere, { slow: "skip", backlog });
    const count = 500;
    for (let i = 0; i < count; i++) {
      await hub.publish("topic", `${i} ${"x".repeat(4000)}`);
      assertEquals(String(await read(quick)).split(" ")[0], String(i));
      assert(slowHere.bufferedAmount <= backlog);
    }
    assertEquals(gaps, []);
    const got: number[] = [];
    const reading = (async () => {
      while (got.at(-1) !== -1) {
        got.push(Number.parseInt(String(await read(slow))));
      }
    })();
    await drained.promise;
    await hub.publish("topic", "-1");
    await reading;
    const missed = count - (got.length - 1);
    assert(missed > 0);
    assertEquals(gaps, [{
      topic: "topic",
      cause: "slow",
      conn: slowHere,
      missed,
    }]);
    // What it got is the beginning, whole and in order.
    assertEquals(
      got.slice(0, -1),
      Array.from({ length: got.length - 1 }, (_, i) => i),
    );
  });
});

test("hub.unsubscribe() tells a slow reader's gap, which is over with it", async () => {
  const gaps: Gap[] = [];
  await withConns(1, {}, async ([client, server]) => {
    await using hub = new Hub({ onGap: (gap) => gaps.push(gap) });
    await hub.subscribe("topic", server, { slow: "skip", backlog: 100_000 });
    const count = 40;
    for (let i = 0; i < count; i++) {
      hub.publish("topic", "x".repeat(60_000));
    }
    hub.unsubscribe("topic", server);
    server.send("over");
    let got = 0;
    while (await read(client) !== "over") got++;
    assert(got < count);
    assertEquals(gaps.map(({ cause, missed }) => [cause, missed]), [
      ["slow", count - got],
    ]);
  });
});

test("hub.subscribe() with slow cut tells a slow reader's gap first", async () => {
  const events: unknown[] = [];
  await withConns(1, {}, async ([client, server]) => {
    await using hub = new Hub({
      onGap: ({ cause, conn, missed }) => {
        assertEquals([cause, conn], ["slow", server]);
        events.push(missed);
        server.send("gap");
      },
    });
    await hub.subscribe("topic", server, { slow: "skip", backlog: 100_000 });
    const count = 40;
    for (let i = 0; i < count; i++) hub.publish("topic", "x".repeat(60_000));
    await hub.subscribe("topic", server, { slow: "cut" });
    hub.publish("topic", "next");
    const got: unknown[] = [];
    while (got.at(-1) !== "next") got.push(await read(client));
    assertEquals(got.slice(-2), ["gap", "next"]);
    assert(got.length - 2 < count);
    assertEquals(events, [count - (got.length - 2)]);
  });
});

test("hub.close() tells a slow reader's gap", async () => {
  const gaps: Gap[] = [];
  const errors: unknown[] = [];
  await withConns(2, {}, async ([client, server], [, other]) => {
    const hub = new Hub({
      onGap: (gap) => {
        gaps.push(gap);
        hub.publish("topic", "too late");
        hub.close();
        throw new Error("thrown by onGap");
      },
      onError: (error) => errors.push(error),
    });
    for (const conn of [server, other]) {
      await hub.subscribe("topic", conn, { slow: "skip", backlog: 100_000 });
    }
    const count = 40;
    for (let i = 0; i < count; i++) hub.publish("topic", "x".repeat(60_000));
    await hub.close();
    server.send("over");
    let got = 0;
    while (await read(client) !== "over") got++;
    assert(got < count);
    assertEquals(gaps.map(({ conn }) => conn), [server, other]);
    assertEquals(gaps[0], {
      topic: "topic",
      cause: "slow",
      conn: server,
      missed: count - got,
    });
    assertEquals(errors.map((error) => (error as Error).message), [
      "thrown by onGap",
      "thrown by onGap",
    ]);
  });
});

test("what a listener throws behind hub.close() goes to onError", async () => {
  const errors: unknown[] = [];
  const hub = new Hub({ onError: (error) => errors.push(error) });
  const closed = deferred();
  await hub.subscribe("topic", async () => {
    await closed.promise;
    throw new Error("late");
  });
  await hub.publish("topic", "a");
  await hub.close();
  closed.resolve();
  await turn();
  assertEquals(errors.map((error) => (error as Error).message), ["late"]);
});

test("hub.publish() tells a gap before what comes after it", async () => {
  const events: unknown[] = [];
  await withConns(1, {}, async ([client, server]) => {
    await using hub = new Hub({
      onGap: ({ missed }) => {
        events.push(missed);
        server.send(`missed ${missed}`);
      },
    });
    await hub.subscribe("topic", server, { slow: "skip", backlog: 100_000 });
    let sent = 0;
    // Until some have been missed.
    while (server.bufferedAmount < 90_000) {
      hub.publish("topic", "x".repeat(10_000));
      sent++;
    }
    for (let i = 0; i < 5; i++, sent++) {
      hub.publish("topic", "x".repeat(10_000));
    }
    let got = 0;
    for (;;) {
      const data = String(await read(client));
      if (data.startsWith("missed ")) break;
      got++;
    }
    assertEquals(events, [sent - got]);
  });
});

/** Has a slow reader miss something, and reads until it may go on. */
async function missAndDrain(hub: Hub, client: Conn, server: Conn) {
  const backlog = 100_000;
  await hub.subscribe("topic", server, { slow: "skip", backlog });
  for (let i = 0; i < 40; i++) hub.publish("topic", "x".repeat(10_000));
  // It is sent behind this.
  await undefined;
  while (server.bufferedAmount > backlog / 2) await read(client);
}

test("what onGap publishes comes behind what is being sent, for everybody", async () => {
  await withConns(2, {}, async ([slow, slowHere], [quick, quickHere]) => {
    let published = false;
    const expected: string[] = [];
    await using hub = new Hub({
      onGap: () => {
        hub.publish("topic", "from onGap");
        slowHere.send("gap");
        // It may be told while nothing is sent.
        if (published) expected.push("first", "second", "from onGap");
        else expected.push("from onGap", "first", "second");
      },
    });
    await hub.subscribe("topic", slowHere);
    await hub.subscribe("topic", quickHere);
    await missAndDrain(hub, slow, slowHere);
    published = true;
    hub.publish("topic", "first");
    hub.publish("topic", "second");
    const heard: string[] = [];
    while (heard.length < 3) {
      const data = String(await read(quick));
      if (!data.startsWith("x")) heard.push(data);
    }
    assertEquals(heard, expected);
  });
});

test("hub.unsubscribe() within onGap ends the subscription at once", async () => {
  await withConns(1, {}, async ([client, server]) => {
    await using hub = new Hub({
      onGap: () => {
        hub.unsubscribe("topic", server);
        server.send("over");
      },
    });
    await missAndDrain(hub, client, server);
    for (let i = 0; i < 2; i++) hub.publish("topic", "too late");
    let last;
    do last = await read(client); while (String(last).startsWith("x"));
    assertEquals(last, "over");
    server.send("end");
    assertEquals(await read(client), "end");
  });
});

test("hub.close() refuses what comes later, and leaves connections open", async () => {
  await withConns(1, {}, async ([, server]) => {
    const hub = new Hub();
    await hub.subscribe("topic", server);
    await hub.close();
    await hub.close();
    assertEquals(server.state, "open");
    assertEquals(hub.subscribers("topic").size, 0);
    for (
      const call of [
        () => hub.publish("topic", "a"),
        () => hub.subscribe("topic", server),
      ]
    ) {
      const error = await assertRejects(
        call,
        DOMException,
        "the hub is closed",
      );
      assertEquals(error.name, "InvalidStateError");
    }
    hub.unsubscribe("topic", server);
  });
});

test("a Hub without a broker is ready, and has no latency", async () => {
  await using hub = new Hub();
  await hub.ready;
  assertEquals(hub.latency, undefined);
});

test("a Hub refuses what it is misused with, at once", async () => {
  await using hub = new Hub();
  // deno-lint-ignore no-explicit-any -- what JavaScript may pass
  const any = hub as any;
  for (
    const [call, type] of [
      [() => any.publish("t", 1), TypeError],
      [() => any.publish("t", null), TypeError],
      [() => any.publish("t", new ArrayBuffer(1)), TypeError],
      [() => any.publish(1, "a"), TypeError],
      [() => any.publish("", "a"), RangeError],
      [() => any.publish("x".repeat(1025), "a"), RangeError],
      [() => any.publish("\ud800", "a"), RangeError],
      [() => any.publish("t", "a", { excpt: 1 }), TypeError],
      [() => any.publish("t", "a", { except: "foo" }), TypeError],
      [() => any.publish("t", "a", { except: null }), TypeError],
      [() => any.publish("t", "a", { local: "foo" }), TypeError],
      [() => any.subscribe("t"), TypeError],
      [() => any.subscribe("t", {}), TypeError],
      [() => any.subscribe("t", () => {}, { slow: "stop" }), RangeError],
      [() => any.subscribe("t", () => {}, { backlog: 0 }), RangeError],
      [() => any.subscribe("t", () => {}, { backlog: 1.5 }), RangeError],
      [() => any.unsubscribe("t", null), TypeError],
      [() => any.subscribers(undefined), TypeError],
      [() => new Hub({ prefix: "a:b" }), RangeError],
      [() => new Hub({ prefix: "" }), RangeError],
      [() => new Hub({ prefix: 5 as never }), TypeError],
      [() => new Hub({ heartbeat: 0 }), RangeError],
      [() => new Hub({ heartbeat: NaN }), RangeError],
      [() => new Hub({ linger: -1 }), RangeError],
      [() => new Hub({ topicLimit: 0 }), RangeError],
      [() => new Hub({ topicLimit: 1.5 }), RangeError],
      [() => new Hub({ publishLimit: 1.5 }), RangeError],
      [() => new Hub({ onGap: 1 as never }), TypeError],
      [() => new Hub({ broker: {} as never }), TypeError],
      [() => new Hub({ brokr: {} } as never), TypeError],
    ] as const
  ) {
    assertInstanceOf(assertThrows(call), type, String(call));
  }
  await new Hub({ topicLimit: Infinity, publishLimit: Infinity }).close();
});

test("what onGap throws goes to onError, and what onError throws goes nowhere", async () => {
  const errors: unknown[] = [];
  await using hub = new Hub({
    onError: (error) => {
      errors.push((error as Error).message);
      throw new Error("thrown by onError, as the test wants it");
    },
  });
  const { error } = console;
  console.error = () => {};
  try {
    await hub.subscribe("topic", () => {
      throw new Error("thrown");
    });
    await hub.publish("topic", "a");
  } finally {
    console.error = error;
  }
  assertEquals(errors, ["thrown"]);
});

test("Hub.publish() refuses bytes that have been transferred away", async () => {
  await using hub = new Hub();
  const gone = new Uint8Array(4);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  assertThrows(
    () => hub.publish("topic", gone),
    TypeError,
    "Cannot publish: its bytes have been transferred away",
  );
});
