/**
 * gorilla/websocket's surface, native to Deno and Bun: one `Upgrader`, one `Dialer`, one `Conn`.
 *
 * @module
 */

export * from "./src/message.ts";
export * from "./src/close.ts";
export * from "./src/errors.ts";
export { PreparedMessage } from "./src/prepared.ts";
