import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  deflateCost,
  hasTime,
  nextTurn,
  runLater,
  spend,
} from "../../src/deflate/turns.ts";
import { test } from "../helper.ts";

const MUCH = 2 ** 24;

test("spend() takes the time of a turn, and the next has time again", async () => {
  await nextTurn();
  spend(1000);
  assertEquals(hasTime(), true);
  spend(MUCH);
  assertEquals(hasTime(), false);
  await nextTurn();
  assertEquals(hasTime(), true);
});

test("spend() counts the calls, too: tiny messages take no turn for themselves", async () => {
  await nextTurn();
  let calls = 0;
  // Each is 10 µs of zlib or more.
  for (; hasTime(); calls++) spend(1);
  assert(calls > 100 && calls < 1000, `${calls} calls in a turn`);
});

test("runLater() runs jobs in order, as many in a turn as there is time for", async () => {
  let turn = 0;
  let over = false;
  const count = () => {
    turn++;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  const turns: number[] = [];
  const jobs = [1, 1, MUCH, 1, MUCH, 1].map((cost, index) =>
    runLater(() => {
      spend(cost);
      turns.push(turn);
      return index;
    })
  );
  // Others have come before: no one overtakes them.
  assertEquals(hasTime(), false);
  assertEquals(await Promise.all(jobs), [0, 1, 2, 3, 4, 5]);
  over = true;
  const [first = 0] = turns;
  assertEquals(turns.map((turn) => turn - first), [0, 0, 0, 1, 1, 2]);
});

test("runLater() rejects with what a job throws, and goes on", async () => {
  const cause = new Error("broken");
  const broken = runLater(() => {
    throw cause;
  });
  const next = runLater(() => 2);
  assertEquals(await assertRejects(() => broken), cause);
  assertEquals(await next, 2);
});

test("runLater() runs thousands of jobs", async () => {
  const jobs = Array.from({ length: 5000 }, (_, index) =>
    runLater(() => {
      spend(2 ** 16);
      return index;
    }));
  assertEquals((await Promise.all(jobs)).at(-1), 4999);
});

test("deflateCost() grows with the level", () => {
  assertEquals(
    [-2, 0, 1, 3, -1, 4, 6, 7, 9].map((level) => deflateCost(10, level)),
    [10, 10, 10, 10, 40, 40, 40, 80, 80],
  );
});
