/**
 * Pins the names that each entry point exports. A change here is a change of
 * the public surface: it belongs in the changelog.
 */

import { assertEquals } from "@std/assert";
import { test } from "../../support/helper.ts";
import { readDocs } from "./docs.ts";
import { entryPoints } from "./files.ts";

interface Names {
  /** What is there at run time, sorted. */
  readonly values: readonly string[];
  /** What is there for the type checker only, sorted. */
  readonly types: readonly string[];
}

/** By what `deno.json` calls them. */
const ENTRY_POINTS: Record<string, Names> = {
  ".": {
    values: [
      "BadHandshakeError",
      "CloseCode",
      "CloseError",
      "CloseSentError",
      "Conn",
      "DialError",
      "Dialer",
      "HandshakeError",
      "InvalidMessageError",
      "MemoryCookieJar",
      "MessageLimitError",
      "MessageType",
      "PreparedMessage",
      "ProtocolError",
      "ReadLimitError",
      "UnsupportedError",
      "Upgrader",
      "WriteLimitError",
      "byteStreams",
      "connOver",
      "defaultDialer",
      "dial",
      "formatCloseMessage",
      "isCloseError",
      "isUnexpectedCloseError",
      "isWebSocketUpgrade",
      "joinMessages",
      "proxyFromEnvironment",
      "reconnect",
      "serve",
      "socketStream",
      "subprotocols",
    ],
    types: [
      "Addr",
      "Authorized",
      "BackoffOptions",
      "BinaryMessage",
      "BufferPool",
      "BunServer",
      "BunWebSocket",
      "BunWebSocketHandler",
      "ByteReceiver",
      "ByteStream",
      "ByteStreams",
      "Capabilities",
      "Capability",
      "ChannelMessages",
      "CloseErrorOptions",
      "CloseHandler",
      "CloseInfo",
      "CloseOptions",
      "CompressionOptions",
      "ConnOptions",
      "ConnOverOptions",
      "ConnState",
      "ConnStats",
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
      "FetchInfo",
      "Handler",
      "HandlerOptions",
      "HandshakeResponse",
      "HeadersLike",
      "JSONOptions",
      "KeepAliveOptions",
      "ListenerOptions",
      "Message",
      "MessageLimitOptions",
      "MessageReader",
      "NetAddress",
      "NetDial",
      "NetDialOptions",
      "OnConn",
      "OnError",
      "OnRefused",
      "OnRoute",
      "PingHandler",
      "PongHandler",
      "ProxyFunction",
      "ReconnectOptions",
      "ReconnectState",
      "RouteInfo",
      "Routes",
      "SchemaIssue",
      "SchemaResult",
      "ServeOptions",
      "Server",
      "ShutdownOptions",
      "Side",
      "StandardSchema",
      "TLSCertificate",
      "TLSOptions",
      "TextMessage",
      "Traffic",
      "TrustProxyOptions",
      "UpgradeInfo",
      "UpgradeListener",
      "UpgradeOptions",
      "UpgradeRefused",
      "UpgradeSocketOptions",
      "Upgraded",
      "UpgraderOptions",
      "WaitOptions",
    ],
  },
  "./browser": {
    values: [
      "CloseError",
      "CloseSentError",
      "Conn",
      "DialError",
      "InvalidMessageError",
      "PreparedMessage",
      "ReadLimitError",
      "UnsupportedError",
      "WriteLimitError",
      "connFrom",
      "dial",
      "isCloseError",
    ],
    types: ["DataType", "DialOptions", "DialResult", "Message"],
  },
  "./compat": {
    values: ["WebSocket", "toWebSocket"],
    types: ["WebSocketOptions"],
  },
  "./pubsub": {
    values: [
      "Hub",
      "Presence",
      "PublishLimitError",
      "broadcastChannel",
      "ioredis",
      "nats",
      "postgres",
      "redis",
      "redisStreams",
    ],
    types: [
      "Broker",
      "BrokerReceiver",
      "Gap",
      "HubOptions",
      "IORedisSubscriber",
      "Listener",
      "NATSConnection",
      "PostgresSQL",
      "PublishOptions",
      "RedisPublisher",
      "RedisSend",
      "RedisStreamsOptions",
      "RedisSubscriber",
      "SubscribeOptions",
    ],
  },
  "./testing": {
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
  "./ws": {
    values: [
      "WebSocket",
      "WebSocketServer",
      "createWebSocketStream",
      "default",
      "toWs",
    ],
    types: [
      "AddressInfo",
      "AnyListener",
      "BinaryType",
      "CertMeta",
      "ClientOptions",
      "ClientResponse",
      "CloseEvent",
      "CommonOptions",
      "Data",
      "ErrorEvent",
      "Event",
      "EventListenerOptions",
      "HttpServer",
      "MessageEvent",
      "PerMessageDeflateOptions",
      "RawData",
      "RedirectRequest",
      "SendCallback",
      "SendOptions",
      "Server",
      "ServerOptions",
      "UpgradeCallback",
      "VerifyClientCallback",
      "VerifyClientCallbackAsync",
      "VerifyClientCallbackSync",
      "VerifyClientInfo",
      "WebSocketEventMap",
      "WebSocketEvents",
      "WebSocketServerEvents",
      "WsListener",
      "ZlibOptions",
    ],
  },
};

test("the entry points are those of deno.json", () => {
  assertEquals(
    Object.keys(entryPoints()).sort(),
    Object.keys(ENTRY_POINTS).sort(),
  );
});

test("the entry points export the pinned values", async () => {
  for (const [name, { values }] of Object.entries(ENTRY_POINTS)) {
    const file = entryPoints()[name]!;
    const module = await import(
      new URL(`../../../${file}`, import.meta.url).href
    );
    assertEquals(Object.keys(module).sort(), [...values], file);
  }
});

test("the entry points export the pinned types", () => {
  for (const [name, { types }] of Object.entries(ENTRY_POINTS)) {
    const file = entryPoints()[name]!;
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
