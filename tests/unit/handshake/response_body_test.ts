import { assertEquals } from "@std/assert";
import { ResponseBodyReader } from "../../../src/handshake/response_body.ts";
import type { ResponseHead } from "../../../src/handshake/response_head.ts";
import { test } from "../../support/helper.ts";

function head(status: number, ...headers: [string, string][]): ResponseHead {
  return { minorVersion: 1, status, reason: "", headers };
}

const encoder = new TextEncoder();

/** What is read of the body in chunks of a size, and whether it is done. */
function read(
  head: ResponseHead,
  body: string,
  limit: number,
  size: number,
): [text: string, done: boolean] {
  const reader = new ResponseBodyReader(head, limit);
  const bytes = encoder.encode(body);
  for (let i = 0; i < bytes.length; i += size) {
    reader.push(bytes.subarray(i, i + size));
  }
  return [new TextDecoder().decode(reader.bytes), reader.done];
}

const length = (value: string) => head(400, ["Content-Length", value]);
const chunked = head(400, ["transfer-encoding", "gzip, Chunked"]);

const CASES: [ResponseHead, body: string, text: string, done: boolean][] = [
  [length("3"), "abcdef", "abc", true],
  [length("3"), "ab", "ab", false],
  [length("0"), "ab", "", true],
  [length("99"), "abcdefghij", "abcdefgh", true],
  [length("99999999999999999999"), "abc", "abc", false],
  [length("-1"), "abc", "abc", false],
  [length("3, 4"), "abcdef", "abcdef", false],
  [head(400), "abc", "abc", false],
  [head(400), "abcdefghij", "abcdefgh", true],
  [head(101), "abc", "", true],
  [head(204), "abc", "", true],
  [head(304, ["Content-Length", "3"]), "abc", "", true],
  [chunked, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde", true],
  [chunked, "3;a=b;c\r\nabc\r\n0\r\n\r\n", "abc", true],
  [chunked, "003\r\nabc\r\nA\r\nde", "abcde", false],
  [chunked, "5\nabcde\n1\nf\n0\n", "abcdef", true],
  [chunked, "ff\r\nabcdefghij", "abcdefgh", true],
  [chunked, "zz\r\nabc", "", true],
  [chunked, "\r\nabc", "", true],
  [chunked, "-1\r\nabc", "", true],
  [chunked, "fffffffff\r\nabc", "", true],
  [chunked, "3\r\nabcXX\r\n", "abc", true],
  // A length beside the chunks does not count (RFC 7230, section 3.3.3).
  [
    head(400, ["Content-Length", "1"], ["Transfer-Encoding", "chunked"]),
    "2\r\nab\r\n0\r\n\r\n",
    "ab",
    true,
  ],
];

for (const size of [1, 3, 100]) {
  test(`ResponseBodyReader reads bodies in chunks of ${size}`, () => {
    for (const [head, body, text, done] of CASES) {
      assertEquals(read(head, body, 8, size), [text, done], body);
    }
  });
}

test("ResponseBodyReader.bytes is a copy", () => {
  const reader = new ResponseBodyReader(head(400), 8);
  reader.push(encoder.encode("a"));
  reader.bytes.fill(0);
  assertEquals(reader.bytes, encoder.encode("a"));
});

test("ResponseBodyReader reads no framing without end", () => {
  const chunk = "1\r\na\r\n";
  // What frames a body of the usual limit in chunks of a byte.
  assertEquals(read(chunked, chunk.repeat(1024), 1024, 7), [
    "a".repeat(1024),
    true,
  ]);
  for (const endless of ["1;", "1\r\na"]) {
    const body = endless + (endless === "1;" ? "x" : "\r").repeat(16_384);
    assertEquals(read(chunked, body, 1024, 4096)[1], true, endless);
  }
});
