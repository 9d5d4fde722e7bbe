import { readOptions } from "../base/options.ts";
import { checkCallbacks } from "./upgrader_options.ts";
import type { Routes } from "./routes.ts";
import type { OnConn } from "./run_handler.ts";
import {
  SERVE_OPTIONS,
  type ServeOptions,
  type Server,
} from "./serve_options.ts";
import { WebSocketServer } from "./websocket_server.ts";

export type { ServeOptions, Server } from "./serve_options.ts";

/**
 * Serves WebSocket connections, and HTTP on the same port.
 *
 * @typeParam Data What the `authorize` of the Upgrader hands over, for the
 * `data` of connections
 * @param onConn The handler, called with each connection; or routes, handlers by
 * path: an upgrade that matches none is answered with 404
 * @param options Where to listen, on which engine, and the rest
 * @returns The server, which is listening
 * @throws {Error} If it cannot listen on the address; the message names the
 * address and the system's reason, such as `EADDRINUSE`, or the permission that
 * Deno lacks, and `cause` is the original error
 * @throws {UnsupportedError} If the engine is native and the runtime has none,
 * if the engine lacks what the Upgrader requires, if it cannot enforce
 * `maxConns`, or if a route is a pattern and the runtime has no `URLPattern`
 * @throws {TypeError} If the path does not begin with a slash or has a query, or
 * stands beside routes, if a route is bad, if the engine or an option is
 * unknown, if an option is of the wrong type, or if `port` or `maxConns` is not a number
 * @throws {RangeError} If `port` is not 0 to 65535, or `maxConns` is not a
 * positive integer
 * @throws {unknown} Whatever `onListen` throws, once the server has been shut
 * down
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
export async function serve<Data = unknown>(
  onConn: OnConn<Data> | Routes<Data>,
  options?: ServeOptions<Data>,
): Promise<Server<Data>> {
  const read = readOptions(options, SERVE_OPTIONS);
  checkCallbacks(read, ["fetch", "onListen", "onError", "onRefused"]);
  const { signal, engine = "wire" } = read;
  signal?.throwIfAborted();
  if (engine !== "wire" && engine !== "native") {
    throw new TypeError(
      `Cannot serve on engine ${
        JSON.stringify(engine)
      }: use "wire" or "native"`,
    );
  }
  const server = new WebSocketServer(onConn, read);
  await server.listen(engine);
  return server;
}
