import { assertEquals, assertThrows } from "@std/assert";
import {
  type CompressionOptions,
  compressionSettings,
} from "../../../src/deflate/options.ts";
import { test } from "../../support/helper.ts";

test("compressionSettings() fills in the defaults", () => {
  assertEquals(compressionSettings(undefined), undefined);
  assertEquals(compressionSettings(false), undefined);
  const defaults = {
    level: 1,
    threshold: 512,
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    serverMaxWindowBits: 15,
    clientMaxWindowBits: 15,
  };
  assertEquals(compressionSettings(true), defaults);
  assertEquals(compressionSettings({}), defaults);
  const options = {
    level: -2,
    threshold: Infinity,
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: 8,
    clientMaxWindowBits: 9,
  };
  assertEquals(compressionSettings(options), options);
});

for (
  const [options, message] of [
    [{ level: 10 }, "Cannot use compression level 10: use -2 to 9"],
    [{ level: -3 }, "Cannot use compression level -3: use -2 to 9"],
    [{ level: 1.5 }, "Cannot use compression level 1.5: use -2 to 9"],
    [
      { threshold: -1 },
      "Cannot use compression threshold -1: it must be a number of bytes, or " +
      "Infinity for no message",
    ],
    [
      { threshold: NaN },
      "Cannot use compression threshold NaN: it must be a number of bytes, or " +
      "Infinity for no message",
    ],
    [
      { serverMaxWindowBits: 7 },
      "Cannot use compression serverMaxWindowBits 7: use 8 to 15",
    ],
    [
      { clientMaxWindowBits: 16 },
      "Cannot use compression clientMaxWindowBits 16: use 8 to 15",
    ],
  ] as [CompressionOptions, string][]
) {
  test(`compressionSettings() refuses: ${message}`, () => {
    assertThrows(() => compressionSettings(options), RangeError, message);
  });
}

test("compressionSettings() refuses what is of another type", () => {
  const option = "yes" as unknown as boolean;
  assertThrows(() => compressionSettings(option), TypeError, "of type string");
  const nothing = null as unknown as boolean;
  assertThrows(() => compressionSettings(nothing), TypeError);
  const flag = { clientNoContextTakeover: 1 as unknown as boolean };
  assertThrows(
    () => compressionSettings(flag),
    TypeError,
    "Cannot use compression clientNoContextTakeover of type number",
  );
});
