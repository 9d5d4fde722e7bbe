import { assertEquals, assertInstanceOf } from "@std/assert";

import { ReadLimitError } from "../../../../src/errors.ts";
import { ProtocolError } from "../../../../src/peer_errors.ts";
import { causeOf, failureOf } from "../../../../src/runtime/deno/failures.ts";
import { test } from "../../../support/helper.ts";

test("failureOf() on Deno knows the rules by their words", () => {
  const utf8 = failureOf("Invalid UTF-8");
  assertInstanceOf(utf8, ProtocolError);
  assertEquals(utf8.code, 1007);
  const bits = failureOf("Reserved bits are not zero");
  assertInstanceOf(bits, ProtocolError);
  assertEquals(bits.code, 1002);
  assertInstanceOf(failureOf("Frame too large"), ReadLimitError);
});

test("failureOf() on Deno takes anything else for the network", () => {
  assertEquals(failureOf("Unexpected EOF"), undefined);
  assertEquals(failureOf("Connection reset by peer (os error 104)"), undefined);
  assertEquals(failureOf(""), undefined);
});

test("causeOf() takes the event's error, or makes one", () => {
  const error = new Error("it");
  assertEquals(causeOf(Object.assign(new Event("error"), { error })), error);
  const made = causeOf(Object.assign(new Event("error"), { message: "that" }));
  assertEquals(made.message, "that");
  assertEquals(
    causeOf(new Event("error")).message,
    "Cannot use socket: it has failed",
  );
});
