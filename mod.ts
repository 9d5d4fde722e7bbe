/**
 * gorilla/websocket's surface, native to Deno and Bun: one `Upgrader`, one `Dialer`, one `Conn`.
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
export type { UpgraderOptions } from "./src/upgrader_options.ts";
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
