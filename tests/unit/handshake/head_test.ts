import { assertEquals } from "@std/assert";
import { test } from "../../support/helper.ts";
import { encodeHead } from "../../../src/handshake/head.ts";
import { ascii } from "./bytes.ts";

test("encodeHead() writes lines in order and an empty one", () => {
  assertEquals(
    encodeHead("HTTP/1.1 200 OK", [["b", "1"], ["A", ""], ["b", "2"]]),
    ascii("HTTP/1.1 200 OK\r\nb: 1\r\nA: \r\nb: 2\r\n\r\n"),
  );
});

test("encodeHead() writes obs-text as it is, byte for byte", () => {
  assertEquals(
    encodeHead("G", [["a", "\u0080\u00ff"]]),
    // deno-fmt-ignore
    new Uint8Array([
      0x47, 0x0d, 0x0a, 0x61, 0x3a, 0x20, 0x80, 0xff, 0x0d, 0x0a, 0x0d, 0x0a,
    ]),
  );
});
