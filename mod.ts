/**
 * gorilla/websocket's surface, native to Deno and Bun: one `Upgrader`, one `Dialer`, one `Conn`.
 *
 * @module
 */

export * from "./src/message.ts";
export * from "./src/close.ts";
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
export type { NetDial, NetDialOptions } from "./src/open_stream.ts";
export type { NetAddress, TLSOptions } from "./src/runtime/node/connect.ts";
export { socketStream } from "./src/runtime/node/socket_stream.ts";
