import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { deferred, hex, test, toHex, withTimeout } from "./helper.ts";

test("hex() reads pairs of digits with free white space", () => {
  assertEquals(hex("81 05\n48 aF"), Uint8Array.of(0x81, 0x05, 0x48, 0xaf));
  assertEquals(hex(""), new Uint8Array(0));
});

test("hex() rejects half a byte and other characters", () => {
  assertThrows(() => hex("81 0"), TypeError, "81 0");
  assertThrows(() => hex("0x81"), TypeError, "0x81");
});

test("toHex() writes what hex() reads", () => {
  assertEquals(toHex(Uint8Array.of(0, 0x0f, 0xff)), "00 0f ff");
  assertEquals(toHex(new Uint8Array(0)), "");
});

test("withTimeout() passes the outcome on", async () => {
  assertEquals(await withTimeout(Promise.resolve(1), 1_000, "one"), 1);
  const failure = new Error("broken");
  const error = await assertRejects(() =>
    withTimeout(Promise.reject(failure), 1_000, "a failure")
  );
  assertEquals(error, failure);
});

test("withTimeout() names what did not come", async () => {
  await assertRejects(
    () => withTimeout(deferred().promise, 1, "the pong"),
    Error,
    "Cannot wait for the pong longer than 1 ms",
  );
});
