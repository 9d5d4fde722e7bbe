import { assert, assertEquals } from "@std/assert";
import { test } from "../../support/helper.ts";
import {
  equalsIgnoreCase,
  hasToken,
  isToken,
  MAX_LIST_LENGTH,
  parseTokenList,
  trimSpace,
} from "../../../src/handshake/tokens.ts";
import { countSteps } from "./steps.ts";

test("isToken() takes the characters of RFC 7230 and no others", () => {
  const separators = '"(),/:;<=>?@[\\]{}';
  for (let code = 0; code < 256; code++) {
    const char = String.fromCharCode(code);
    const expected = code > 0x20 && code < 0x7f && !separators.includes(char);
    assertEquals(isToken(char), expected, `code ${code}`);
    assertEquals(isToken(`a${char}`), expected, `code ${code} behind a letter`);
  }
  assertEquals(isToken(""), false);
  assertEquals(isToken("\u212a"), false);
});

test("equalsIgnoreCase() folds ASCII letters only", () => {
  assert(equalsIgnoreCase("WebSocket", "websocket"));
  const letters = "abcdefghijklmnopqrstuvwxyz";
  assert(equalsIgnoreCase(letters.toUpperCase(), letters));
  assert(equalsIgnoreCase("@[`{", "@[`{"));
  assert(!equalsIgnoreCase("@", "`"));
  assert(!equalsIgnoreCase("[", "{"));
  assert(!equalsIgnoreCase("websoc\u212aet", "websocket"));
  assert(!equalsIgnoreCase("\u00c9", "\u00e9"));
  assert(!equalsIgnoreCase("websocket", "websocket2"));
});

test("trimSpace() removes spaces and tabs and nothing else", () => {
  assertEquals(trimSpace(" \t a b\t "), "a b");
  assertEquals(trimSpace("\u00a0a\n"), "\u00a0a\n");
  assertEquals(trimSpace(" \t "), "");
});

const HAS_UPGRADE: [value: string | null, expected: boolean][] = [
  [null, false],
  ["", false],
  ["upgrade", true],
  ["Upgrade", true],
  ["UPGRADE", true],
  ["upgrade2", false],
  ["upgrad", false],
  ["keep-alive, Upgrade", true],
  ["keep-alive,Upgrade", true],
  [" \tkeep-alive\t ,\t upgrade \t", true],
  ["upgrade, keep-alive", true],
  [", upgrade", true],
  ["upgrade,", true],
  [",,, ,upgrade", true],
  ["upgrade @", false],
  ["upgrade keep-alive", false],
  ["upgrade;q=1", false],
  ['"upgrade"', false],
  ["upgrade, @@@", true],
  ["@@@, upgrade", false],
  ["keep-alive x, upgrade", false],
  ["keep-alive\u00a0, upgrade", false],
  ["upgr\u0000ade", false],
];

test("hasToken() reads lists as gorilla does", () => {
  for (const [value, expected] of HAS_UPGRADE) {
    assertEquals(hasToken(value, "upgrade"), expected, `value ${value}`);
  }
});

test("hasToken() takes Object's names as names like any other", () => {
  for (const name of ["__proto__", "constructor", "toString"]) {
    assert(!hasToken("upgrade", name));
    assert(hasToken(`a, ${name}`, name));
  }
});

test("hasToken() finds a token behind any number of elements", () => {
  assert(hasToken("a,".repeat(10_000) + "upgrade", "upgrade"));
});

const LISTS: [value: string | null, tokens: string[], complete: boolean][] = [
  [null, [], true],
  ["", [], true],
  ["foo", ["foo"], true],
  ["foo,bar", ["foo", "bar"], true],
  [" foo, bar ", ["foo", "bar"], true],
  ["foo,,\t,bar,", ["foo", "bar"], true],
  ["foo, foo, Foo", ["foo", "foo", "Foo"], true],
  ["foo, b/r, baz", ["foo"], false],
  ["foo bar", [], false],
  ["foo, \r\nX: y", ["foo"], false],
  ["__proto__, constructor", ["__proto__", "constructor"], true],
];

test("parseTokenList() gives the elements before a malformed one", () => {
  for (const [value, tokens, complete] of LISTS) {
    assertEquals(parseTokenList(value), { tokens, complete }, `value ${value}`);
  }
});

test("parseTokenList() ends behind the most elements that it takes", () => {
  const full = Array.from({ length: MAX_LIST_LENGTH }, (_, i) => `t${i}`);
  assertEquals(parseTokenList(full.join(",")), {
    tokens: full,
    complete: true,
  });
  assertEquals(parseTokenList([...full, "more"].join(",")), {
    tokens: full,
    complete: false,
  });
});

test("hasToken() and parseTokenList() read hostile values once", () => {
  const size = 64 * 1024;
  const hostile = [
    " ".repeat(size),
    ",".repeat(size),
    " ,".repeat(size / 2),
    "\t".repeat(size - 1) + "@",
    "b" + " ".repeat(size) + "x",
    "a".repeat(size),
    "a,".repeat(size / 2),
    "upgrad,".repeat(size / 7),
    "upgradf,".repeat(size / 8),
  ];
  for (const value of hostile) {
    const steps = countSteps(() => {
      hasToken(value, "upgrade");
      parseTokenList(value);
    });
    assert(
      steps >= MAX_LIST_LENGTH && steps <= 10 * value.length,
      `${steps} steps for ${value.length} of ${value.slice(0, 8)}`,
    );
  }
});
