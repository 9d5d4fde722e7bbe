import type { Conn } from "./conn/conn.ts";
import { milliseconds } from "./conn/options.ts";
import { formatCloseMessage } from "./close.ts";
import { defaultResponse } from "./handshake/refusal.ts";
import { hasToken } from "./handshake/tokens.ts";
import { nativeEngine } from "./native.ts";
import { type OnConn, reportError, runConn } from "./run_conn.ts";
import { listenOnBun } from "./runtime/bun/listen.ts";
import { listenOnDeno } from "./runtime/deno/listen.ts";
import { nativeRuntime } from "./runtime/detect.ts";
import { listenOnNode } from "./runtime/node/listen.ts";
import type {
  Listener,
  ListenOptions,
  TLSCertificate,
} from "./transport/listener.ts";
import type { Addr, Engine } from "./transport/transport.ts";
import { Upgrader, upgradeRequired, wireUpgrades } from "./upgrader.ts";
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

class WebSocketServer implements Server {
  readonly conns: Set<Conn> = new Set();
  readonly #onConn: OnConn;
  readonly #options: ServeOptions;
  readonly #upgrader: Upgrader;
  readonly #path: string | undefined;
  readonly #finished: PromiseWithResolvers<void> = Promise.withResolvers();
  #listener!: Listener;
  #stopping = false;

  constructor(onConn: OnConn, options: ServeOptions) {
    this.#onConn = onConn;
    this.#options = options;
    const { upgrader, path } = options;
    this.#upgrader = upgrader instanceof Upgrader
      ? upgrader
      : new Upgrader(upgrader);
    this.#path = path === undefined ? undefined : normalPath(path);
  }

  get addr(): Addr {
    return this.#listener.addr;
  }

  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  async listen(engine: Engine): Promise<void> {
    const { port = 8000, hostname = "0.0.0.0", tls, signal } = this.#options;
    const where: ListenOptions = {
      port,
      hostname,
      tls,
      onError: (error) => this.#report(error, undefined),
    };
    this.#listener = engine === "wire"
      ? await this.#listenOnWire(where)
      : this.#listenOnNative(where);
    const abort = () => this.shutdown();
    signal?.addEventListener("abort", abort, { once: true });
    this.finished.then(() => signal?.removeEventListener("abort", abort));
    try {
      signal?.throwIfAborted();
      this.#options.onListen?.(this.addr);
    } catch (error) {
      await this.shutdown();
      throw error;
    }
  }

  async shutdown(options: ShutdownOptions = {}): Promise<void> {
    const { code = 1001, reason = "", timeout = 5_000 } = options;
    if (code === 1005) {
      throw new RangeError(
        "Cannot close connections with code 1005: it is none",
      );
    }
    formatCloseMessage(code, reason);
    milliseconds("timeout", timeout);
    if (!this.#stopping) {
      this.#stopping = true;
      await this.#stop(code, reason, timeout);
      this.#finished.resolve();
    }
    await this.finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #stop(code: number, reason: string, timeout: number): Promise<void> {
    const listener = this.#listener;
    const timer = setTimeout(() => {
      for (const conn of this.conns) conn.terminate();
      listener.cut();
    }, timeout);
    const stopped = listener.stopEndsConns ? undefined : listener.stop();
    await Promise.all(Array.from(this.conns, (conn) => {
      conn.close(code, reason, { timeout });
      return conn.closed;
    }));
    await (stopped ?? listener.stop());
    clearTimeout(timer);
  }

  #listenOnWire(where: ListenOptions): Promise<Listener> {
    const upgrades = wireUpgrades(this.#upgrader);
    const refuse = (request: Request) => this.#refusal(request);
    return listenOnNode({
      ...where,
      headTimeout: upgrades.handshakeTimeout,
      isUpgrade: (header) => hasToken(header, "websocket"),
      fetch: (request) =>
        asksForWebSocket(request)
          ? refuse(request) ?? upgrades.refuse(request)
          : this.#fetch(request),
      upgrade: async (message, socket, head) => {
        const upgraded = await upgrades.upgrade(message, socket, head, refuse);
        if (upgraded === undefined) return;
        const { conn, request } = upgraded;
        runConn(conn, request, this.#take, this.#report);
      },
    });
  }

  #listenOnNative(where: ListenOptions): Listener {
    nativeEngine();
    const handler = this.#upgrader.handler(this.#take, {
      fetch: (request) => this.#fetch(request),
      onError: this.#report,
    });
    const fetch: typeof handler.fetch = (request, target) => {
      const refusal = asksForWebSocket(request) || this.#stopping
        ? this.#refusal(request)
        : undefined;
      return refusal ?? handler.fetch(request, target);
    };
    return nativeRuntime() === "deno"
      ? listenOnDeno({ ...where, fetch })
      : listenOnBun({ ...where, fetch, websocket: handler.websocket });
  }

  // What refuses an upgrade before the Upgrader is asked, and behind it.
  #refusal(request: Request): Response | undefined {
    if (this.#stopping) return defaultResponse({ status: 503 });
    const path = this.#path;
    if (path !== undefined && new URL(request.url).pathname !== path) {
      return defaultResponse({ status: 404 });
    }
    return undefined;
  }

  readonly #take: OnConn = (conn, request) => {
    // A native upgrade that had begun before the end did.
    if (this.#stopping) {
      conn.close(1001);
      return;
    }
    this.conns.add(conn);
    conn.closed.then(() => this.conns.delete(conn));
    return this.#onConn(conn, request);
  };

  #fetch(request: Request): Response | Promise<Response> {
    const { fetch } = this.#options;
    return fetch === undefined ? upgradeRequired() : fetch(request);
  }

  readonly #report = (error: unknown, conn: Conn | undefined): void => {
    reportError(error, conn, this.#options.onError);
  };
}

function asksForWebSocket(request: Request): boolean {
  return hasToken(request.headers.get("upgrade"), "websocket");
}

/** The path as it stands in the URLs of requests. */
function normalPath(path: string): string {
  if (!path.startsWith("/") || /[?#]/.test(path)) {
    throw new TypeError(
      `Cannot serve path ${
        JSON.stringify(path)
      }: it must begin with a slash and have no query`,
    );
  }
  return new URL(`http://localhost${path}`).pathname;
}
