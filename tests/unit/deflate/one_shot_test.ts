import { constants, inflateRawSync } from "node:zlib";

import { assert, assertEquals, assertThrows } from "@std/assert";
import { openContexts } from "../../../src/deflate/contexts.ts";
import { MAX_OUTPUT } from "../../../src/deflate/direct.ts";
import { deflateOnce, inflateOnce } from "../../../src/deflate/one_shot.ts";
import type { DeflateSettings } from "../../../src/deflate/zlib_options.ts";
import { ReadLimitError } from "../../../src/errors.ts";
import { ProtocolError } from "../../../src/peer_errors.ts";
import { hex, test, toHex } from "../../support/helper.ts";
import { BROKEN, HELLO, jsonBytes, noiseBytes } from "./samples.ts";

const ONE = { level: 1, windowBits: 15 };

/** A whole message, compressed; it stays valid. */
function deflated(
  data: Uint8Array,
  settings: DeflateSettings = ONE,
): Uint8Array {
  return new Uint8Array(deflateOnce(data, settings, true));
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes);
}

for (const [name, payload] of HELLO) {
  test(`inflateOnce() inflates ${name}, or leaves it to a stream`, () => {
    const inflated = text(inflateOnce(hex(payload), Infinity));
    // Behind a final block it does not go on.
    const final = name.includes("final") && !name.includes("nothing");
    assertEquals(inflated, final ? undefined : "Hello");
  });
}

test("inflateOnce() inflates the empty message (7.2.3.6)", () => {
  assertEquals(inflateOnce(hex("00"), 1)!.length, 0);
  assertEquals(inflateOnce(hex("02 00"), 1)!.length, 0);
});

for (const [what, payload] of BROKEN) {
  test(`inflateOnce() finds what is ${what}: ${payload}`, () => {
    const error = assertThrows(
      () => inflateOnce(hex(payload), Infinity),
      ProtocolError,
      "corrupt",
    );
    assertEquals(error.code, 1007);
  });
}

test("deflateOnce() deflates Hello as in the RFC (7.2.3.1)", () => {
  const hello = new TextEncoder().encode("Hello");
  assertEquals(toHex(deflated(hello)), "f2 48 cd c9 c9 07 00");
});

test("deflateOnce() leaves out 00 00 ff ff at the end of a message only", () => {
  // The second needs more than one call of zlib.
  for (const data of [jsonBytes(1000), noiseBytes(MAX_OUTPUT + 1)]) {
    const piece = new Uint8Array(deflateOnce(data, ONE, false));
    assertEquals(toHex(piece.subarray(-4)), "00 00 ff ff");
    assertEquals(deflated(data), piece.subarray(0, -4));
    const finishFlush = constants.Z_SYNC_FLUSH;
    const inflated = inflateRawSync(piece, { finishFlush });
    assertEquals(new Uint8Array(inflated), data);
  }
});

for (let level = -2; level <= 9; level++) {
  test(`deflateOnce() and inflateOnce() agree at level ${level}`, () => {
    for (const windowBits of [8, 9, 12, 15]) {
      for (const size of [1, 125, 250, 251, 1000, 40_000]) {
        for (const data of [jsonBytes(size), noiseBytes(size)]) {
          const encoded = deflated(data, { level, windowBits });
          assertEquals(inflateOnce(encoded, size), data);
        }
      }
    }
  });
}

test("deflateOnce() compresses better with a higher level and a larger window", () => {
  const data = jsonBytes(30_000);
  const size = (level: number, windowBits: number) =>
    deflated(data, { level, windowBits }).length;
  assert(size(9, 15) < size(1, 15));
  assert(size(9, 15) < size(9, 9));
  assert(size(9, 9) < size(9, 8));
  assert(size(-2, 15) > size(1, 15));
  assert(size(0, 15) > data.length);
});

test("inflateOnce() takes a message at its limit and refuses one above", () => {
  const encoded = deflated(jsonBytes(1000));
  assertEquals(inflateOnce(encoded, 1000)!.length, 1000);
  const error = assertThrows(
    () => inflateOnce(encoded, 999),
    ReadLimitError,
  );
  assertEquals(error.limit, 999);
});

test("inflateOnce() leaves what becomes too large to a stream", () => {
  const encoded = deflated(new Uint8Array(MAX_OUTPUT + 1));
  assertEquals(inflateOnce(encoded, Infinity), undefined);
  assertThrows(() => inflateOnce(encoded, MAX_OUTPUT), ReadLimitError);
  const fitting = deflated(new Uint8Array(MAX_OUTPUT));
  assertEquals(inflateOnce(fitting, Infinity)!.length, MAX_OUTPUT);
});

test("deflateOnce() and inflateOnce() hold no context", () => {
  const before = openContexts();
  inflateOnce(deflated(jsonBytes(5000)), 5000);
  assertEquals(openContexts(), before);
});
