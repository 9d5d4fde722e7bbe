import {
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
} from "@std/assert";

import type { BufferPool } from "../../../src/transport/byte_stream.ts";
import { guardedPool } from "../../../src/wire/guarded_pool.ts";
import { test } from "../../support/helper.ts";

const buffer = new Uint8Array(8);

/** The pool, guarded, and what has gone wrong with it. */
function guard(pool: Partial<BufferPool>): [BufferPool, Error[]] {
  const faults: Error[] = [];
  const whole = { get: () => undefined, put: () => {}, ...pool };
  return [guardedPool(whole, (error) => faults.push(error)), faults];
}

test("guardedPool() hands on what a pool does", () => {
  const calls: unknown[] = [];
  const [pool, faults] = guard({
    get: (size) => size > 8 ? undefined : buffer,
    put: (buffer) => void calls.push(buffer),
  });
  assertStrictEquals(pool.get(8), buffer);
  assertEquals(pool.get(9), undefined);
  pool.put(buffer);
  assertStrictEquals(calls[0], buffer);
  assertEquals(faults, []);
});

test("guardedPool() tells what a pool throws", () => {
  const fault = new Error("user code");
  for (const thrown of [fault, "no error"]) {
    const fail = () => {
      throw thrown;
    };
    const [pool, faults] = guard({ get: fail, put: fail });
    assertEquals(pool.get(8), undefined);
    pool.put(buffer);
    for (const error of faults) {
      assertInstanceOf(error, Error);
      assertStrictEquals(error === fault ? error : error.cause, thrown);
    }
    assertEquals(faults.length, 2);
  }
});

test("guardedPool() refuses what is no buffer", () => {
  for (const nothing of [null, 8, "12345678", [1, 2], new ArrayBuffer(8)]) {
    const [pool, faults] = guard({ get: () => nothing as never });
    assertEquals(pool.get(8), undefined);
    assertInstanceOf(faults[0], TypeError);
  }
});
