import type { OnConn } from "./run_conn.ts";
import type { ServeOptions, Server } from "./serve_options.ts";
import { WebSocketServer } from "./websocket_server.ts";

export type { ServeOptions, Server, ShutdownOptions } from "./serve_options.ts";

/**
 * Serves WebSocket connections, and HTTP beside them.
 *
 * @param onConn What is done with a connection
 * @param options Where to listen, on which engine, and the rest
 * @returns The server, listening
 * @throws {Error} If the address cannot be listened on; it names the address
 * and the system's reason, `EADDRINUSE` for one, and its `cause` has the rest
 * @throws {UnsupportedError} If the engine is native and the runtime has none,
 * or the engine lacks what the Upgrader requires
 * @throws {TypeError} If the path does not begin with a slash or has a query, or
 * the engine is unknown
 * @throws {unknown} What `onListen` throws; the server is shut down before
 *
 * @example Echo
 * ```ts
 * import { dial, serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve(async (conn) => {
 *   for await (const message of conn) {
 *     await conn.writeMessage(message.type, message.data);
 *   }
 * }, { port: 0, hostname: "127.0.0.1" });
 *
 * const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}/`);
 * await conn.send("hello");
 * assertEquals((await conn.readMessage()).data, "hello");
 * await conn.close();
 * ```
 */
export async function serve(
  onConn: OnConn,
  options: ServeOptions = {},
): Promise<Server> {
  const { signal, engine = "wire" } = options;
  signal?.throwIfAborted();
  if (engine !== "wire" && engine !== "native") {
    throw new TypeError(
      `Cannot serve on engine ${
        JSON.stringify(engine)
      }: use "wire" or "native"`,
    );
  }
  const server = new WebSocketServer(onConn, options);
  await server.listen(engine);
  return server;
}
