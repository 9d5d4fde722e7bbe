/**
 * The same {@linkcode Conn} in a page, a worker, Deno Deploy or Cloudflare Workers:
 * over the platform's own WebSocket, in 14 KB gzipped, without a module of node's.
 *
 * - {@linkcode dial} connects.
 * - {@linkcode connFrom} takes a WebSocket that is there already.
 *
 * What the platform cannot do is not emulated: `conn.capabilities` says so, and
 * throws an {@linkcode UnsupportedError}. There are no pings, and no way to stop the
 * peer: when more than 1,024 messages or 16 MiB wait unread, the connection is
 * failed, as on the native engine on Deno. Pages may close with 1000 and with 3000 to
 * 4999 alone; where this side fails a connection, the peer gets no code.
 *
 * ```ts
 * import { dial } from "@silverback/websocket/browser";
 * import { serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve(async (conn) => {
 *   for await (const { type, data } of conn) await conn.writeMessage(type, data);
 * }, { port: 0 });
 *
 * const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}`);
 * await conn.writeJSON({ name: "Alice" });
 * assertEquals(await conn.readJSON(), { name: "Alice" });
 * await conn.close();
 * ```
 *
 * @module
 */

export { connFrom, dial, type DialOptions, type DialResult } from "./dial.ts";
export { Conn } from "../conn/conn.ts";
export { CloseError, isCloseError } from "../close.ts";
export {
  CloseSentError,
  DialError,
  InvalidMessageError,
  ReadLimitError,
  UnsupportedError,
  WriteLimitError,
} from "../errors.ts";
export type { DataType, Message } from "../message.ts";
export { PreparedMessage } from "../prepared.ts";
