import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { untilAborted } from "../../../src/client/abortable.ts";
import { deferred, test } from "../../support/helper.ts";

test("untilAborted() comes to what the promise comes to", async () => {
  const { signal } = new AbortController();
  assertEquals(await untilAborted(Promise.resolve(1), signal), 1);
  const error = new Error("no");
  const failed = untilAborted(Promise.reject(error), signal);
  assertStrictEquals(await failed.catch((error) => error), error);
});

test("untilAborted() ends with the signal, and handles what fails late", async () => {
  const controller = new AbortController();
  const { promise, reject } = deferred();
  const waiting = untilAborted(promise, controller.signal);
  const reason = new Error("enough");
  controller.abort(reason);
  assertStrictEquals(await waiting.catch((error) => error), reason);
  reject(new Error("late"));
  await assertRejects(
    () => untilAborted(Promise.reject(new Error("no")), controller.signal),
    Error,
    "enough",
  );
});
