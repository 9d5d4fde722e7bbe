import type { Conn } from "./conn/conn.ts";
import type { OnConn } from "./run_conn.ts";
import type { TLSCertificate } from "./transport/listener.ts";
import type { Addr, Engine } from "./transport/transport.ts";
import type { Upgrader } from "./upgrader.ts";
import type { UpgraderOptions } from "./upgrader_options.ts";
import { WebSocketServer } from "./websocket_server.ts";

/** Options of {@linkcode serve}. */
export interface ServeOptions {
  /**
   * The port; 0 for any that is free, which `server.addr` tells.
   *
   * @default {8000}
   */
  readonly port?: number;
  /**
   * The host's name or IP address to listen on.
   *
   * @default {"0.0.0.0"}
   */
  readonly hostname?: string;
  /**
   * The path of the WebSocket endpoint, without a query; an upgrade elsewhere is
   * answered 404. Default: any path.
   */
  readonly path?: string;
  /**
   * What carries the connections: our own engine, on every runtime, or the
   * runtime's own WebSocket, on Deno and Bun.
   *
   * @default {"wire"}
   */
  readonly engine?: Engine;
  /** The Upgrader, or the options of one. */
  readonly upgrader?: Upgrader | UpgraderOptions;
  /**
   * Answers the requests that do not ask for WebSocket. Bodies are streamed both
   * ways; `request.signal` is aborted when the client goes; what it throws
   * answers 500, without detail. Default: 426 Upgrade Required.
   */
  readonly fetch?: (request: Request) => Response | Promise<Response>;
  /** Serves `https:` and `wss:`. */
  readonly tls?: TLSCertificate;
  /** Shuts the server down, as {@linkcode Server.shutdown} does. */
  readonly signal?: AbortSignal;
  /** Called once the server listens. */
  readonly onListen?: (addr: Addr) => void;
  /**
   * Learns what the connections' handler has thrown, and, without a connection,
   * what `fetch` has thrown.
   *
   * @default {console.error}
   */
  readonly onError?: (error: unknown, conn?: Conn) => void;
}

/** Options of {@linkcode Server.shutdown}. */
export interface ShutdownOptions {
  /**
   * The close code that every connection gets.
   *
   * @default {1001}
   */
  readonly code?: number;
  /**
   * The close reason, at most 123 bytes of UTF-8.
   *
   * @default {""}
   */
  readonly reason?: string;
  /**
   * Milliseconds that the closing handshakes may take before what is left is
   * cut.
   *
   * @default {5_000}
   */
  readonly timeout?: number;
}

/** A WebSocket server that listens; made by {@linkcode serve}. */
export interface Server extends AsyncDisposable {
  /** Where it listens. */
  readonly addr: Addr;
  /** The connections that are open now. */
  readonly conns: ReadonlySet<Conn>;
  /** Fulfils when the server has been shut down. */
  readonly finished: Promise<void>;
  /**
   * Stops accepting, closes every connection with code 1001, waits for the
   * closing handshakes, and cuts what is left. Later calls wait for the first.
   *
   * @param options Code, reason and time
   * @throws {RangeError} If the code may not be sent, or the reason is too long
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
  /** Shuts down with the defaults. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Serves WebSocket connections, and HTTP beside them.
 *
 * @param onConn What is done with a connection
 * @param options Where to listen, on which engine, and the rest
 * @returns The server, listening
 * @throws {Error} If the address cannot be listened on
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
 * if (server.addr.transport === "tcp") {
 *   const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}/`);
 *   await conn.send("hello");
 *   assertEquals((await conn.readMessage()).data, "hello");
 *   await conn.close();
 * }
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
