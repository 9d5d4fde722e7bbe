import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "../../support/helper.ts";
import {
  headerValues,
  MAX_HEAD_BYTES,
  MAX_HEADER_LINES,
  ResponseHeadParser,
  type ResponseHeadResult,
} from "../../../src/handshake/response_head.ts";
import { ascii } from "./bytes.ts";
import { countSteps } from "./steps.ts";

/** Parses the bytes in chunks of a size; what is left over comes as `rest`. */
function parse(
  bytes: Uint8Array<ArrayBuffer>,
  size: number = bytes.length,
): ResponseHeadResult | undefined {
  const parser = new ResponseHeadParser();
  for (let i = 0; i < bytes.length; i += size) {
    const result = parser.push(bytes.slice(i, i + size));
    if (result === undefined) continue;
    if (!result.ok) return result;
    const rest = [...result.rest, ...bytes.slice(i + size)];
    return { ...result, rest: new Uint8Array(rest) };
  }
  return undefined;
}

const ANSWER = "HTTP/1.1 101 Switching Protocols\r\n" +
  "Upgrade: websocket\r\n" +
  "conneCTION:Upgrade\r\n" +
  "Empty:\r\n" +
  "X: \t a b \t \r\n" +
  "Set-Cookie: a=1\r\n" +
  "set-cookie: b=2\r\n" +
  "__proto__: c:d\r\n" +
  "\r\n";

test("ResponseHeadParser.push() reads a head in chunks of any size", () => {
  const bytes = new Uint8Array([...ascii(ANSWER), 0x81, 0x00, 0x0d, 0x0a]);
  for (let size = 1; size <= bytes.length; size++) {
    assertEquals(parse(bytes, size), {
      ok: true,
      head: {
        minorVersion: 1,
        status: 101,
        reason: "Switching Protocols",
        headers: [
          ["Upgrade", "websocket"],
          ["conneCTION", "Upgrade"],
          ["Empty", ""],
          ["X", "a b"],
          ["Set-Cookie", "a=1"],
          ["set-cookie", "b=2"],
          ["__proto__", "c:d"],
        ],
      },
      rest: new Uint8Array([0x81, 0x00, 0x0d, 0x0a]),
    }, `chunks of ${size}`);
  }
});

test("ResponseHeadParser.push() waits for the last byte", () => {
  const bytes = ascii(ANSWER);
  for (let length = 0; length < bytes.length; length++) {
    assertEquals(parse(bytes.slice(0, length)), undefined);
  }
});

test("ResponseHeadParser.push() takes empty chunks", () => {
  const parser = new ResponseHeadParser();
  assertEquals(parser.push(new Uint8Array(0)), undefined);
  const result = parser.push(ascii("HTTP/1.1 200\r\n\r\n"));
  assert(result?.ok);
  assertEquals(result.rest.length, 0);
});

const STATUS_LINES: [
  line: string,
  minor: number,
  code: number,
  text: string,
][] = [
  ["HTTP/1.1 200 OK", 1, 200, "OK"],
  ["HTTP/1.0 404 Not Found", 0, 404, "Not Found"],
  ["HTTP/1.1 200", 1, 200, ""],
  ["HTTP/1.1 200 ", 1, 200, ""],
  ["HTTP/1.1 200  two  blanks ", 1, 200, " two  blanks "],
  ["HTTP/1.1 999 x", 1, 999, "x"],
];

test("ResponseHeadParser.push() reads the status line", () => {
  for (const [line, minorVersion, status, reason] of STATUS_LINES) {
    const result = parse(ascii(`${line}\r\n\r\n`));
    assert(result?.ok, line);
    assertEquals(result.head, { minorVersion, status, reason, headers: [] });
  }
});

test("ResponseHeadParser.push() keeps obs-text byte for byte", () => {
  const bytes = ascii("HTTP/1.1 200 x\r\na: ??\r\n\r\n");
  bytes.set([0x80, 0xff], bytes.indexOf(0x3f));
  const result = parse(bytes);
  assert(result?.ok);
  assertEquals(result.head.headers, [["a", "\u0080\u00ff"]]);
});

test("ResponseHeadParser.push() passes over 1xx other than 101", () => {
  const result = parse(
    ascii(
      "HTTP/1.1 100 Continue\r\n\r\n" +
        "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" +
        "HTTP/1.1 101 x\r\nB: c\r\n\r\nHTTP/1.1",
    ),
    7,
  );
  assert(result?.ok);
  assertEquals(result.head.status, 101);
  assertEquals(result.head.headers, [["B", "c"]]);
  assertEquals(result.rest, ascii("HTTP/1.1"));
});

const MALFORMED: [text: string, error: string][] = [
  // Another protocol, told by its first bytes.
  ["\r\nHTTP/1.1 200 OK\r\n\r\n", "does not begin"],
  ["http/1.1 200 OK\r\n\r\n", '"h" does not begin'],
  ["HTTP/2 200\r\n\r\n", '"HTTP/2" does not begin'],
  ["SSH-2.0-x", '"S" does not begin'],
  ["\u0000\u0000\u0012\u0004", '"\\u0000" does not begin'],
  // The status line.
  ["HTTP/1.x 200 OK\r\n\r\n", "status line"],
  ["HTTP/1.11 200 OK\r\n\r\n", "status line"],
  ["HTTP/1.1  200 OK\r\n\r\n", "status line"],
  ["HTTP/1.1\t200 OK\r\n\r\n", "status line"],
  ["HTTP/1.1 20 OK\r\n\r\n", "status line"],
  ["HTTP/1.1 2000 OK\r\n\r\n", "status line"],
  ["HTTP/1.1 099 OK\r\n\r\n", "status line"],
  ["HTTP/1.1 +20 OK\r\n\r\n", "status line"],
  ["HTTP/1.1 2e1 OK\r\n\r\n", "status line"],
  ["HTTP/1.1 \r\n\r\n", "status line"],
  ["HTTP/1.1 200 O\u0000K\r\n\r\n", "status line"],
  ["HTTP/1.1 200 OK\rX: y\r\n\r\n", "status line"],
  // Line ends.
  ["HTTP/1.1 200 OK\n\n", "bare LF"],
  ["\n", "bare LF"],
  ["HTTP/1.1 200 OK\r\nA: b\n\r\n", "bare LF"],
  ["HTTP/1.1 200 OK\r\nA: b\r\n\n", "bare LF"],
  ["HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n", "control character"],
  ["HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n", "control character"],
  // Header lines.
  ["HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "header line"],
  ["HTTP/1.1 200 OK\r\nA: b\r\n\tc: d\r\n\r\n", "header line"],
  ["HTTP/1.1 200 OK\r\n A: b\r\n\r\n", "header line"],
  ["HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "header line"],
  ["HTTP/1.1 200 OK\r\n: b\r\n\r\n", "header line"],
  ["HTTP/1.1 200 OK\r\nA\r\n\r\n", "header line"],
  ["HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", "header line"],
  ["HTTP/1.1 200 OK\r\nA\u0000: c\r\n\r\n", "header line"],
  ["HTTP/1.1 200 OK\r\n\u00e9: c\r\n\r\n", "header line"],
  ["HTTP/1.1 200 OK\r\nA: \u0000\r\n\r\n", "control character"],
  ["HTTP/1.1 200 OK\r\nA: \u001b[2J\r\n\r\n", "control character"],
  ["HTTP/1.1 200 OK\r\nA: \u007f\r\n\r\n", "control character"],
];

test("ResponseHeadParser.push() refuses malformed heads", () => {
  for (const [text, error] of MALFORMED) {
    for (const size of [1, 3, text.length * 2]) {
      const result = parse(ascii(text), size);
      assert(result !== undefined && !result.ok, JSON.stringify(text));
      assert(result.error.includes(error), result.error);
      assert(result.error.startsWith("Cannot read response head: "));
    }
  }
});

function headOf(bytes: number): Uint8Array<ArrayBuffer> {
  const start = "HTTP/1.1 200 OK\r\nA: ";
  return ascii(start + "b".repeat(bytes - start.length - 4) + "\r\n\r\n");
}

test("ResponseHeadParser.push() bounds the bytes of a head", () => {
  for (const size of [1, 1000, MAX_HEAD_BYTES * 2]) {
    assert(parse(headOf(MAX_HEAD_BYTES), size)?.ok);
    const result = parse(headOf(MAX_HEAD_BYTES + 1), size);
    assertEquals(result, {
      ok: false,
      error: "Cannot read response head: it is larger than 65536 bytes",
    });
  }
});

test("ResponseHeadParser.push() does not count the bytes behind the head", () => {
  const bytes = new Uint8Array(MAX_HEAD_BYTES * 2);
  bytes.set(ascii("HTTP/1.1 200 OK\r\n\r\n"));
  const result = parse(bytes);
  assert(result?.ok);
  assertEquals(result.rest.length, bytes.length - 19);
});

test("ResponseHeadParser.push() bounds 1xx responses with the final one", () => {
  const interim = "HTTP/1.1 100 Continue\r\n\r\n";
  const result = parse(ascii(interim.repeat(3000)));
  assert(result !== undefined && !result.ok);
  assert(result.error.includes("larger than"));
});

test("ResponseHeadParser.push() bounds the header lines", () => {
  const start = "HTTP/1.1 200 OK\r\n";
  const line = "a:\r\n";
  const most = parse(ascii(start + line.repeat(MAX_HEADER_LINES) + "\r\n"));
  assert(most?.ok);
  assertEquals(most.head.headers.length, MAX_HEADER_LINES);
  const more = parse(ascii(start + line.repeat(MAX_HEADER_LINES + 1) + "\r\n"));
  assert(more !== undefined && !more.ok);
  assert(more.error.includes("header lines"));
});

test("ResponseHeadParser.push() reads hostile lines once", () => {
  const start = "HTTP/1.1 200 OK\r\n";
  const size = MAX_HEAD_BYTES - 100;
  for (
    const line of [
      "a:" + " ".repeat(size),
      "a:" + " x".repeat(size / 2),
      "a".repeat(size) + ":",
      ":".repeat(size),
      " ".repeat(size),
    ]
  ) {
    const bytes = ascii(`${start}${line}\r\n\r\n`);
    const steps = countSteps(() => parse(bytes, 1));
    assert(steps > 0 && steps <= 8 * size, `${steps} steps for ${line[1]}`);
  }
});

test("ResponseHeadParser.push() throws behind a result", () => {
  for (const text of ["HTTP/1.1 200 OK\r\n\r\n", "x"]) {
    const parser = new ResponseHeadParser();
    assert(parser.push(ascii(text)) !== undefined);
    assertThrows(() => parser.push(ascii("x")), TypeError, "has been read");
  }
});

test("headerValues() gives each line's value, whatever the name's case", () => {
  const result = parse(ascii(ANSWER));
  assert(result?.ok);
  assertEquals(headerValues(result.head, "set-cookie"), ["a=1", "b=2"]);
  assertEquals(headerValues(result.head, "__proto__"), ["c:d"]);
  assertEquals(headerValues(result.head, "constructor"), []);
});
