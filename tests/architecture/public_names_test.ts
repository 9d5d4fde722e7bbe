/**
 * Pins the names that each entry point exports. A change here is a change of
 * the public surface: it belongs in the changelog.
 */

import { assertEquals } from "@std/assert";
import { test } from "../helper.ts";
import { readDocs } from "./docs.ts";
import { readText } from "./files.ts";

interface Names {
  /** What is there at run time, sorted. */
  readonly values: readonly string[];
  /** What is there for the type checker only, sorted. */
  readonly types: readonly string[];
}

const ENTRY_POINTS: Record<string, Names> = {
  "./mod.ts": {
    values: [
      "BadHandshakeError",
      "CloseCode",
      "CloseError",
      "CloseSentError",
      "Conn",
      "DialError",
      "Dialer",
      "HandshakeError",
      "MemoryCookieJar",
      "MessageType",
      "PreparedMessage",
      "ProtocolError",
      "ReadLimitError",
      "UnsupportedError",
      "Upgrader",
      "WriteLimitError",
      "connOver",
      "defaultDialer",
      "dial",
      "formatCloseMessage",
      "isCloseError",
      "isUnexpectedCloseError",
      "isWebSocketUpgrade",
      "joinMessages",
      "proxyFromEnvironment",
      "serve",
      "socketStream",
      "subprotocols",
    ],
    types: [
      "Addr",
      "BinaryMessage",
      "BufferPool",
      "BunServer",
      "BunWebSocket",
      "BunWebSocketHandler",
      "ByteReceiver",
      "ByteStream",
      "Capabilities",
      "Capability",
      "CloseErrorOptions",
      "CloseHandler",
      "CloseInfo",
      "CloseOptions",
      "CompressionOptions",
      "ConnOptions",
      "ConnOverOptions",
      "ConnState",
      "ControlType",
      "CookieJar",
      "DataType",
      "DenoServeInfo",
      "DialErrorInit",
      "DialOptions",
      "DialPhase",
      "DialResult",
      "DialerOptions",
      "Engine",
      "Handler",
      "HandlerOptions",
      "HandshakeResponse",
      "HeadersLike",
      "KeepAliveOptions",
      "ListenerOptions",
      "Message",
      "MessageReader",
      "NetAddress",
      "NetDial",
      "NetDialOptions",
      "OnConn",
      "OnError",
      "PingHandler",
      "PongHandler",
      "ProxyFunction",
      "ServeOptions",
      "Server",
      "ShutdownOptions",
      "Side",
      "TLSCertificate",
      "TLSOptions",
      "TextMessage",
      "UpgradeInfo",
      "UpgradeListener",
      "UpgradeOptions",
      "UpgradeRefused",
      "Upgraded",
      "UpgraderOptions",
      "WaitOptions",
    ],
  },
  "./src/testing.ts": {
    values: ["RawPeer", "pipe", "rawDial", "rawPeer"],
    types: [
      "ExpectedFrame",
      "PipeOptions",
      "PipeStreamOptions",
      "RawDialOptions",
      "RawDialResult",
      "RawEnd",
      "RawFrame",
      "RawFrameInit",
      "RawPeerOptions",
    ],
  },
};

test("the entry points are those of deno.json", () => {
  const config: { exports: Record<string, string> } = JSON.parse(
    readText("deno.json"),
  );
  assertEquals(
    Object.values(config.exports).sort(),
    Object.keys(ENTRY_POINTS).sort(),
  );
});

test("the entry points export the pinned values", async () => {
  for (const [file, { values }] of Object.entries(ENTRY_POINTS)) {
    const module = await import(new URL(`../../${file}`, import.meta.url).href);
    assertEquals(Object.keys(module).sort(), [...values], file);
  }
});

test("the entry points export the pinned types", () => {
  for (const [file, { types }] of Object.entries(ENTRY_POINTS)) {
    const docs = readDocs(file);
    const names = Object.values(docs.nodes).flatMap(({ symbols }) => symbols)
      .filter(({ declarations }) =>
        declarations.every(({ kind }) =>
          kind === "interface" || kind === "typeAlias"
        )
      )
      .map(({ name }) => name);
    assertEquals(names.sort(), [...types], file);
  }
}, { only: "deno" });
