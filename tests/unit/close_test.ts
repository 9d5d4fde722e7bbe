import { assert, assertEquals } from "@std/assert";

import { CloseError } from "../../src/close.ts";
import { test } from "../support/helper.ts";

test("CloseError shows nothing of a reason that a terminal would act upon", () => {
  // CSI in one character, a new line, DEL, text from right to left, a byte
  // order mark and separators of lines.
  const reason =
    '\u009b31m\n\u007f\u202eevil\u2066\u200f\ufeff\u2028\u2029\u061c"\\é';
  const error = new CloseError(4000, reason);
  assertEquals(error.reason, reason);
  assertEquals(
    error.message,
    'Connection closed: 4000 "\\u009b31m\\n\\u007f\\u202eevil\\u2066' +
      '\\u200f\\ufeff\\u2028\\u2029\\u061c\\"\\\\é"',
  );
  for (const char of error.message) {
    assert(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(char), JSON.stringify(char));
  }
});
