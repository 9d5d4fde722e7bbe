import { assert, assertEquals } from "@std/assert";

import {
  keepAlive,
  type KeepAliveTarget,
  type Watch,
} from "../../../src/conn/keep_alive.ts";
import { pipe } from "../../../src/testing/mod.ts";
import { deferred, test } from "../../support/helper.ts";

class Target implements KeepAliveTarget {
  received = 0;
  paused = false;
  unsent = 0;
  taken = 0;
  probes = 0;
  readonly probed: PromiseWithResolvers<void> = deferred();
  readonly expired: PromiseWithResolvers<void> = deferred();

  probe(): void {
    this.probes++;
    this.probed.resolve();
  }

  expire(): void {
    this.expired.resolve();
  }
}

test("keepAlive() probes a silent target, then gives it up", async () => {
  const target = new Target();
  const began = performance.now();
  const watch = keepAlive(target, { interval: 20, timeout: 20 });
  await target.expired.promise;
  watch.stop();
  assert(performance.now() - began >= 39);
  assertEquals(target.probes, 1);
});

test("keepAlive() is content with anything that is received", async () => {
  const target = new Target();
  const watch = keepAlive(target, { interval: 10, timeout: 1000 });
  await target.probed.promise;
  target.received++;
  const again = new Target();
  const watchAgain = keepAlive(again, { interval: 50, timeout: 1000 });
  await again.probed.promise;
  watch.stop();
  watchAgain.stop();
  assert(target.probes >= 2);
});

test("keepAlive() gives up no target that cannot be heard, but probes it", async () => {
  const paused = new Target();
  paused.paused = true;
  let expired = false;
  paused.expired.promise.then(() => expired = true);
  const other = new Target();
  const watches = [paused, other].map((target) =>
    keepAlive(target, { interval: 10, timeout: 10 })
  );
  await Promise.all([other.expired.promise, paused.probed.promise]);
  const { probes } = paused;
  const third = new Target();
  watches.push(keepAlive(third, { interval: 25, timeout: 25 }));
  await third.expired.promise;
  assert(paused.probes > probes);
  assertEquals(expired, false);
  // Once it can be heard, it has all the time that others have.
  paused.paused = false;
  await paused.expired.promise;
  for (const watch of watches) watch.stop();
});

test("keepAlive() gives up who cannot be heard and takes nothing of what waits", async () => {
  const [stuck, slow] = [new Target(), new Target()];
  let expired = false;
  slow.expired.promise.then(() => expired = true);
  const began = performance.now();
  const watches = [stuck, slow].map((target) => {
    target.paused = true;
    target.unsent = 1000;
    return keepAlive(target, { interval: 20, timeout: 20 });
  });
  const taking = setInterval(() => slow.taken++, 5);
  await stuck.expired.promise;
  assert(performance.now() - began >= 39);
  // What waits tells as much as a ping.
  assertEquals(stuck.probes, 0);
  assertEquals(expired, false);
  clearInterval(taking);
  await slow.expired.promise;
  for (const watch of watches) watch.stop();
});

test("keepAlive() does not count time in which this side heard nobody", async () => {
  const target = new Target();
  const watch = keepAlive(target, { interval: 20, timeout: 20 });
  let expired = false;
  target.expired.promise.then(() => expired = true);
  await target.probed.promise;
  const end = performance.now() + 100;
  while (performance.now() < end);
  // What the peer has sent meanwhile is read behind the timers.
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
  assertEquals(expired, false);
  target.received++;
  await target.expired.promise;
  assertEquals(target.probes, 2);
  watch.stop();
});

test("keepAlive() has one clock for many targets", async () => {
  const original = globalThis.setTimeout;
  let timers = 0;
  globalThis.setTimeout = ((act: () => void, delay: number) => {
    // The limit of the test itself is a timer too.
    if (delay <= 20) timers++;
    return original(act, delay);
  }) as typeof setTimeout;
  const targets = Array.from({ length: 1000 }, () => new Target());
  const watches: Watch[] = [];
  try {
    for (const target of targets) {
      watches.push(keepAlive(target, { interval: 20, timeout: 1000 }));
    }
    assertEquals(timers, 1);
    await Promise.all(targets.map(({ probed }) => probed.promise));
    assert(timers < 100, `${timers} timers`);
  } finally {
    for (const watch of watches) watch.stop();
    globalThis.setTimeout = original;
  }
});

// The leak gauge sees a timer that is left.
test("keepAlive() leaves no timer when all have stopped, even from a tick", async () => {
  const done = deferred();
  const target = new Target();
  const watch = keepAlive({
    received: 0,
    paused: false,
    unsent: 0,
    taken: 0,
    probe: () => {
      watch.stop();
      done.resolve();
    },
    expire() {},
  }, { interval: 5, timeout: 5 });
  const other = keepAlive(target, { interval: 60_000, timeout: 60_000 });
  await done.promise;
  other.stop();
  other.stop();
});

test("ping() waits for its pong with the longest of times, too", async () => {
  const time = 2 ** 31 - 1;
  const [client, server] = pipe({
    latency: 30,
    client: { keepAlive: { interval: time, timeout: time } },
  });
  const reading = server.readMessage().catch(() => {});
  client.readMessage().catch(() => {});
  assert(await client.ping() >= 30);
  await client.close();
  await reading;
});
