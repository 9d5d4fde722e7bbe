import { assertEquals, assertInstanceOf } from "@std/assert";

import { ReadLimitError } from "../../../../src/errors.ts";
import { ProtocolError } from "../../../../src/peer_errors.ts";
import { failureOf } from "../../../../src/runtime/bun/failures.ts";
import { test } from "../../../support/helper.ts";

test("failureOf() on Bun knows the rules by their words", () => {
  const cases: [reason: string, code: number][] = [
    ["Received invalid UTF-8", 1007],
    ["Received invalid compressed data", 1007],
    ["Received invalid opcode", 1002],
    ["Received an incorrectly masked frame", 1002],
  ];
  for (const [reason, code] of cases) {
    const error = failureOf(reason, 100);
    assertInstanceOf(error, ProtocolError, reason);
    assertEquals(error.code, code, reason);
  }
  const limit = failureOf("Received too big message", 100);
  assertInstanceOf(limit, ReadLimitError);
  assertEquals(limit.limit, 100);
  const silent = failureOf("WebSocket timed out from inactivity", 100);
  assertEquals(silent?.name, "TimeoutError");
});

test("failureOf() on Bun keeps words that it does not know", () => {
  assertEquals(failureOf("something new", 100)?.message, "something new");
});

test("failureOf() on Bun takes silence for the network", () => {
  assertEquals(failureOf("", 100), undefined);
});
