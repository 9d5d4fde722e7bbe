/**
 * WebSocket for Deno and Bun, with the surface of gorilla/websocket: one
 * {@linkcode Upgrader}, one {@linkcode Dialer}, one {@linkcode Conn}, the same
 * for servers and clients and on both runtimes.
 *
 * ## Overview
 *
 * A {@linkcode Conn} is a WebSocket connection. A server gets it from
 * {@linkcode serve}, or from an {@linkcode Upgrader} inside of its own server;
 * a client gets it from {@linkcode dial}, or from a {@linkcode Dialer}:
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
 * There are two engines. The `wire` engine is our own: `serve()`, `listener()`,
 * the `Dialer` and {@linkcode connOver} use it, and it does everything
 * described here, on every runtime. The `native` engine is the runtime's own
 * WebSocket, used by `handler()` and `upgrade()`. What it cannot do throws an
 * {@linkcode UnsupportedError}; check `conn.capabilities` beforehand.
 *
 * ## Handlers
 *
 * The first argument of {@linkcode serve}, and of an Upgrader's `handler()` and
 * `listener()`, is a handler: a function that is called with each connection
 * and its upgrade request. When the promise of an `async` handler fulfils, the
 * connection is closed with code 1000. If it rejects, the connection is closed
 * with code 1011, without detail, and the error goes to `onError`; the server
 * goes on. So await what the connection is open for: the loop that reads, or
 * `conn.closed`. A handler that returns nothing, rather than a promise, has
 * taken the connection over, and it stays open:
 *
 * ```ts
 * import { type Conn, dial, serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const listeners = new Set<Conn>();
 *
 * await using server = await serve((conn) => { // not async, so it stays open
 *   listeners.add(conn);
 *   conn.closed.then(() => listeners.delete(conn));
 *   conn.closeRead(); // nobody will read, so what comes is dropped
 * }, { port: 0 });
 *
 * const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}`);
 * for (const listener of listeners) listener.send("news");
 * assertEquals((await conn.readMessage()).data, "news");
 * await conn.close();
 * ```
 *
 * In place of a handler there may be {@linkcode Routes}, handlers by path:
 * `serve({ "/echo": onEcho, "/rooms/:name": onRoom })`. What the `authorize` of
 * an {@linkcode Upgrader} knows of a client is the connection's `data`:
 *
 * ```ts
 * import { dial, serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve({
 *   "/rooms/:room": (conn, _request, { params }) =>
 *     conn.send(`${conn.data.user} in ${params.room}`),
 * }, {
 *   port: 0,
 *   upgrader: {
 *     authorize: (request: Request) => {
 *       const user = new URL(request.url).searchParams.get("user");
 *       return user ? { data: { user } } : new Response(null, { status: 401 });
 *     },
 *   },
 * });
 *
 * const host = `ws://127.0.0.1:${server.addr.port}`;
 * const { conn } = await dial(`${host}/rooms/lobby?user=Ada`);
 * assertEquals((await conn.readMessage()).data, "Ada in lobby");
 * await conn.closed;
 * ```
 *
 * ## Data Messages
 *
 * A data message is text or binary. {@linkcode Conn.readMessage} gives
 * `{ type: 1, data: string }` or `{ type: 2, data: Uint8Array }`, and iterating
 * over a connection gives one message after the other. Messages wait until they
 * are read. Text is valid UTF-8 in both directions, which is checked as it
 * arrives (RFC 6455, section 8.1).
 *
 * {@linkcode Conn.nextReader} and {@linkcode Conn.nextWriter} read and write a
 * message piece by piece, so that its size does not matter. This function sends
 * every message back:
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
 * client.send(new Uint8Array(1_000_000)); // an await would need a reader
 * assertEquals((await client.readMessage()).data.length, 1_000_000);
 * await client.close();
 * await server.closed;
 * ```
 *
 * `conn.readable` and `conn.writable` are streams of whole messages, for
 * `pipeThrough()` and the like, and {@linkcode joinMessages} gives one stream
 * of their bytes. The promises of these streams, of their readers and writers,
 * need no `await`. Those of other streams do: in
 * `conn.readable.pipeThrough(transform).pipeTo(file)`, the last promise is not
 * ours; await it, or its failure ends the process.
 *
 * ## Control Messages
 *
 * Close, ping and pong (RFC 6455, section 5.5) are sent by {@linkcode
 * Conn.writeControl}, `writeMessage` or `nextWriter`, and are received by
 * handlers. By default, a ping is answered by a pong, a pong does nothing, and
 * a close frame is answered by one with the same code; reads then throw a
 * {@linkcode CloseError}. Handlers run as their frames arrive, whether or not
 * earlier messages have been read, unless so much is unread that the peer has
 * been stopped.
 *
 * Most applications need less. {@linkcode Conn.close} sends the close frame
 * after queued messages and waits for the peer's; {@linkcode Conn.terminate}
 * cuts the connection. {@linkcode Conn.ping} waits for its own pong, and
 * measures the round trip. `keepAlive`, on by default for servers, pings a peer
 * that has been silent for 30 seconds, and drops it 30 seconds later: reads
 * then reject with a `TimeoutError`.
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
 * await server.closed;
 * ```
 *
 * ## Concurrency
 *
 * Only one read may wait at a time; a second one rejects with
 * `InvalidStateError`. You may write from anywhere, at any time: messages go
 * out whole, first in, first out, and control messages overtake them between
 * frames.
 *
 * The promise of a write settles when there is room for more, not when the peer
 * has the message. Await it to keep to the peer's pace, but keep reading if the
 * peer writes back: two ends that both wait to be read wait forever. Otherwise
 * `writeLimit` bounds what piles up. A write that nobody awaits causes no
 * unhandled rejection: the next read and `conn.closed` report the failure. No
 * more than `readBufferSize` is read ahead of the application; after that, the
 * peer waits, too.
 *
 * Every call that waits takes a signal; {@linkcode Conn.setReadDeadline} and
 * {@linkcode Conn.setWriteDeadline} are there as well. Aborting a read loses
 * nothing: the next one gets the message.
 *
 * ## Origin Considerations
 *
 * Browsers let every page open a WebSocket to any host, and send that host's
 * cookies along (RFC 6455, section 10.2). The `checkOrigin` of an {@linkcode
 * Upgrader} says which pages may; others are answered with 403. Without it, a
 * request is accepted if it has no Origin header, or if the origin's host is
 * that of the Host header.
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
 * ## Limits
 *
 * Every limit and every timeout has a default. These are options of an
 * {@linkcode Upgrader}, a {@linkcode Dialer} and {@linkcode connOver} alike,
 * but for `handshakeTimeout`, which `connOver` has no use for. Sizes are in
 * bytes, times in milliseconds; {@linkcode ConnOptions} has the details:
 *
 * | option             | default                          | at the limit                                          |
 * | ------------------ | -------------------------------- | ----------------------------------------------------- |
 * | `handshakeTimeout` | 10,000; dialers 45,000           | upgrades get 503, dials reject with `TimeoutError`    |
 * | `readLimit`        | 16 MiB a message, inflated       | close code 1009, reads reject with `ReadLimitError`   |
 * | `writeLimit`       | 64 MiB unsent                    | reads and writes reject with `WriteLimitError`        |
 * | `readBufferSize`   | 64 KiB read ahead                | the peer is stopped by TCP                            |
 * | `writeBufferSize`  | 64 KiB gathered                  | the writer waits                                      |
 * | `keepAlive`        | 30,000 and 30,000; dialers: none | a ping; later reads reject with `TimeoutError`        |
 * | `closeTimeout`     | 5,000                            | the connection is cut                                 |
 * | `messageLimit`     | none                             | code 1008, reads reject with `MessageLimitError`      |
 *
 * `Infinity` is no limit for `readLimit`, `writeLimit` and a dialer's
 * `handshakeTimeout`; `keepAlive: false` is none. Some limits are not options,
 * as the protocol or good sense fixes them: 125 bytes for a control payload and
 * 123 for a close reason (RFC 6455, section 5.5), 64 KiB and 1,000 lines for
 * the head of a server's answer, 1,024 bytes for the body of a refused
 * handshake.
 *
 * `writeBufferSize` is also the size of the fragments that `nextWriter` sends.
 * Neither buffer limits the size of a message: `readLimit` does. A connection
 * that has nothing to send holds no buffer; `writeBufferPool` sets where
 * buffers come from.
 *
 * An Upgrader's `maxConnsPerAddress` and the `maxConns` of {@linkcode serve}
 * say how many connections there may be; by default, any number.
 *
 * ## Metrics
 *
 * `conn.stats` has the messages and bytes of a connection, each way, and its
 * last round trip. `node:diagnostics_channel` tells of all connections as they
 * open and close, of refused upgrades, errors and round trips, on the channels
 * that {@linkcode ChannelMessages} lists; it costs nothing where nobody
 * subscribes.
 *
 * ## Compression
 *
 * `enableCompression` in the options of an {@linkcode Upgrader} or a
 * {@linkcode Dialer} agrees on permessage-deflate (RFC 7692) where both sides
 * want it. By default, each message is compressed by itself, so that an idle
 * connection holds no memory for it; {@linkcode CompressionOptions} sets
 * context takeover, the window, the level and the smallest size worth
 * compressing. {@linkcode Conn.enableWriteCompression} and
 * {@linkcode Conn.setCompressionLevel} apply to the messages sent after the
 * call.
 *
 * `readLimit` counts inflated bytes, and inflation stops there; on the wire a
 * message may have 12 times as many bytes, and 256 final blocks. Compressing
 * secrets together with what an attacker has chosen may reveal them (CRIME,
 * BREACH), so compression is off by default.
 *
 * Safari 15.0 to 15.3, and with it every browser on iOS of that time, fails at
 * a compressed message
 * [that comes in several frames](https://github.com/sta/websocket-sharp/issues/666),
 * as messages of `nextWriter` and those over 96 KiB do; 15.4 was
 * [the first to accept them](https://github.com/uNetworking/uWebSockets/issues/1347).
 * For those, leave compression off, or turn it off with
 * `enableWriteCompression` by the request's `User-Agent`.
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
export * from "./src/peer_errors.ts";
export { PreparedMessage } from "./src/prepared.ts";
export { type CloseOptions, Conn } from "./src/conn/conn.ts";
export type { ConnState } from "./src/conn/ending.ts";
export type {
  CloseHandler,
  PingHandler,
  PongHandler,
} from "./src/conn/handlers.ts";
export type { ChannelMessages } from "./src/conn/channels.ts";
export type { ConnStats, Traffic } from "./src/conn/stats.ts";
export { joinMessages } from "./src/conn/join_messages.ts";
export type {
  JSONOptions,
  SchemaIssue,
  SchemaResult,
  StandardSchema,
} from "./src/conn/json.ts";
export type { MessageReader } from "./src/conn/message_reader.ts";
export type { MessageLimitOptions } from "./src/conn/message_limit.ts";
export type { ConnOptions, KeepAliveOptions } from "./src/conn/options.ts";
export type { WaitOptions } from "./src/conn/promises.ts";
export type { Authorized } from "./src/handshake/authorized.ts";
export type { HeadersLike } from "./src/handshake/headers.ts";
export { connOver, type ConnOverOptions } from "./src/conn_over.ts";
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
export {
  defaultDialer,
  dial,
  Dialer,
  type DialerOptions,
  type DialOptions,
  type DialResult,
} from "./src/client/dialer.ts";
export {
  type BackoffOptions,
  reconnect,
  type ReconnectOptions,
  type ReconnectState,
} from "./src/client/reconnect.ts";
export {
  proxyFromEnvironment,
  type ProxyFunction,
} from "./src/client/choose_proxy.ts";
export type { CookieJar } from "./src/cookies/cookie_jar.ts";
export { MemoryCookieJar } from "./src/cookies/memory_cookie_jar.ts";
export type { NetDial, NetDialOptions } from "./src/client/connect.ts";
export type { NetAddress } from "./src/runtime/sockets/connect.ts";
export {
  type ByteStreams,
  byteStreams,
} from "./src/runtime/sockets/byte_streams.ts";
export { socketStream } from "./src/runtime/sockets/socket_stream.ts";
export type { TLSOptions } from "./src/runtime/sockets/tls_options.ts";
export {
  type Handler,
  type HandlerOptions,
  type ListenerOptions,
  type Upgraded,
  type UpgradeListener,
  type UpgradeOptions,
  Upgrader,
  type UpgradeRefused,
  type UpgradeSocketOptions,
} from "./src/server/upgrader.ts";
export type {
  UpgradeInfo,
  UpgraderOptions,
} from "./src/server/upgrader_options.ts";
export type { TrustProxyOptions } from "./src/server/client_addr.ts";
export type {
  OnConn,
  OnError,
  OnRoute,
  RouteInfo,
} from "./src/server/run_handler.ts";
export type { Routes } from "./src/server/routes.ts";
export type { OnRefused } from "./src/server/refusals.ts";
export { serve, type ServeOptions, type Server } from "./src/server/serve.ts";
export type { ShutdownOptions } from "./src/server/shutdown_options.ts";
export type { FetchInfo } from "./src/transport/fetch_info.ts";
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
