import { assertEquals } from "@std/assert";
import { test } from "../../support/helper.ts";
import { quote } from "../../../src/handshake/quote.ts";

test("quote() leaves nothing that a log or a terminal acts upon", () => {
  assertEquals(quote("chat"), '"chat"');
  assertEquals(quote(" ~"), '" ~"');
  assertEquals(quote(""), '""');
  assertEquals(quote('a"b\\c'), '"a\\"b\\\\c"');
  assertEquals(quote("a\r\n\u0000"), '"a\\u000d\\u000a\\u0000"');
  assertEquals(quote("\u001b[31m\u009b\u007f"), '"\\u001b[31m\\u009b\\u007f"');
  assertEquals(quote("\u202e\u00e9"), '"\\u202e\\u00e9"');
});

test("quote() cuts behind 64 characters", () => {
  assertEquals(quote("a".repeat(64)), `"${"a".repeat(64)}"`);
  assertEquals(quote("a".repeat(65)), `"${"a".repeat(64)}..."`);
});
