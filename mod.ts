/**
 * WebSocket for Deno and Bun, with the surface of gorilla/websocket: one
 * {@linkcode Upgrader}, one {@linkcode Dialer}, one {@linkcode Conn}, the same
 * for servers and clients and on both runtimes.
 *
 * ## Overview
 *
 * A {@linkcode Conn} is a WebSocket connection. A server gets it from
 * {@linkcode serve}, or from an {@linkcode Upgrader} inside of its own server; a
 * client gets it from {@linkcode dial}, or from a {@linkcode Dialer}:
 *
 * ```ts
 * import { dial, serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve(async (conn) => {
 *   for await (const { type, data } of conn) {
 *     await conn.writeMessage(type, data);
 *   }
 * }, { port: 0 });
 *
 * const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}`);
 * await conn.send("Hello");
 * assertEquals(await conn.readMessage(), { type: 1, data: "Hello" });
 * await conn.close();
 * ```
 *
 * When the server's handler is done, its connection is closed; what it throws
 * closes it with code 1011 and goes to `onError`, and the server goes on.
 *
 * There are two engines. The `wire` engine is our own: it is what `serve()`,
 * `listener()`, the `Dialer` and {@linkcode connOver} use, and has all that is
 * told here, on every runtime. The `native` engine is the runtime's own
 * WebSocket, in `handler()` and `upgrade()`. What it cannot do throws an
 * {@linkcode UnsupportedError}; `conn.capabilities` tells beforehand.
 *
 * ## Data Messages
 *
 * A data message is text or binary. {@linkcode Conn.readMessage} gives
 * `{ type: 1, data: string }` or `{ type: 2, data: Uint8Array }`, and the
 * iterator of a connection gives one after the other. Text is valid UTF-8 in
 * both directions, which is checked as it arrives (RFC 6455, section 8.1).
 *
 * {@linkcode Conn.nextReader} and {@linkcode Conn.nextWriter} read and write a
 * message piece by piece, so that its size does not matter. This copies whatever
 * comes:
 *
 * ```ts
 * import type { Conn } from "@silverback/websocket";
 * import { pipe } from "@silverback/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * async function copy(conn: Conn): Promise<void> {
 *   while (true) {
 *     const { type, readable } = await conn.nextReader();
 *     await readable.pipeTo(conn.nextWriter(type));
 *   }
 * }
 *
 * const [client, server] = pipe(); // two ends in memory
 * copy(server).catch(() => {}); // rejects when the connection ends
 * client.send(new Uint8Array(1_000_000)); // awaited, it would wait for a reader
 * assertEquals((await client.readMessage()).data.length, 1_000_000);
 * await client.close();
 * ```
 *
 * `conn.readable` and `conn.writable` are streams of whole messages, and
 * {@linkcode joinMessages} is one stream of their bytes.
 *
 * ## Control Messages
 *
 * Close, ping and pong (RFC 6455, section 5.5) are sent by
 * {@linkcode Conn.writeControl}, `writeMessage` or `nextWriter`, and are received
 * by handlers. By default a ping is answered by a pong, a pong does nothing, and
 * a close frame is answered by one with the same code; reads then throw a
 * {@linkcode CloseError}. Handlers run as their frames come, whether or not the
 * messages before have been read, as long as the reader is not so far behind
 * that the peer has been stopped.
 *
 * Most applications need less: {@linkcode Conn.close} does the closing
 * handshake, {@linkcode Conn.ping} measures a round trip, and `keepAlive`, on by
 * default for servers, gives up a peer that has gone silent.
 *
 * ```ts
 * import { isCloseError } from "@silverback/websocket";
 * import { pipe } from "@silverback/websocket/testing";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const [client, server] = pipe();
 * assert(await client.ping("alive?") >= 0);
 *
 * server.setCloseHandler((code, reason) => {
 *   assertEquals([code, reason], [4000, "bye"]);
 * });
 * client.close(4000, "bye");
 * const error = await server.readMessage().catch((error) => error);
 * assert(isCloseError(error, 4000));
 * assertEquals((await client.closed).wasClean, true);
 * ```
 *
 * ## Concurrency
 *
 * One read may wait at a time; a second one rejects with `InvalidStateError`.
 * Writes may come from anywhere, at any time: messages go out whole, first in,
 * first out, and control messages overtake them between frames.
 *
 * The promise of a write settles when there is room for more, not when the peer
 * has the message: who awaits it keeps to the peer's pace. Who does not is
 * bounded by `writeLimit`, and never meets an unhandled rejection: the next read
 * and `conn.closed` tell of the failure. Nothing is read ahead of the
 * application beyond `readBufferSize`; then the peer waits, too.
 *
 * Everything that waits takes a signal. A read that is given up loses nothing:
 * the next one gets the message.
 *
 * ## Origin Considerations
 *
 * Browsers let every page open a WebSocket to any host, and send that host's
 * cookies along (RFC 6455, section 10.2). The `checkOrigin` of an
 * {@linkcode Upgrader} says which pages may; others are answered with 403.
 * Without it, a request is taken if it has no Origin header, or if the origin's
 * host is that of the Host header.
 *
 * ```ts
 * import { BadHandshakeError, dial, serve } from "@silverback/websocket";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * await using server = await serve((conn) => conn.send("Welcome"), {
 *   port: 0,
 *   upgrader: {
 *     checkOrigin: ({ headers }) =>
 *       headers.get("origin") === "https://app.example.com",
 *   },
 * });
 *
 * const headers = { Origin: "https://evil.example" };
 * const error = await dial(`ws://127.0.0.1:${server.addr.port}`, { headers })
 *   .catch((error) => error);
 * assertInstanceOf(error, BadHandshakeError);
 * assertEquals(error.response.status, 403);
 * ```
 *
 * ## Buffers
 *
 * `readBufferSize` is how much is read ahead while nobody reads;
 * `writeBufferSize` how much is gathered before a write waits, and the size of
 * the fragments that `nextWriter` sends. Both are 64 KiB by default, and neither
 * limits the size of a message: `readLimit` does. A connection that has nothing
 * to send holds no buffer; where buffers come from, `writeBufferPool` says.
 *
 * ## Compression
 *
 * `enableCompression` in the options of an {@linkcode Upgrader} or a
 * {@linkcode Dialer} agrees on permessage-deflate (RFC 7692) where both sides
 * want it. Messages are then compressed one by one; context takeover, the
 * window, the level and the smallest size worth it are
 * {@linkcode CompressionOptions}. {@linkcode Conn.enableWriteCompression} and
 * {@linkcode Conn.setCompressionLevel} change the messages to come. Compressing
 * secrets together with what an attacker has chosen may reveal them.
 *
 * @module
 */

export {
  type BinaryMessage,
  type ControlType,
  type DataType,
  type Message,
  MessageType,
  type TextMessage,
} from "./src/message.ts";
export {
  CloseCode,
  CloseError,
  type CloseErrorOptions,
  type CloseInfo,
  formatCloseMessage,
  isCloseError,
  isUnexpectedCloseError,
} from "./src/close.ts";
export * from "./src/errors.ts";
export { PreparedMessage } from "./src/prepared.ts";
export { type CloseOptions, Conn } from "./src/conn/conn.ts";
export type { ConnState } from "./src/conn/ending.ts";
export type {
  CloseHandler,
  PingHandler,
  PongHandler,
} from "./src/conn/handlers.ts";
export { joinMessages } from "./src/conn/join_messages.ts";
export type { MessageReader } from "./src/conn/message_reader.ts";
export type { ConnOptions, KeepAliveOptions } from "./src/conn/options.ts";
export type { WaitOptions } from "./src/conn/promises.ts";
export type { HeadersLike } from "./src/handshake/headers.ts";
export { connOver, type ConnOverOptions } from "./src/over.ts";
export type {
  BufferPool,
  ByteReceiver,
  ByteStream,
} from "./src/transport/byte_stream.ts";
export type {
  Addr,
  Capabilities,
  Capability,
  Engine,
  Side,
} from "./src/transport/transport.ts";
export * from "./src/dialer.ts";
export {
  proxyFromEnvironment,
  type ProxyFunction,
} from "./src/choose_proxy.ts";
export type { CookieJar } from "./src/cookies/cookie_jar.ts";
export { MemoryCookieJar } from "./src/cookies/memory_cookie_jar.ts";
export type { NetDial, NetDialOptions } from "./src/open_stream.ts";
export type { NetAddress } from "./src/runtime/node/connect.ts";
export { socketStream } from "./src/runtime/node/socket_stream.ts";
export type { TLSOptions } from "./src/runtime/node/tls_options.ts";
export {
  type Handler,
  type HandlerOptions,
  type ListenerOptions,
  type Upgraded,
  type UpgradeListener,
  type UpgradeOptions,
  Upgrader,
  type UpgradeRefused,
} from "./src/upgrader.ts";
export type { UpgradeInfo, UpgraderOptions } from "./src/upgrader_options.ts";
export type { OnConn, OnError } from "./src/run_conn.ts";
export {
  serve,
  type ServeOptions,
  type Server,
  type ShutdownOptions,
} from "./src/serve.ts";
export type { TLSCertificate } from "./src/transport/listener.ts";
export type { CompressionOptions } from "./src/deflate/options.ts";
export type { DenoServeInfo } from "./src/runtime/deno/types.ts";
export type {
  BunServer,
  BunWebSocket,
  BunWebSocketHandler,
} from "./src/runtime/bun/types.ts";
export { isWebSocketUpgrade } from "./src/handshake/upgrade_request.ts";
export { subprotocols } from "./src/handshake/subprotocol.ts";
