import { readOptions } from "../base/options.ts";
import { isInstance, nameOf, settled } from "../base/user_values.ts";
import type { Conn } from "../conn/conn.ts";
import { UnsupportedError } from "../errors.ts";
import { joinHostPort } from "../handshake/host_port.ts";
import { defaultResponse } from "../handshake/refusal.ts";
import { hasToken } from "../handshake/tokens.ts";
import { listenOnBun } from "../runtime/bun/listen.ts";
import { listenOnDeno } from "../runtime/deno/listen.ts";
import { nativeRuntime } from "../runtime/detect.ts";
import { listenOnNode } from "../runtime/http/listen.ts";
import { listenAddress } from "../runtime/permission.ts";
import { keyPair } from "../runtime/sockets/tls_options.ts";
import type {
  Listener,
  ListenOptions,
  TLSCertificate,
} from "../transport/listener.ts";
import type { FetchInfo } from "../transport/fetch_info.ts";
import type { Engine } from "../transport/transport.ts";
import { checkMost } from "./address_limit.ts";
import { ConnGroup } from "./conn_group.ts";
import {
  type Endpoint,
  endpointOf,
  type Found,
  unknownAt,
} from "./endpoint.ts";
import { nativeEngine } from "./native_upgrade.ts";
import { tellRefusal, type Told } from "./refusals.ts";
import type { Routes } from "./routes.ts";
import { type OnConn, type OnError, runConn } from "./run_handler.ts";
import {
  type ServeOptions,
  type Server,
  TLS_CERTIFICATE,
} from "./serve_options.ts";
import { readShutdown, type ShutdownOptions } from "./shutdown_options.ts";
import {
  groupOf,
  nativeHandler,
  toUpgrader,
  type Upgrader,
  upgradeRequired,
  wireUpgrades,
} from "./upgrader.ts";

/** A listener on one of the engines, and its connections. */
export class WebSocketServer<Data> implements Server<Data> {
  readonly #options: ServeOptions<Data>;
  readonly #upgrader: Upgrader<Data>;
  readonly #group: ConnGroup<Data>;
  readonly #endpoint: Endpoint<Data>;
  readonly #report: OnError;
  readonly #hostname: string;
  readonly #port: number;
  readonly #maxConns: number;
  readonly #finished: PromiseWithResolvers<void> = Promise.withResolvers();
  #listener!: Listener;
  #stopping = false;

  constructor(
    onConn: OnConn<Data> | Routes<Data>,
    options: ServeOptions<Data>,
  ) {
    this.#options = options;
    const { upgrader, path, maxConns = Infinity } = options;
    const { hostname = "0.0.0.0", port = 8000 } = options;
    this.#upgrader = toUpgrader(upgrader);
    // Of an Upgrader that nobody else has, a connection is kept in one set.
    const all = groupOf(this.#upgrader);
    this.#group = this.#upgrader === upgrader ? new ConnGroup(all) : all;
    this.#report = this.#group.reporter(options.onError);
    this.#endpoint = endpointOf(onConn, checkPath(path));
    this.#hostname = checkHostname(hostname);
    this.#port = checkPort(port);
    this.#maxConns = checkMost("maxConns", maxConns);
  }

  get conns(): ReadonlySet<Conn<Data>> {
    return this.#group.conns;
  }

  get addr(): Server["addr"] {
    return this.#listener.addr;
  }

  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  async listen(engine: Engine): Promise<void> {
    const { signal, tls: given } = this.#options;
    const tls = given === undefined ? undefined : certificate(given);
    const hostname = this.#hostname;
    const port = this.#port;
    const how: Omit<ListenOptions, "hostname"> = {
      port,
      tls,
      onError: (error) => this.#report(error, undefined),
      onFailed: (error) => {
        this.#report(error, undefined);
        this.shutdown();
      },
    };
    try {
      const where = { ...how, hostname: await listenAddress(hostname, port) };
      this.#listener = engine === "wire"
        ? await this.#listenOnWire(where)
        : this.#listenOnNative(where);
    } catch (error) {
      throw listenError(error, joinHostPort(hostname, port));
    }
    // Never rejects: a failure to stop is reported.
    const abort = () => this.shutdown();
    signal?.addEventListener("abort", abort, { once: true });
    this.finished.then(() => signal?.removeEventListener("abort", abort));
    try {
      signal?.throwIfAborted();
      const told: unknown = this.#options.onListen?.(this.addr);
      // Its type allows an async function, which may never settle.
      settled(told).catch((error) => this.#report(error, undefined));
    } catch (error) {
      await this.shutdown();
      throw error;
    }
  }

  async shutdown(options?: ShutdownOptions): Promise<void> {
    const farewell = readShutdown(options);
    if (!this.#stopping) {
      this.#stopping = true;
      try {
        await this.#stop(farewell);
      } catch (error) {
        this.#report(error, undefined);
      }
      this.#finished.resolve();
    }
    await this.finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #stop(farewell: Required<ShutdownOptions>): Promise<void> {
    const listener = this.#listener;
    const ended = this.#group.end(farewell, "the server is shutting down");
    const timer = setTimeout(() => listener.cut(), farewell.timeout);
    try {
      const stopped = listener.stopEndsConns ? undefined : listener.stop();
      // Awaited only below: a rejection before that must not be unhandled.
      stopped?.catch(() => {});
      await ended;
      await (stopped ?? listener.stop());
    } finally {
      clearTimeout(timer);
    }
  }

  #listenOnWire(where: ListenOptions): Promise<Listener> {
    const upgrades = wireUpgrades(this.#upgrader, this.#group);
    const report = (error: unknown) => this.#report(error);
    const answer = async (request: Request) => {
      const error = this.#group.refusal() ??
        (this.#endpoint.find(request) === undefined
          ? unknownAt(request)
          : await upgrades.refuse(request, report));
      return tellRefusal(error, request, this.#told);
    };
    return listenOnNode({
      ...where,
      headTimeout: upgrades.handshakeTimeout,
      maxConns: this.#maxConns,
      isUpgrade: (header) => hasToken(header, "websocket"),
      fetch: (request, info) =>
        asksForWebSocket(request)
          ? answer(request)
          : this.#fetch(request, info),
      upgrade: async (message, socket, head) => {
        let found: Found<Data> | undefined;
        const upgraded = await upgrades.upgrade(
          message,
          socket,
          head,
          (request) => {
            found ??= this.#endpoint.find(request);
            return found === undefined ? unknownAt(request) : undefined;
          },
          this.#told,
        );
        if (upgraded === undefined || !upgraded.taken) return;
        const { conn, request } = upgraded;
        if (found === undefined) return;
        runConn(conn, request, found.onConn, this.#report, found.info);
      },
    });
  }

  #listenOnNative(where: ListenOptions): Listener {
    const { description } = nativeEngine();
    const { onRefused } = this.#options;
    if (this.#maxConns !== Infinity) {
      throw new UnsupportedError(
        `Cannot serve maxConns of ${this.#maxConns}: ${description} shows no TCP connections, use the wire engine`,
      );
    }
    const handler = nativeHandler(
      this.#upgrader,
      this.#group,
      this.#endpoint,
      {
        // The listener outlives the connections, whose end comes first.
        fetch: (request, info) =>
          this.#stopping
            ? defaultResponse({ status: 503 })
            : this.#fetch(request, info),
        onError: this.#report,
        ...(onRefused === undefined ? {} : { onRefused }),
      },
    );
    return nativeRuntime() === "deno"
      ? listenOnDeno({ ...where, fetch: handler.fetch })
      : listenOnBun({ ...where, ...handler });
  }

  get #told(): Told {
    return { onError: this.#report, onRefused: this.#options.onRefused };
  }

  #fetch(request: Request, info: FetchInfo): Response | Promise<Response> {
    const { fetch } = this.#options;
    return fetch === undefined ? upgradeRequired() : fetch(request, info);
  }
}

/** One form for what the system, its names or Deno's permissions refuse. */
function listenError(error: unknown, where: string): unknown {
  if (isInstance(error, UnsupportedError)) return error;
  const { code, message } = error as Record<string, unknown>;
  const system = typeof code === "string" && /^E[A-Z]+$/.test(code);
  return new Error(
    `Cannot listen on ${where}: ${system ? code : message}`,
    { cause: error },
  );
}

function certificate(options: TLSCertificate): TLSCertificate {
  const { cert, key } = readOptions(options, TLS_CERTIFICATE);
  // Without these the native engines listen without TLS, and node's TLS on Deno
  // takes anything, and then answers nobody.
  return keyPair(cert, key);
}

function asksForWebSocket(request: Request): boolean {
  return hasToken(request.headers.get("upgrade"), "websocket");
}

function checkPath(path: unknown): string | undefined {
  if (path === undefined || typeof path === "string") return path;
  throw new TypeError(
    `Cannot use option path: it must be a string, got ${typeof path}`,
  );
}

function checkHostname(hostname: unknown): string {
  if (typeof hostname !== "string") {
    throw new TypeError(
      `Cannot use option hostname: it must be a string, got ${
        nameOf(hostname)
      }`,
    );
  }
  // For Bun it is every interface, though it then says "localhost"; for Deno it
  // is no address.
  if (hostname === "") {
    throw new TypeError(
      'Cannot use option hostname: it is empty, use "0.0.0.0" for every IPv4 address, or leave it out',
    );
  }
  // As a URL has an IPv6 address.
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

function checkPort(port: unknown): number {
  if (typeof port !== "number") {
    throw new TypeError(
      `Cannot serve on port: it must be a number, got ${typeof port}`,
    );
  }
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new RangeError(
      `Cannot serve on port ${port}: it must be an integer from 0 to 65535, 0 for any that is free`,
    );
  }
  return port;
}
