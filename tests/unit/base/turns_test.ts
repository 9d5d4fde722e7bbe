import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  countMessage,
  hasTime,
  isTurnOver,
  myTurn,
  nextTurn,
  runLater,
  spend,
} from "../../../src/base/turns.ts";
import { test } from "../../support/helper.ts";

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

test("countMessage() counts messages: some thousands of small ones are a turn", async () => {
  await nextTurn();
  let messages = 0;
  for (; !isTurnOver(); messages++) countMessage(1);
  assert(messages > 1000 && messages < 10_000, `${messages} in a turn`);
  await nextTurn();
  assertEquals(isTurnOver(), false);
});

test("nextTurn() is one promise for all that ask in a turn", async () => {
  const turn = nextTurn();
  assertEquals(nextTurn() === turn, true);
  await turn;
  assertEquals(nextTurn() === turn, false);
  await nextTurn();
});

test("nextTurn() lets other macrotasks run", async () => {
  let others = 0;
  const timer = setInterval(() => others++, 1);
  while (others < 3) await nextTurn();
  clearInterval(timer);
});

test("runLater() leaves time for others in each turn", async () => {
  const jobs = Array.from(
    { length: 100 },
    () => runLater(() => spend(2 ** 17)),
  );
  let turns = 0;
  let over = false;
  const all = Promise.all(jobs).then(() => over = true);
  while (!over) {
    await nextTurn();
    assertEquals(isTurnOver(), false);
    turns++;
  }
  await all;
  assert(turns >= 8, `${turns} turns`);
});

test("myTurn() releases, in line, no more than a turn has time for", async () => {
  await myTurn(0);
  spend(MUCH);
  let turn = 0;
  let over = false;
  const count = () => {
    turn++;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  const turns: number[] = [];
  // What they do once they are released comes too late to be counted.
  await Promise.all([1, 1, MUCH, 1, MUCH, 1].map(async (cost) => {
    await myTurn(cost);
    turns.push(turn);
  }));
  over = true;
  const [first = 0] = turns;
  assertEquals(turns.map((turn) => turn - first), [0, 0, 0, 1, 1, 2]);
});
