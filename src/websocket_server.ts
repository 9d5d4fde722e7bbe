import { formatCloseMessage } from "./close.ts";
import { type Conn, whenEnded } from "./conn/conn.ts";
import { milliseconds } from "./conn/options.ts";
import { CloseSentError } from "./errors.ts";
import { joinHostPort } from "./handshake/host_port.ts";
import { defaultResponse } from "./handshake/refusal.ts";
import { hasToken } from "./handshake/tokens.ts";
import { nativeEngine } from "./native.ts";
import { type OnConn, reportError, runConn } from "./run_conn.ts";
import { listenOnBun } from "./runtime/bun/listen.ts";
import { listenOnDeno } from "./runtime/deno/listen.ts";
import { nativeRuntime } from "./runtime/detect.ts";
import { listenOnNode } from "./runtime/node/listen.ts";
import type { ServeOptions, Server, ShutdownOptions } from "./serve_options.ts";
import type { Listener, ListenOptions } from "./transport/listener.ts";
import type { Engine } from "./transport/transport.ts";
import { Upgrader, upgradeRequired, wireUpgrades } from "./upgrader.ts";

/** What `serve` makes: a listener on one of the engines, and its connections. */
export class WebSocketServer implements Server {
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

  get addr(): Server["addr"] {
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
    try {
      this.#listener = engine === "wire"
        ? await this.#listenOnWire(where)
        : this.#listenOnNative(where);
    } catch (error) {
      throw listenError(error, where);
    }
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
    whenEnded(conn, () => this.conns.delete(conn));
    return this.#onConn(conn, request);
  };

  #fetch(request: Request): Response | Promise<Response> {
    const { fetch } = this.#options;
    return fetch === undefined ? upgradeRequired() : fetch(request);
  }

  readonly #report = (error: unknown, conn: Conn | undefined): void => {
    // Of a write that the shutdown has overtaken: no mistake of the handler.
    if (this.#stopping && error instanceof CloseSentError) return;
    reportError(error, conn, this.#options.onError);
  };
}

/** What the system refuses, alike on every runtime; anything else as it is. */
function listenError(
  error: unknown,
  { hostname, port }: ListenOptions,
): unknown {
  const { code } = error as { code?: unknown };
  if (typeof code !== "string" || !/^E[A-Z]+$/.test(code)) return error;
  return new Error(
    `Cannot listen on ${joinHostPort(hostname, port)}: ${code}`,
    {
      cause: error,
    },
  );
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
