import { assertEquals, assertThrows } from "@std/assert";
import { addCookies } from "../../../src/handshake/cookie_header.ts";
import { test } from "../../support/helper.ts";

const CASES: [
  name: string,
  headers: [string, string][],
  cookies: string,
  result: [string, string][],
][] = [
  [
    "leaves headers as they are without cookies",
    [
      ["X", "1"],
      ["cookie", "a=1 ;b"],
      ["Cookie", "c=2"],
    ],
    "",
    [["X", "1"], ["cookie", "a=1 ;b"], ["Cookie", "c=2"]],
  ],
  ["adds a header behind the others", [["X", "1"]], "a=1; b=2", [
    ["X", "1"],
    ["Cookie", "a=1; b=2"],
  ]],
  [
    "joins the application's cookies, in their place and case",
    [
      ["cookie", "a=1"],
      ["X", "1"],
    ],
    "b=2",
    [["cookie", "a=1; b=2"], ["X", "1"]],
  ],
  [
    "joins several headers to one",
    [
      ["Cookie", "a=1"],
      ["X", "1"],
      ["COOKIE", "c=3; d"],
    ],
    "b=2",
    [["Cookie", "a=1; c=3; d; b=2"], ["X", "1"]],
  ],
  [
    "prefers the application's cookie of a name",
    [
      ["Cookie", "a=mine; __proto__=mine"],
    ],
    "b=2; a=jar; __proto__=jar; A=other",
    [
      ["Cookie", "a=mine; __proto__=mine; b=2; A=other"],
    ],
  ],
  ["sends nothing that is empty", [["X", "1"]], " ; ;", [["X", "1"]]],
];

for (const [name, headers, cookies, result] of CASES) {
  test(`addCookies() ${name}`, () => {
    const before = structuredClone(headers);
    assertEquals(addCookies(headers, cookies), result);
    assertEquals(headers, before);
  });
}

test("addCookies() refuses what may not stand in a header", () => {
  for (const cookies of ["a=1\r\nX: y", "a=\n", "a=\0", "a=\u0100", 1, null]) {
    assertThrows(
      () => addCookies([], cookies as string),
      TypeError,
      "the jar's cookies",
    );
  }
});
