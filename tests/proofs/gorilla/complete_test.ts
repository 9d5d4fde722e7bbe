/** No fact of gorilla's behaviour goes without a test; what differs is told. */

import { assert, assertEquals } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";

import { test } from "../../support/helper.ts";

/** The facts, by number: those of proxies and cookies are tested elsewhere. */
const FACTS: readonly number[] = [
  ...range(1, 17),
  ...range(20, 24),
  26,
  ...range(28, 70),
];

/** The facts that are otherwise here: words of their line in the guide. */
const DIFFERENCES: ReadonlyMap<number, string> = new Map([
  [7, "it must have been offered, and `subprotocols` absent"],
  [8, "`Subprotocols` reads one header line"],
  [9, "control characters in response headers become spaces"],
  [10, "any offer of permessage-deflate is accepted"],
  [11, "`handshakeTimeout` bounds the callbacks, too"],
  [23, "extensions and subprotocols that the dialer has not asked for"],
  [24, "extensions and subprotocols that the dialer has not asked for"],
  [26, "`NetDialTLSContext`"],
  [28, "handlers run inside reads"],
  [29, "all that is wrong with a frame's first two bytes"],
  [31, "RSV1 on control and continuation frames"],
  [32, "a 64-bit length with its highest bit set"],
  [33, "text is the application's to validate"],
  [34, "`readLimit` 16 MiB, after inflation"],
  [36, "a close frame of 1 byte: 1005; code 1014: refused"],
  [41, "a handler's error fails the reads"],
  [42, "repeated reads after a failure panic"],
  [43, "an abandoned `NextReader` returns `io.EOF`"],
  [44, "`ReadMessage` returns a part with the error"],
  [45, "a read after a deadline is dead for ever"],
  [46, "corrupt compressed data: a read error"],
  [47, "`JoinMessages` ends with an error, always"],
  [48, "`ReadJSON` ignores what follows the first value"],
  [49, "concurrent writes are queued, not a panic"],
  [50, "a bad type, a control payload over 125 bytes"],
  [53, "`NextWriter` closes the previous writer"],
  [54, 'writes to a closed writer: "write closed"'],
  [56, "client frames are cut at the write buffer's size"],
  [60, "after a write timeout all writes fail"],
  [61, "compression has no minimum size"],
  [62, "a client's `PreparedMessage` reuses its mask"],
  [63, "`WriteJSON` adds a newline"],
  [64, "`FormatCloseMessage` checks nothing"],
  [65, "`Close` cuts the connection"],
  [66, "buffer sizes default to 4096"],
  [67, "`websocket: close 1000 (normal): bye`"],
  [70, "`NetConn`, `UnderlyingConn`"],
]);

/** What gorilla exports: functions, types, fields, methods, constants, errors. */
const EXPORTED: readonly string[] = `
  BinaryMessage BufferPool CheckOrigin Close CloseAbnormalClosure CloseError
  CloseGoingAway CloseHandler CloseInternalServerErr
  CloseInvalidFramePayloadData CloseMandatoryExtension CloseMessage
  CloseMessageTooBig CloseNoStatusReceived CloseNormalClosure
  ClosePolicyViolation CloseProtocolError CloseServiceRestart
  CloseTLSHandshake CloseTryAgainLater CloseUnsupportedData Code Conn
  DefaultDialer Dial DialContext Dialer EnableCompression
  EnableWriteCompression ErrBadHandshake ErrCloseSent ErrReadLimit Error
  FormatCloseMessage Get HandshakeError HandshakeTimeout IsCloseError
  IsUnexpectedCloseError IsWebSocketUpgrade Jar JoinMessages LocalAddr
  NetConn NetDial NetDialContext NetDialTLSContext NewClient
  NewPreparedMessage NextReader NextWriter PingHandler PingMessage
  PongHandler PongMessage PreparedMessage Proxy Put ReadBufferSize ReadJSON
  ReadMessage RemoteAddr SetCloseHandler SetCompressionLevel SetPingHandler
  SetPongHandler SetReadDeadline SetReadLimit SetWriteDeadline Subprotocol
  Subprotocols TLSClientConfig Text TextMessage UnderlyingConn Upgrade
  Upgrader WriteBufferPool WriteBufferSize WriteControl WriteJSON
  WriteMessage WritePreparedMessage
`.trim().split(/\s+/);

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** The facts that tests of this folder have in their names. */
function tested(): Set<number> {
  const folder = new URL("./", import.meta.url);
  const numbers = new Set<number>();
  for (const file of readdirSync(folder)) {
    if (!file.endsWith("_test.ts")) continue;
    const source = readFileSync(new URL(file, folder), "utf8");
    // `test("gorilla 7: …`, or `it("7: …` where that puts the word before it.
    const names = /\b(?:test|it)\(\s*["'`](?:gorilla )?(\d+):/g;
    for (const [, number] of source.matchAll(names)) {
      numbers.add(Number(number));
    }
  }
  return numbers;
}

test("every fact of gorilla's behaviour has a test", () => {
  assertEquals([...tested()].sort((a, b) => a - b), FACTS);
});

function section(): string {
  const guide = readFileSync(
    new URL("../../../.github/guides/MIGRATING.md", import.meta.url),
    "utf8",
  );
  const begin = guide.indexOf("## From gorilla/websocket");
  return guide.slice(begin, guide.indexOf("\n## ", begin + 1));
}

test("whatever gorilla exports is in the guide's table", () => {
  const rows = section().match(/^\| .*? \|/gm)?.join("\n") ?? "";
  const told = new Set(rows.match(/\b[A-Z]\w+/g));
  assertEquals(EXPORTED.filter((name) => !told.has(name)), []);
});

test("what differs from gorilla is in the guide's table", () => {
  const table = section();
  for (const [fact, words] of DIFFERENCES) {
    assert(FACTS.includes(fact));
    assert(table.includes(words), `${fact}: ${words}`);
  }
});
