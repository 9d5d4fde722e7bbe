import { assertEquals, assertRejects, assertThrows } from "@std/assert";

import { MessageLimit } from "../../../src/conn/message_limit.ts";
import type { MessageLimitOptions } from "../../../src/conn/message_limit.ts";
import { connOver } from "../../../src/conn_over.ts";
import { MessageLimitError } from "../../../src/peer_errors.ts";
import { Upgrader } from "../../../src/server/upgrader.ts";
import { pipe } from "../../../src/testing/mod.ts";
import { test } from "../../support/helper.ts";

/** Runs with a clock that stands still until it is moved. */
async function withClock(
  body: (pass: (seconds: number) => void) => void | Promise<void>,
): Promise<void> {
  const { now } = performance;
  let time = 1_000_000;
  performance.now = () => time;
  try {
    await body((seconds) => time += seconds * 1000);
  } finally {
    performance.now = now;
  }
}

/** How many messages come through now. */
function count(take: () => boolean, most = 1000): number {
  let count = 0;
  while (count < most && take()) count++;
  return count;
}

test("MessageLimit fills up by the clock, and no further than the burst", () =>
  withClock((pass) => {
    const limit = new MessageLimit({ perSecond: 2, burst: 5 });
    const messages = () => count(() => limit.message());
    assertEquals(messages(), 5);
    pass(0.25);
    assertEquals(messages(), 0);
    pass(0.25);
    assertEquals(messages(), 1);
    pass(1.5);
    assertEquals(messages(), 3);
    pass(1000);
    assertEquals(messages(), 5);
  }));

test("MessageLimit counts control frames apart", () =>
  withClock((pass) => {
    const limit = new MessageLimit({ perSecond: 1, burst: 2 });
    assertEquals(count(() => limit.control()), 10);
    assertEquals(count(() => limit.message()), 2);
    pass(0.5);
    assertEquals(count(() => limit.control()), 5);
    assertEquals(count(() => limit.message()), 0);
    limit.pinged();
    limit.pinged();
    assertEquals(count(() => limit.pong()), 2);
    const large = new MessageLimit({ perSecond: 20, burst: 30 });
    assertEquals(count(() => large.control()), 30);
    pass(1);
    assertEquals(count(() => large.control()), 20);
  }));

test("MessageLimit counts all of the time in which the peer was stopped", () =>
  withClock((pass) => {
    const limit = new MessageLimit({ perSecond: 2, burst: 5 });
    const messages = () => count(() => limit.message());
    assertEquals(messages(), 5);
    pass(100); // as much as the burst
    limit.stopped(true);
    pass(100);
    limit.stopped(false);
    assertEquals(messages(), 205);
    pass(100);
    assertEquals(messages(), 5);
  }));

test("MessageLimit forgets a stop of the peer in as long as it took", () =>
  withClock((pass) => {
    const limit = new MessageLimit({ perSecond: 2, burst: 5 });
    const messages = () => count(() => limit.message());
    const stop = (seconds: number) => {
      limit.stopped(true);
      pass(seconds);
      limit.stopped(false);
    };
    stop(100);
    pass(99);
    limit.stopped(true);
    limit.stopped(false);
    pass(0.5);
    assertEquals(messages(), 6);
    pass(1000);
    stop(100);
    pass(100);
    assertEquals(messages(), 5);
    assertEquals(count(() => limit.control()), 10);
  }));

test("MessageLimit is fair while what has waited is still coming", () =>
  withClock((pass) => {
    const limit = new MessageLimit({ perSecond: 2, burst: 5 });
    assertEquals(count(() => limit.message()), 5);
    // All the time the peer sends 2 a second, and it cannot bring more than 10
    // a second once it goes on.
    limit.stopped(true);
    pass(100);
    limit.stopped(false);
    let waiting = 200;
    while (waiting >= 10) {
      pass(1);
      waiting += 2;
      assertEquals(count(() => limit.message(), 10), 10, `${waiting} wait`);
      waiting -= 10;
    }
    assertEquals(count(() => limit.message()), waiting);
  }));

test("messageLimit is fair to a peer whose messages nobody has read", () =>
  withClock(async (pass) => {
    const [client, server] = pipe({
      server: {
        messageLimit: { perSecond: 1, burst: 1 },
        readBufferSize: 1,
        keepAlive: false,
      },
    });
    const first = server.readMessage();
    client.send("0");
    await first;
    pass(1);
    // The first of them stops the peer.
    const texts = Array.from({ length: 11 }, (_, i) => `${i + 1}`);
    const sent = Promise.all(texts.map((text) => client.send(text)));
    await sent;
    for (let i = 0; i < 10; i++) {
      await new Promise((turn) => setImmediate(turn));
    }
    pass(9);
    for (const text of texts.slice(0, 10)) {
      assertEquals((await server.readMessage()).data, text);
    }
    await assertRejects(() => server.readMessage(), MessageLimitError);
    assertEquals((await client.closed).code, 1008);
    await server.closed;
  }));

test("messageLimit fills in a burst, and is explained", () => {
  const [client, server] = pipe({
    server: { messageLimit: { perSecond: 0.5 } },
  });
  client.terminate();
  server.terminate();
  const bad: [messageLimit: unknown, error: typeof Error, says: string][] = [
    [{ perSecond: 0 }, RangeError, "Cannot use messageLimit.perSecond 0: "],
    [{ perSecond: -1 }, RangeError, "Cannot use messageLimit.perSecond -1: "],
    [{ perSecond: Infinity }, RangeError, "perSecond Infinity"],
    [{ perSecond: "9" }, RangeError, 'messageLimit.perSecond "9": '],
    [{}, RangeError, "Cannot use messageLimit.perSecond undefined: "],
    [{ perSecond: 1, burst: 0.5 }, RangeError, "messageLimit.burst 0.5: "],
    [{ perSecond: 1, burst: NaN }, RangeError, "messageLimit.burst NaN: "],
    [{ perSecond: 1, max: 2 }, TypeError, "option max of messageLimit"],
    [
      10,
      TypeError,
      "Cannot use the options of messageLimit: they must be an object",
    ],
  ];
  for (const [given, error, says] of bad) {
    const messageLimit = given as MessageLimitOptions;
    assertThrows(() => new Upgrader({ messageLimit }), error, says);
  }
  assertThrows(
    () => new Upgrader({ perSecond: 1 } as never),
    TypeError,
    "it belongs in messageLimit, as new Upgrader({ messageLimit: { perSecond } })",
  );
  assertThrows(
    () => connOver({} as never, { side: "server", burst: 1 } as never),
    TypeError,
    "it belongs in messageLimit",
  );
});
