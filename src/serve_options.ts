import type { Conn } from "./conn/conn.ts";
import type { TLSCertificate } from "./transport/listener.ts";
import type { Addr, Engine } from "./transport/transport.ts";
import type { Upgrader } from "./upgrader.ts";
import type { UpgraderOptions } from "./upgrader_options.ts";

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
  /**
   * The Upgrader, or the options of one: who may connect, limits and times.
   *
   * @default {new Upgrader()}
   */
  readonly upgrader?: Upgrader | UpgraderOptions;
  /**
   * Answers the requests that do not ask for WebSocket. Bodies are streamed both
   * ways; `request.signal` is aborted when the client goes; what it throws
   * answers 500, without detail. Default: 426 Upgrade Required.
   */
  readonly fetch?: (request: Request) => Response | Promise<Response>;
  /** Serves `https:` and `wss:`. Default: `http:` and `ws:`. */
  readonly tls?: TLSCertificate;
  /** Shuts the server down, as {@linkcode Server.shutdown} does. Default: none. */
  readonly signal?: AbortSignal;
  /**
   * Called once the server listens, with its address. What it throws shuts the
   * server down. Default: nothing.
   */
  readonly onListen?: (addr: Server["addr"]) => void;
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
  readonly addr: Addr & { readonly transport: "tcp" };
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
   *
   * @example In place of the defaults
   * ```ts
   * import { dial, serve } from "@silverback/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * const server = await serve((conn) => conn.send("Welcome"), { port: 0 });
   * const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}`);
   *
   * server.shutdown({ code: 1012, reason: "back in a minute", timeout: 1_000 });
   * const { wasClean } = await conn.closed;
   * assertEquals(wasClean, true);
   * await server.finished;
   * ```
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
  /** Shuts down with the defaults. */
  [Symbol.asyncDispose](): Promise<void>;
}
