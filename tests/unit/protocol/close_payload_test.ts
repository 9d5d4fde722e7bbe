import { assert, assertEquals } from "@std/assert";
import { ProtocolError } from "../../../src/peer_errors.ts";
import { parseClosePayload } from "../../../src/protocol/close_payload.ts";
import { test } from "../../support/helper.ts";
import { hex, join } from "./recorder.ts";
import { INCOMPLETE, INVALID, VALID } from "./utf8_cases.ts";

function codeOfError(payload: Uint8Array): number {
  const result = parseClosePayload(payload);
  assert(result instanceof ProtocolError);
  return (result as ProtocolError).code;
}

test("parseClosePayload() reads 1005 from an empty payload", () => {
  assertEquals(parseClosePayload(hex("")), { code: 1005, reason: "" });
});

test("parseClosePayload() reads code and reason", () => {
  assertEquals(parseClosePayload(hex("03e8")), { code: 1000, reason: "" });
  assertEquals(parseClosePayload(hex("0fa0627965")), {
    code: 4000,
    reason: "bye",
  });
  assertEquals(
    parseClosePayload(join([hex("03e9"), new Uint8Array(123).fill(0x61)])),
    { code: 1001, reason: "a".repeat(123) },
  );
});

test("parseClosePayload() refuses a payload of one byte with 1002", () => {
  assertEquals(codeOfError(hex("03")), 1002);
});

test("parseClosePayload() accepts the codes of the registry and no others", () => {
  const accepted: number[] = [];
  for (let code = 0; code <= 5000; code++) {
    const result = parseClosePayload(Uint8Array.of(code >> 8, code & 255));
    if (result instanceof ProtocolError) assertEquals(result.code, 1002);
    else accepted.push((assertEquals(result.code, code), code));
  }
  const expected = [1000, 1001, 1002, 1003];
  for (let code = 1007; code <= 1014; code++) expected.push(code);
  for (let code = 3000; code <= 4999; code++) expected.push(code);
  assertEquals(accepted, expected);
  assertEquals(codeOfError(hex("ffff")), 1002);
});

test("parseClosePayload() refuses a bad code before a bad reason", () => {
  assertEquals(codeOfError(hex("0000ff")), 1002);
});

test("parseClosePayload() refuses a reason that is not UTF-8 with 1007", () => {
  for (const [name, digits] of INVALID) {
    assertEquals(codeOfError(hex(`03e8${digits}`)), 1007, name);
  }
  for (const digits of INCOMPLETE) {
    assertEquals(codeOfError(hex(`03e8${digits}`)), 1007, digits);
  }
  for (const [name, digits] of VALID) {
    const result = parseClosePayload(hex(`03e8${digits}`));
    assert(!(result instanceof ProtocolError), name);
  }
});
