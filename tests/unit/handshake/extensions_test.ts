import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "../../support/helper.ts";
import {
  type Extension,
  formatExtensions,
  MAX_EXTENSION_ITEMS,
  parseExtensions,
} from "../../../src/handshake/extensions.ts";
import { countSteps } from "./steps.ts";

const VALID: [value: string | null, expected: Extension[]][] = [
  [null, []],
  ["", []],
  [" , ,\t", []],
  ["foo", [{ name: "foo", params: [] }]],
  ["foo, bar; baz=2", [
    { name: "foo", params: [] },
    { name: "bar", params: [["baz", "2"]] },
  ]],
  ["foo , bar ; baz = 2 ", [
    { name: "foo", params: [] },
    { name: "bar", params: [["baz", "2"]] },
  ]],
  ["\tfoo;a;b=1\t;\tc", [
    { name: "foo", params: [["a", undefined], ["b", "1"], ["c", undefined]] },
  ]],
  ['foo; x="10"', [{ name: "foo", params: [["x", "10"]] }]],
  ['foo; x="\\1\\0"', [{ name: "foo", params: [["x", "10"]] }]],
  ['foo; x="1\\0" , bar', [
    { name: "foo", params: [["x", "10"]] },
    { name: "bar", params: [] },
  ]],
  ["mux; max-channels=4; flow-control, deflate-stream", [
    {
      name: "mux",
      params: [["max-channels", "4"], ["flow-control", undefined]],
    },
    { name: "deflate-stream", params: [] },
  ]],
  [
    "permessage-deflate; client_max_window_bits; server_max_window_bits=10, " +
    "permessage-deflate",
    [
      {
        name: "permessage-deflate",
        params: [
          ["client_max_window_bits", undefined],
          ["server_max_window_bits", "10"],
        ],
      },
      { name: "permessage-deflate", params: [] },
    ],
  ],
  ["foo; a=1; a=2; A", [
    { name: "foo", params: [["a", "1"], ["a", "2"], ["A", undefined]] },
  ]],
  ["constructor, __proto__; __proto__=1, toString; hasOwnProperty", [
    { name: "constructor", params: [] },
    { name: "__proto__", params: [["__proto__", "1"]] },
    { name: "toString", params: [["hasOwnProperty", undefined]] },
  ]],
];

test("parseExtensions() gives extensions and parameters in order", () => {
  for (const [value, expected] of VALID) {
    assertEquals(parseExtensions(value), expected, `value ${value}`);
  }
});

const MALFORMED: string[] = [
  "foo bar",
  "foo; bar baz",
  "foo, bar; baz=2 junk",
  "foo;",
  "foo;;a",
  "foo; =1",
  "foo; a=",
  "foo; a=,bar",
  "foo; a=;b",
  'foo; a=""',
  'foo; a="1',
  'foo; a="1\\"',
  'foo; a="\\',
  'foo; a="b,a;z"',
  'foo; a="b c"',
  'foo; a="1"2',
  'foo; a=1"2"',
  'foo; "a"=1',
  '"foo"',
  "; a",
  "foo=1",
  "foo, @",
  "foo\u0000",
  "foo\u00e9",
  "foo; a=\u00e9",
];

test("parseExtensions() gives nothing of a malformed value", () => {
  for (const value of MALFORMED) {
    assertEquals(parseExtensions(value), undefined, `value ${value}`);
    assertEquals(parseExtensions(`ok, ${value}`), undefined, `ok, ${value}`);
  }
});

test("parseExtensions() bounds names and parameters together", () => {
  const half = MAX_EXTENSION_ITEMS / 2;
  assertEquals(
    parseExtensions("a,".repeat(MAX_EXTENSION_ITEMS))?.length,
    MAX_EXTENSION_ITEMS,
  );
  assertEquals(
    parseExtensions("a;b,".repeat(half))?.length,
    half,
  );
  assertEquals(parseExtensions("a;b,".repeat(half) + "a"), undefined);
  assertEquals(
    parseExtensions("a" + ";b".repeat(MAX_EXTENSION_ITEMS)),
    undefined,
  );
});

test("parseExtensions() reads hostile values once", () => {
  const size = 64 * 1024;
  const hostile = [
    'a;b="' + "\\c".repeat(size / 2),
    'a;b="' + "\\c".repeat(size / 2) + '"',
    'a;b="' + "\\\\".repeat(size / 2),
    'a;b="' + "c".repeat(size),
    "a;" + " ".repeat(size),
    "a" + " ".repeat(size) + "x",
    "a;b" + " ".repeat(size) + "x",
    "a;b=" + " ".repeat(size) + ";",
    " ,".repeat(size / 2),
    "a;b=" + "c".repeat(size),
  ];
  for (const value of hostile) {
    const steps = countSteps(() => parseExtensions(value));
    assert(
      steps >= size / 2 && steps <= 8 * value.length,
      `${steps} steps for ${value.length} of ${value.slice(0, 8)}`,
    );
  }
});

test("formatExtensions() writes what parseExtensions() reads", () => {
  for (const [value, extensions] of VALID) {
    const text = formatExtensions(extensions);
    assertEquals(parseExtensions(text), extensions, `value ${value}`);
  }
  assertEquals(
    formatExtensions([
      { name: "permessage-deflate", params: [["a", undefined], ["b", "10"]] },
      { name: "x", params: [] },
    ]),
    "permessage-deflate; a; b=10, x",
  );
});

test("formatExtensions() throws on what is not a token", () => {
  for (
    const extension of [
      { name: "", params: [] },
      { name: "a\r\nb", params: [] },
      { name: "a", params: [["b c", undefined]] },
      { name: "a", params: [["b", "1 2"]] },
      { name: "a", params: [["b", ""]] },
    ] as Extension[]
  ) {
    assertThrows(
      () => formatExtensions([extension]),
      TypeError,
      "is not a token",
    );
  }
});
