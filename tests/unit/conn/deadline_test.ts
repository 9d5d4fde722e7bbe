import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";

import { Deadline } from "../../../src/conn/deadline.ts";
import { pipe } from "../../../src/testing/mod.ts";
import { deferred, test } from "../../support/helper.ts";

test("deadline expires only while something waits", async () => {
  const expired = deferred<DOMException>();
  const deadline = new Deadline("read", expired.resolve);
  deadline.set(new Date(Date.now() - 1));
  assert(deadline.expired);
  deadline.wait(true);
  const error = await expired.promise;
  assertEquals([error.name, error.message], [
    "TimeoutError",
    "Cannot read message: the deadline has passed",
  ]);
  deadline.wait(false);
  deadline.set(null);
  assert(!deadline.expired && !deadline.isSet);
});

// The leak gauge sees a timer that is left.
test("deadline has no timer when nothing waits", () => {
  const deadline = new Deadline("read", () => {});
  deadline.set(new Date(Date.now() + 60_000));
  deadline.wait(true);
  deadline.wait(true);
  deadline.wait(false);
  deadline.wait(true);
  deadline.set(null);
  deadline.set(new Date(Date.now() + 2 ** 40));
  deadline.wait(false);
});

test("deadline farther than a timer can reach does not expire", async () => {
  let expired = false;
  const deadline = new Deadline("write", () => expired = true);
  deadline.set(new Date(Date.now() + 2 ** 33));
  deadline.wait(true);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert(!expired);
  deadline.wait(false);
});

test("deadline.set() refuses an invalid date, and keeps the old one", () => {
  const deadline = new Deadline("write", () => {});
  deadline.set(new Date(1));
  assertThrows(() => deadline.set(new Date(NaN)), RangeError);
  assert(deadline.expired);
});

/** Runs while the system's clock says another time than it is. */
async function withStep(
  ms: number,
  body: () => void | Promise<void>,
): Promise<void> {
  const { now } = Date;
  Date.now = () => now() + ms;
  try {
    await body();
  } finally {
    Date.now = now;
  }
}

test("deadline takes no notice of a step of the clock", async () => {
  const expired = deferred<DOMException>();
  const deadline = new Deadline("read", expired.resolve);
  deadline.set(new Date(Date.now() + 60_000));
  await withStep(3_600_000, () => {
    assert(!deadline.expired);
    // The timer that it starts is as long as before.
    deadline.wait(true);
    assert(!deadline.expired);
  });
  deadline.wait(false);

  deadline.set(new Date(Date.now() + 20));
  await withStep(-3_600_000, async () => {
    deadline.wait(true);
    await expired.promise;
    assert(deadline.expired);
  });
  deadline.set(null);
});

for (const step of [3_600_000, -3_600_000]) {
  test(`the deadlines of a Conn outlive a step of the clock by ${step} ms`, async () => {
    const [client, server] = pipe({ server: { keepAlive: false } });
    const far = new Date(Date.now() + 60_000);
    const near = new Date(Date.now() + 20);
    client.setReadDeadline(far);
    client.setWriteDeadline(far);
    server.setReadDeadline(near);
    await withStep(step, async () => {
      await assertRejects(() => server.readMessage(), DOMException);
      await client.send("x");
      server.setReadDeadline(null);
      assertEquals((await server.readMessage()).data, "x");
      await server.send("y");
      assertEquals((await client.readMessage()).data, "y");
    });
    await client.close();
    await server.closed;
  });
}
