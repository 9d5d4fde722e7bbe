/**
 * The WebSocket of browsers on Deno and Bun, to the letter of its standard
 * (https://websockets.spec.whatwg.org): for code and libraries that want such a
 * class, or such an object on a server.
 *
 * - {@linkcode WebSocket} is the class. A third argument brings what browsers
 *   lack: headers, a proxy, TLS, cookies, compression, a `Dialer`.
 * - {@linkcode toWebSocket} makes such an object of a `Conn`.
 *
 * ```ts
 * import { toWebSocket, WebSocket } from "@silverback/websocket/compat";
 * import { serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve(async (conn) => {
 *   const socket = toWebSocket(conn);
 *   socket.addEventListener("message", ({ data }) => socket.send(data));
 *   await conn.closed;
 * }, { port: 0 });
 *
 * const socket = new WebSocket(`http://127.0.0.1:${server.addr.port}`);
 * socket.addEventListener("open", () => socket.send("Hello"));
 * const event = await new Promise<MessageEvent>((resolve) => {
 *   socket.addEventListener("message", resolve, { once: true });
 * });
 * assertEquals(event.data, "Hello");
 * socket.close();
 * await new Promise((resolve) => socket.addEventListener("close", resolve));
 * ```
 *
 * @module
 */

export { toWebSocket, WebSocket, type WebSocketOptions } from "./websocket.ts";
