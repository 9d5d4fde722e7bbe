import { assertEquals } from "@std/assert";
import { parseCookieDate } from "../../../src/cookies/cookie_date.ts";
import { test } from "../../support/helper.ts";

const DATES: [text: string, iso: string][] = [
  ["Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"],
  ["Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z"],
  ["Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37Z"],
  ["6 november 2069 1:2:3", "2069-11-06T01:02:03Z"],
  ["06-Nov-69 00:00:00", "2069-11-06T00:00:00Z"],
  ["06-Nov-70 00:00:00", "1970-11-06T00:00:00Z"],
  ["23:59:59 31/Dec/1601", "1601-12-31T23:59:59Z"],
  ["29 Feb 2024 00:00:00", "2024-02-29T00:00:00Z"],
  // The first of each kind counts.
  ["1 Jan 2030 10:00:00 Feb 11:00:00 2031", "2030-01-01T10:00:00Z"],
  ["1st; 2 Jan 2030 10:00:00xyz", "2030-01-01T10:00:00Z"],
];

test("parseCookieDate() reads the forms that servers use", () => {
  for (const [text, iso] of DATES) {
    assertEquals(parseCookieDate(text), Date.parse(iso), text);
  }
});

test("parseCookieDate() refuses what is no date", () => {
  for (
    const text of [
      "",
      "0",
      "tomorrow",
      "1 Jan 2030",
      "1 2030 10:00:00",
      "Jan 2030 10:00:00",
      "1 Jan 10:00:00",
      "0 Jan 2030 10:00:00",
      "32 Jan 2030 10:00:00",
      "30 Feb 2030 10:00:00",
      "29 Feb 2023 10:00:00",
      "1 Jan 1600 10:00:00",
      "1 Jan 20300 10:00:00",
      "1 Jan 2030 24:00:00",
      "1 Jan 2030 10:60:00",
      "1 Jan 2030 10:00:60",
      "1 Jan 2030 10:00",
      "1 Jan 2030 100:00:00",
      "-".repeat(100_000) + "1 Jan 2030 10:00:00",
    ]
  ) assertEquals(parseCookieDate(text), undefined, text.slice(0, 40));
});
