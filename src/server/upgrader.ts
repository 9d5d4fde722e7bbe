// One class; past 300 lines because of its documentation.

import { isInstance } from "../base/user_values.ts";
import type { Conn } from "../conn/conn.ts";
import { createConn } from "../conn/create_conn.ts";
import {
  type ConnSettings,
  connSettings,
  milliseconds,
} from "../conn/options.ts";
import { acceptOffers, type Agreement } from "../deflate/negotiation.ts";
import { brandOf } from "../base/brands.ts";
import {
  type CompressionSettings,
  compressionSettings,
} from "../deflate/options.ts";
import { UnsupportedError } from "../errors.ts";
import type { HandshakeError } from "../peer_errors.ts";
import type { HeadersLike } from "../handshake/headers.ts";
import {
  clientGone,
  defaultResponse,
  handshakeError,
  refusalOf,
} from "../handshake/refusal.ts";
import {
  type AcceptOptions,
  type Approved,
  approveUpgrade,
  type Refused,
} from "../handshake/server.ts";
import { hasToken } from "../handshake/tokens.ts";
import { withinTimeout } from "./callback_timeout.ts";
import { ConnGroup } from "./conn_group.ts";
import { type Endpoint, endpointOf, unknownAt } from "./endpoint.ts";
import { type NativeEngine, nativeEngine } from "./native_upgrade.ts";
import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../base/options.ts";
import { bunHandler } from "../runtime/bun/handler.ts";
import type { BunServer, BunWebSocketHandler } from "../runtime/bun/types.ts";
import type { DenoServeInfo } from "../runtime/deno/types.ts";
import { type AnyMessage, isHttp2 } from "../runtime/http/http2_request.ts";
import { remoteAddress } from "../runtime/sockets/address.ts";
import type {
  Duplex,
  Http2ServerRequest,
  Http2ServerResponse,
  IncomingMessage,
} from "../runtime/sockets/types.ts";
import type { FetchInfo } from "../transport/fetch_info.ts";
import type { Capabilities } from "../transport/transport.ts";
import { isWellFormed } from "../handshake/upgrade_request.ts";
import { socketOf, upgradeOnStream } from "./http2_upgrade.ts";
import { verdictOn } from "./listener_path.ts";
import {
  FaultsByHand,
  type OnRefused,
  publishRefusal,
  tellRefusal,
  type Told,
} from "./refusals.ts";
import type { Routes } from "./routes.ts";
import {
  type OnConn,
  type OnError,
  reportError,
  runConn,
} from "./run_handler.ts";
import { AddressLimit, checkMost } from "./address_limit.ts";
import { TrustedProxies } from "./client_addr.ts";
import { type AddressRules, Visit } from "./visit.ts";
import { readShutdown, type ShutdownOptions } from "./shutdown_options.ts";
import {
  type RefuseCallback,
  type SocketUpgrade,
  type SocketUpgradeOptions,
  upgradeOnSocket,
} from "./wire_upgrade.ts";
import {
  checkCallbacks,
  checkUpgraderOptions,
  UPGRADER_OPTIONS,
  type UpgraderOptions,
} from "./upgrader_options.ts";
import { WIRE_CAPABILITIES } from "../wire/wire_transport.ts";

/** Options of {@linkcode Upgrader.handler}. */
export interface HandlerOptions {
  /**
   * Answers the requests that do not ask for WebSocket. Default: 426 Upgrade
   * Required.
   *
   * @param request The request
   * @param info The runtime's second argument, as it was given
   * @returns The answer
   */
  fetch?(request: Request, info: FetchInfo): Response | Promise<Response>;
  /**
   * Called with what the connections' handler threw and its connection; and,
   * without a connection, with what the Upgrader's callbacks, `fetch` and
   * `onRefused` threw.
   *
   * @default {console.error}
   */
  readonly onError?: OnError;
  /** Called for each refused upgrade, with the reason. Default: none. */
  readonly onRefused?: OnRefused;
}

/** Options of {@linkcode Upgrader.upgrade}. */
export interface UpgradeOptions {
  /**
   * Headers of the 101 (gorilla's `responseHeader`), such as Set-Cookie.
   * Default: none.
   */
  readonly headers?: HeadersLike;
}

/**
 * What {@linkcode Upgrader.handler} returns: for `export default`, `Bun.serve`
 * and `Deno.serve`.
 */
export interface Handler {
  /**
   * Answers a request.
   *
   * @param request The request that the runtime passed
   * @param target The runtime's second argument: Deno's info, Bun's server
   * @returns The answer
   */
  readonly fetch: (
    request: Request,
    target?: DenoServeInfo | BunServer,
  ) => Response | Promise<Response>;
  /** For the `websocket` option of `Bun.serve`. */
  readonly websocket: BunWebSocketHandler;
}

/**
 * What {@linkcode Upgrader.upgrade} returns for an upgrade that went through.
 *
 * @typeParam Data What the `authorize` of the Upgrader hands over
 */
export interface Upgraded<Data = unknown> {
  /** The connection, usable at once. */
  readonly conn: Conn<Data>;
  /** What the runtime's handler must return. */
  readonly response: Response;
}

/** What {@linkcode Upgrader.upgrade} returns for a refused upgrade. */
export interface UpgradeRefused {
  /** No connection. */
  readonly conn?: undefined;
  /** What the runtime's handler must return: the refusal. */
  readonly response: Response;
  /** Why it was refused; the client is not told. */
  readonly error: HandshakeError;
}

/** Options of {@linkcode Upgrader.upgradeSocket}. */
export interface UpgradeSocketOptions extends UpgradeOptions {
  /**
   * Called if the upgrade is refused, with the reason; where a callback of the
   * Upgrader threw, `cause` is what it threw. Errors that reach nobody else go
   * to `console.error`. Default: none.
   */
  readonly onRefused?: OnRefused;
}

/** Options of {@linkcode Upgrader.listener}. */
export interface ListenerOptions {
  /**
   * Called with what the connections' handler threw and its connection; and,
   * without a connection, with what the Upgrader's callbacks, `path` and
   * `onRefused` threw.
   *
   * @default {console.error}
   */
  readonly onError?: OnError;
  /** Called for each refused upgrade, with the reason. Default: none. */
  readonly onRefused?: OnRefused;
  /**
   * Which upgrades are the listener's: those to a path, given without a query,
   * or those for whose URL a function returns `true`. All others are left to
   * the server's other listeners, such as a development server's own. If there
   * are none, or they are listeners with a `path` as well and leave it, too,
   * the answer is 404. If the function throws, it is 500. Routes have paths of
   * their own, and leave what matches none in the same way. Default: all
   * upgrades, also those that other listeners expect.
   */
  readonly path?: string | ((url: URL) => boolean);
}

const HANDLER_OPTIONS: OptionsOf<HandlerOptions> = declareOptions({
  what: "handler()",
  use: "upgrader.handler(onConn, { … })",
  names: { fetch: true, onError: true, onRefused: true },
  beside: UPGRADER_OPTIONS,
});

const LISTENER_OPTIONS: OptionsOf<ListenerOptions> = declareOptions({
  what: "listener()",
  use: "upgrader.listener(onConn, { … })",
  names: { onError: true, onRefused: true, path: true },
  beside: UPGRADER_OPTIONS,
});

const UPGRADE_OPTIONS: OptionsOf<UpgradeOptions> = declareOptions({
  what: "upgrade()",
  use: "upgrader.upgrade(request, target, { … })",
  names: { headers: true },
  beside: UPGRADER_OPTIONS,
});

const UPGRADE_SOCKET_OPTIONS: OptionsOf<UpgradeSocketOptions> = declareOptions({
  what: "upgradeSocket()",
  use: "upgrader.upgradeSocket(request, socket, head, { … })",
  names: { headers: true, onRefused: true },
  beside: UPGRADER_OPTIONS,
});

/**
 * A listener for the upgrade event of a `node:http` or `node:https` server, and
 * for the connect event of a `node:http2` server.
 */
export interface UpgradeListener {
  /** Of HTTP/1.1. */
  (request: IncomingMessage, socket: Duplex, head: Uint8Array): void;
  /** Of HTTP/2. */
  (request: Http2ServerRequest, response: Http2ServerResponse): void;
}

/** What `serve` needs from an Upgrader on the wire engine. */
export interface WireUpgrades<Data> {
  /** Milliseconds that a handshake may take. */
  readonly handshakeTimeout: number;
  /** Upgrades on the socket of an upgrade event, unless `refuse` refuses. */
  upgrade(
    message: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    refuse: RefuseCallback,
    told: Told,
  ): Promise<SocketUpgrade<Data> | undefined>;
  /** The refusal of an upgrade request that came without an upgrade event. */
  refuse(
    request: Request,
    report: (error: unknown) => void,
  ): Promise<HandshakeError>;
}

/** All connections of an Upgrader; a server's are a part of them. */
export let groupOf: <Data>(upgrader: Upgrader<Data>) => ConnGroup<Data>;

/**
 * The Upgrader's part in `serve`, for the connections of a group.
 *
 * @throws {UnsupportedError} If the wire engine lacks what the option `require`
 * names
 */
export let wireUpgrades: <Data>(
  upgrader: Upgrader<Data>,
  group: ConnGroup<Data>,
) => WireUpgrades<Data>;

/**
 * The same on the native engine: an Upgrader's `handler()`.
 *
 * @throws {UnsupportedError} As `handler()`
 */
export let nativeHandler: <Data>(
  upgrader: Upgrader<Data>,
  group: ConnGroup<Data>,
  endpoint: Endpoint<Data>,
  options: HandlerOptions | undefined,
) => Handler;

const OPTIONS = brandOf("Upgrader");

/**
 * The Upgrader given; or one with the options given. If it is an Upgrader of
 * another copy of the package, one of ours with the options of that.
 *
 * @throws {RangeError} As {@linkcode Upgrader}'s constructor
 * @throws {TypeError} As {@linkcode Upgrader}'s constructor
 */
export function toUpgrader<Data>(
  upgrader: Upgrader<Data> | UpgraderOptions<Data> | undefined,
): Upgrader<Data> {
  if (isInstance<Upgrader<Data>>(upgrader, Upgrader)) return upgrader;
  // Read as options, another copy's Upgrader would have none, and so refuse
  // nobody.
  const options = (upgrader as Record<symbol, unknown> | undefined)?.[OPTIONS];
  return new Upgrader(
    typeof options === "function" ? options.call(upgrader) : upgrader,
  );
}

/**
 * Upgrades HTTP requests to WebSocket connections (gorilla's `Upgrader`). One
 * serves any number of requests, servers and runtimes.
 *
 * @example A server on Deno and Bun
 * ```ts
 * import { dial, Upgrader } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const upgrader = new Upgrader({ readLimit: 64 * 1024 });
 * const handler = upgrader.handler(async (conn) => {
 *   for await (const message of conn) {
 *     await conn.writeMessage(message.type, message.data);
 *   }
 * });
 *
 * // As a default export it is for `deno serve` and `bun run`; or by hand:
 * const server = Deno.serve({ port: 0, onListen() {} }, handler.fetch);
 *
 * const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}`);
 * await conn.send("Hello");
 * assertEquals((await conn.readMessage()).data, "Hello");
 * await conn.close();
 * await server.shutdown();
 * ```
 *
 * @typeParam Data What `authorize` hands over, for the `data` of connections
 */
export class Upgrader<Data = unknown> {
  readonly #options: UpgraderOptions<Data>;
  readonly #group: ConnGroup<Data> = new ConnGroup();
  #end: Promise<void> | undefined;
  readonly #settings: ConnSettings;
  readonly #handshakeTimeout: number;
  readonly #compression: CompressionSettings | undefined;
  readonly #addresses: AddressRules;
  #websocket: BunWebSocketHandler | undefined;

  /**
   * Makes an Upgrader.
   *
   * @param options The options; later changes to them have no effect
   * @throws {RangeError} If a limit or a time is out of range
   * @throws {TypeError} If a callback is not a function, a subprotocol is not a
   * token, a proxy of `trustProxy` is neither an IP address nor a range, or a
   * required capability or an option is unknown
   */
  constructor(options?: UpgraderOptions<Data>) {
    const read = readOptions(options, UPGRADER_OPTIONS);
    checkUpgraderOptions(read);
    const { subprotocols } = read;
    this.#options = typeof subprotocols === "object"
      ? Object.assign(read, { subprotocols: [...subprotocols] })
      : read;
    this.#handshakeTimeout = milliseconds(
      "handshakeTimeout",
      read.handshakeTimeout ?? 10_000,
    );
    this.#settings = connSettings(read, "server");
    this.#compression = compressionSettings(read.enableCompression);
    const { trustProxy, maxConnsPerAddress = Infinity } = read;
    const most = checkMost("maxConnsPerAddress", maxConnsPerAddress);
    this.#addresses = {
      proxies: trustProxy === undefined
        ? undefined
        : new TrustedProxies(trustProxy),
      limit: most === Infinity ? undefined : new AddressLimit(most),
    };
  }

  /**
   * The connections that are open now, whichever way they came: by `handler()`,
   * `listener()`, `upgrade()`, `upgradeSocket()` or `serve()`.
   *
   * @example To all of them
   * ```ts
   * import { dial, serve, Upgrader } from "@silverback/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * const upgrader = new Upgrader();
   * await using server = await serve((conn) => conn.closeRead(), {
   *   port: 0,
   *   upgrader,
   * });
   *
   * const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}`);
   * for (const one of upgrader.conns) one.send("news");
   * assertEquals((await conn.readMessage()).data, "news");
   * await conn.close();
   * ```
   */
  get conns(): ReadonlySet<Conn<Data>> {
    return this.#group.conns;
  }

  /**
   * Ends everything that this Upgrader has made, whichever way it came: closes
   * each connection, with code 1001 by default, waits for the closing
   * handshakes, and cuts what is left. From now on upgrades are refused with
   * 503, and so are those whose callbacks are still at work. There is no way
   * back; later calls wait for the first.
   *
   * The server that it stands in is not the Upgrader's: it goes on, and answers
   * other requests. Of `serve()`, {@linkcode Server.shutdown} ends the server
   * and its share of the connections.
   *
   * @param options Code, reason and time
   * @throws {RangeError} If the code is not a close code, or the timeout is out
   * of range
   * @throws {TypeError} If an option is unknown
   *
   * @example In a server of your own
   * ```ts
   * import http from "node:http";
   * import { once } from "node:events";
   * import type { AddressInfo } from "node:net";
   * import { dial, Upgrader } from "@silverback/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * const upgrader = new Upgrader();
   * const server = http.createServer();
   * server.on("upgrade", upgrader.listener((conn) => conn.closeRead()));
   * await once(server.listen(0, "127.0.0.1"), "listening");
   *
   * const { port } = server.address() as AddressInfo;
   * const { conn } = await dial(`ws://127.0.0.1:${port}`);
   *
   * server.close(); // accepts no more
   * const ended = upgrader.shutdown({ code: 1012, reason: "new version" });
   * assertEquals((await conn.closed).reason, "new version");
   * await ended;
   * assertEquals(upgrader.conns.size, 0);
   * ```
   */
  async shutdown(options?: ShutdownOptions): Promise<void> {
    const farewell = readShutdown(options);
    if (this.#end === undefined) {
      this.#end = this.#group.end(farewell, "the Upgrader has been shut down");
    }
    await this.#end;
  }

  /**
   * Makes a handler: a default export for `deno serve` and `bun run`, options
   * for `Bun.serve`, or, by its `fetch`, the handler for `Deno.serve`. A
   * request whose Upgrade header names websocket is upgraded on the runtime's
   * own WebSocket, or refused; `options.fetch` answers all others.
   *
   * Nothing that user code throws stops the server: it goes to
   * `options.onError`, and if it came from a callback of the Upgrader or from
   * `options.fetch`, the answer is 500. On Deno that does not hold for code around
   * the handler, such as middleware: if that throws, or answers otherwise, once
   * `fetch` has returned the 101, Deno closes its listener. A request whose target or Host is
   * malformed is answered with 400; no callback is called for it.
   *
   * @param onConn The handler, called with each connection; or routes: an
   * upgrade that matches none is answered with 404
   * @param options Callbacks for other requests, errors and refusals
   * @returns The handler
   * @throws {UnsupportedError} If the runtime has no WebSocket server of its
   * own, or it lacks what the option `require` names
   * @throws {TypeError} If an option is unknown, a callback is not a function, or
   * a route is bad
   *
   * @example Beside other requests
   * ```ts
   * import { Upgrader } from "@silverback/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * const upgrader = new Upgrader();
   * const handler = upgrader.handler((conn) => conn.send("hello"), {
   *   fetch: () => new Response("Use WebSocket\n"),
   * });
   *
   * // Bun.serve({ port: 8000, ...handler }), or, on Deno:
   * const server = Deno.serve({ port: 0, onListen() {} }, handler.fetch);
   * const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
   * assertEquals(await response.text(), "Use WebSocket\n");
   * await server.shutdown();
   * ```
   */
  handler(
    onConn: OnConn<Data> | Routes<Data>,
    options?: HandlerOptions,
  ): Handler {
    return this.#handler(this.#group, endpointOf(onConn), options);
  }

  #handler(
    group: ConnGroup<Data>,
    endpoint: Endpoint<Data>,
    options: HandlerOptions | undefined,
  ): Handler {
    const engine = this.#engine();
    const read = readOptions(options, HANDLER_OPTIONS);
    checkCallbacks(read, ["fetch", "onError", "onRefused"]);
    const { fetch = upgradeRequired, onError, onRefused } = read;
    const told = { onError: group.reporter(onError), onRefused };
    return {
      fetch: (request, target) => {
        if (!isWellFormed(request)) return defaultResponse({ status: 400 });
        return hasToken(request.headers.get("upgrade"), "websocket")
          ? this.#handle(engine, request, target, group, endpoint, told)
          : answered(fetch, request, target, onError);
      },
      websocket: this.websocket,
    };
  }

  /**
   * Upgrades a request by hand (gorilla's `Upgrade`), on the runtime's own
   * WebSocket: in a handler of `Deno.serve`, or of `Bun.serve` with the
   * {@linkcode Upgrader.websocket} of an Upgrader. A request that must be
   * refused gives no connection, but the reason in `error`. There is no
   * `onError` here: where a callback threw, `error.cause` is what it threw;
   * what one throws after the timeout goes to `console.error`.
   *
   * The handler must return `response`, whatever it is. Once the request has
   * been upgraded, it must not throw: on Deno that closes the listener, on Bun
   * it ends the process. Do what may throw before the upgrade, or inside a
   * `try`. The request must be the one that the runtime passed, not a copy.
   *
   * The connection can be used at once; what is sent goes out after the 101. A
   * connection whose response is not returned ends after `handshakeTimeout`.
   *
   * @param request The request
   * @param target The runtime's second argument: Deno's info, which may be left
   * out, or Bun's server
   * @param options Headers of the 101
   * @returns The connection and the response, or the refusal
   * @throws {UnsupportedError} If the runtime has no WebSocket server of its
   * own, or it lacks what the option `require` names
   * @throws {TypeError} If an option is unknown, or Bun's server is missing; if
   * the server's `websocket` has a smaller read limit than this Upgrader: the
   * connection has then been cut; or if that `websocket` is not an Upgrader's:
   * Bun has then opened the connection for it, and only it can close it
   *
   * @example By hand
   * ```ts
   * import { dial, Upgrader } from "@silverback/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * const upgrader = new Upgrader();
   *
   * // On Bun:
   * // Bun.serve({
   * //   fetch: (request, server) => …,
   * //   websocket: upgrader.websocket,
   * // });
   * const server = Deno.serve(
   *   { port: 0, onListen() {} },
   *   async (request, info) => {
   *     const { conn, response } = await upgrader.upgrade(request, info);
   *     conn?.send("hello").then(() => conn.close());
   *     return response;
   *   },
   * );
   *
   * const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}`);
   * assertEquals((await conn.readMessage()).data, "hello");
   * await conn.closed;
   * await server.shutdown();
   * ```
   */
  async upgrade(
    request: Request,
    target?: DenoServeInfo | BunServer,
    options?: UpgradeOptions,
  ): Promise<Upgraded<Data> | UpgradeRefused> {
    const { headers } = readOptions(options, UPGRADE_OPTIONS);
    const faults = new FaultsByHand();
    const attempt = await this.#attempt(
      this.#engine(),
      request,
      target,
      this.#group,
      faults.report,
      headers,
    );
    faults.settle(attempt.conn === undefined ? attempt.error : undefined);
    if (attempt.conn === undefined) {
      publishRefusal(attempt.error, request);
      return attempt;
    }
    const { conn, response, fault } = attempt;
    if (fault !== undefined) throw fault;
    return { conn, response };
  }

  /**
   * For the `websocket` option of `Bun.serve`, with the limits of this
   * Upgrader. A server has one, which may serve the connections of several
   * Upgraders. Its `readLimit` holds for all of them, so it must be that of the
   * Upgrader with the largest: {@linkcode Upgrader.upgrade} throws a
   * `TypeError` if its own is larger.
   */
  get websocket(): BunWebSocketHandler {
    return this.#websocket ??= bunHandler({
      readLimit: this.#settings.readLimit,
      writeLimit: this.#settings.writeLimit,
      compression: this.#compression !== undefined,
    });
  }

  /**
   * Makes a listener for the upgrade event of a `node:http` or `node:https`
   * server, on Deno, Bun and Node. The wire engine carries the connections. The
   * listener answers refused upgrades and handles every error of the socket.
   *
   * It is also for the connect event of a `node:http2` server, where each
   * WebSocket is a stream of a session (RFC 8441). Such a server needs the
   * setting `enableConnectProtocol` and a listener of its request event; without
   * the setting `maxConcurrentStreams` a session may have any number of streams.
   * A CONNECT that is not for WebSocket is left to the event's other listeners;
   * if there are none, it is answered with 501.
   *
   * Without the option `path` it answers every upgrade of the server. A socket
   * has one owner: if another listener, `upgradeSocket()` or `socketStream()`
   * has taken it, it is left alone, and `onError` is called.
   *
   * @param onConn The handler, called with each connection; or routes, in place
   * of the option `path`
   * @param options Which upgrades are its own, and callbacks for errors and
   * refusals
   * @returns The listener; its `this` must be the server, as for every event
   * @throws {UnsupportedError} If the wire engine lacks what the option
   * `require` names
   * @throws {TypeError} If an option is unknown, a callback is not a function,
   * `path` is neither a path nor a
   * function or stands beside routes, or a route is bad
   *
   * @example Beside other requests
   * ```ts
   * import http from "node:http";
   * import { once } from "node:events";
   * import type { AddressInfo } from "node:net";
   * import { dial, Upgrader } from "@silverback/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * const server = http.createServer((_request, response) => {
   *   response.end("Use WebSocket\n");
   * });
   * const upgrader = new Upgrader();
   * server.on("upgrade", upgrader.listener((conn) => conn.send("hello")));
   * await once(server.listen(0, "127.0.0.1"), "listening");
   *
   * const { port } = server.address() as AddressInfo;
   * const { conn } = await dial(`ws://127.0.0.1:${port}`);
   * assertEquals((await conn.readMessage()).data, "hello");
   * await conn.closed;
   * await once(server.close(), "close"); // waits for its end, too
   * ```
   */
  listener(
    onConn: OnConn<Data> | Routes<Data>,
    options?: ListenerOptions,
  ): UpgradeListener {
    this.#requireWire();
    const read = readOptions(options, LISTENER_OPTIONS);
    checkCallbacks(read, ["onError", "onRefused"]);
    const { onError, onRefused, path } = read;
    const endpoint = endpointOf(onConn, path);
    const told = { onError: this.#group.reporter(onError), onRefused };
    const plan = planOf(told);
    const run = async (
      server: unknown,
      message: AnyMessage,
      carrier: Duplex | Http2ServerResponse,
      head: Uint8Array | undefined,
    ): Promise<void> => {
      try {
        const timeout = this.#handshakeTimeout;
        const socket = socketOf(server, message, carrier, timeout);
        if (socket === undefined) return;
        const verdict = endpoint.all
          ? {}
          : verdictOn(endpoint, plan.report, server, message, socket);
        if (verdict === "leave") return;
        const upgraded = await this.#onSocket(message, socket, head, {
          ...plan,
          group: this.#group,
          refuse: () => verdict.error,
        });
        if (upgraded === undefined || !upgraded.taken) return;
        const { conn, request } = upgraded;
        const found = verdict.found ?? endpoint.find(request);
        if (found === undefined) return;
        runConn(conn, request, found.onConn, told.onError, found.info);
      } catch (error) {
        plan.report(error);
      }
    };
    return function (
      this: unknown,
      message: AnyMessage,
      carrier: Duplex | Http2ServerResponse,
      head?: Uint8Array,
    ) {
      run(this, message, carrier, head);
    };
  }

  /**
   * Upgrades by hand on the upgrade event of a `node:http` or `node:https`
   * server, on Deno, Bun and Node; the wire engine carries the connection. A
   * refused upgrade is answered, `options.onRefused` is called, and the socket
   * is closed; a peer that neither reads nor closes is cut after
   * `handshakeTimeout`.
   *
   * @param message The request
   * @param socket Its socket, which is the connection's from now on
   * @param head What the client sent after its request, which is read first
   * @param options Headers of the 101, and a callback for a refusal
   * @returns The connection; `undefined` if the upgrade was refused or the
   * client has gone
   * @throws {UnsupportedError} If the wire engine lacks what the option
   * `require` names
   * @throws {DOMException} `InvalidStateError` if the socket already belongs to
   * another connection; it is left alone
   * @throws {TypeError} If an option is unknown, `onRefused` is not a function, or
   * `head` is not bytes
   *
   * @example By hand
   * ```ts
   * import http from "node:http";
   * import { once } from "node:events";
   * import type { AddressInfo } from "node:net";
   * import { dial, Upgrader } from "@silverback/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * const upgrader = new Upgrader();
   * const server = http.createServer();
   * server.on("upgrade", async (request, socket, head) => {
   *   const conn = await upgrader.upgradeSocket(request, socket, head, {
   *     headers: { "Set-Cookie": "seen=1" },
   *   });
   *   await conn?.close(1000, "hello");
   * });
   * await once(server.listen(0, "127.0.0.1"), "listening");
   *
   * const { port } = server.address() as AddressInfo;
   * const { conn, response } = await dial(`ws://127.0.0.1:${port}`);
   * assertEquals(response.headers.getSetCookie(), ["seen=1"]);
   * assertEquals((await conn.closed).reason, "hello");
   * await once(server.close(), "close"); // waits for its end, too
   * ```
   */
  async upgradeSocket(
    message: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    options?: UpgradeSocketOptions,
  ): Promise<Conn<Data> | undefined> {
    this.#requireWire();
    const read = readOptions(options, UPGRADE_SOCKET_OPTIONS);
    checkCallbacks(read, ["onRefused"]);
    const { headers, onRefused } = read;
    const faults = new FaultsByHand();
    const upgraded = await this.#onSocket(message, socket, head, {
      group: this.#group,
      headers,
      report: faults.report,
      refused: (error, request) => {
        faults.settle(onRefused && error);
        return tellRefusal(error, request, { onError: undefined, onRefused });
      },
    });
    faults.settle(undefined);
    return upgraded?.conn;
  }

  #requireWire(): void {
    requireCapabilities(this.#options, WIRE_CAPABILITIES, "the wire engine");
  }

  async #onSocket(
    message: AnyMessage,
    socket: Duplex,
    head: Uint8Array | undefined,
    plan: SocketPlan<Data>,
  ): Promise<SocketUpgrade<Data> | undefined> {
    const compression = this.#compression;
    const { group, headers, report, refused, refuse } = plan;
    const visit = new Visit(this.#addresses, remoteAddress(socket));
    const options: SocketUpgradeOptions<Data> = {
      group,
      accept: {
        ...this.#acceptOptions(report, headers, visit),
        negotiate: compression === undefined
          ? undefined
          : (offers) => acceptOffers(offers, compression),
      },
      inTime: (handshake) => this.#inTime(handshake, visit, group),
      compression,
      settings: this.#settings,
      remoteAddr: visit.info.remoteAddr,
      handshakeTimeout: this.#handshakeTimeout,
      refuse,
      refused: (error, request) => {
        // Its answer may take a while.
        visit.leave();
        return refused(error, request);
      },
      report,
    };
    const upgrading = isHttp2(message)
      ? upgradeOnStream(message, socket, options)
      : upgradeOnSocket(message, socket, head, options);
    return await visit.until(upgrading);
  }

  static {
    Object.defineProperty(this.prototype, OPTIONS, {
      value(this: Upgrader) {
        return this.#options;
      },
    });
    groupOf = (upgrader) => upgrader.#group;
    wireUpgrades = (upgrader, group) => {
      upgrader.#requireWire();
      return {
        handshakeTimeout: upgrader.#handshakeTimeout,
        upgrade: (message, socket, head, refuse, told) =>
          upgrader.#onSocket(message, socket, head, {
            ...planOf(told),
            group,
            refuse,
          }),
        refuse: (request, report) => upgrader.#refuse(request, report, group),
      };
    };
    nativeHandler = (upgrader, group, endpoint, options) =>
      upgrader.#handler(group, endpoint, options);
  }

  // An upgrade needs the socket, which only an upgrade event brings.
  async #refuse(
    request: Request,
    report: (error: unknown) => void,
    group: ConnGroup<Data>,
  ): Promise<HandshakeError> {
    const visit = new Visit(this.#addresses, undefined);
    const approval = await this.#approve(
      request,
      report,
      undefined,
      visit,
      group,
    );
    return approval.accepted
      ? refusalOf(400, "it came without an upgrade event of node:http")
      : approval.error;
  }

  #engine(): NativeEngine {
    const engine = nativeEngine();
    requireCapabilities(this.#options, engine.capabilities, engine.description);
    return engine;
  }

  async #handle(
    engine: NativeEngine,
    request: Request,
    target: unknown,
    group: ConnGroup<Data>,
    endpoint: Endpoint<Data>,
    told: Told,
  ): Promise<Response> {
    const { onError } = told;
    const found = group.isEnding ? undefined : endpoint.find(request);
    if (found === undefined) {
      return tellRefusal(group.refusal() ?? unknownAt(request), request, told);
    }
    const report = (error: unknown) => reportError(error, undefined, onError);
    const attempt = await this.#attempt(engine, request, target, group, report);
    if (attempt.conn === undefined) {
      return tellRefusal(attempt.error, request, told);
    }
    const { conn, response } = attempt;
    // From here on, a throw would close Deno's listener or end Bun's process.
    if (attempt.fault === undefined) {
      runConn(conn, request, found.onConn, onError, found.info);
    } else reportError(attempt.fault, conn, onError);
    return response;
  }

  async #attempt(
    engine: NativeEngine,
    request: Request,
    target: unknown,
    group: ConnGroup<Data>,
    report: (error: unknown) => void,
    headers?: HeadersLike | undefined,
  ): Promise<
    Upgraded<Data> & { fault: TypeError | undefined } | UpgradeRefused
  > {
    engine.check(target);
    if (!isWellFormed(request)) {
      return refused(refusalOf(400, "its target or Host is malformed"));
    }
    const early = group.refusal();
    if (early !== undefined) return refused(early);
    const remoteAddr = engine.remoteAddr(request, target);
    const visit = new Visit(this.#addresses, remoteAddr);
    return await visit.until(
      this.#upgrade(engine, request, target, group, report, headers, visit),
      request,
    );
  }

  async #upgrade(
    engine: NativeEngine,
    request: Request,
    target: unknown,
    group: ConnGroup<Data>,
    report: (error: unknown) => void,
    headers: HeadersLike | undefined,
    visit: Visit,
  ): Promise<
    Upgraded<Data> & { fault: TypeError | undefined } | UpgradeRefused
  > {
    const waited = await engine.turn?.() ?? false;
    const approval = await this.#approve(
      request,
      report,
      headers,
      visit,
      group,
    );
    if (!approval.accepted) return refused(approval.error);
    // A client can only have left while we waited. Otherwise we do not look, as
    // Deno prints a warning the first time.
    if ((waited || this.#asksUser) && await engine.hasGone(request)) {
      return refused(clientGone());
    }
    const late = group.refusal();
    if (late !== undefined) return refused(late);
    const settings = this.#settings;
    try {
      const { transport, response, fault } = engine.upgrade(request, target, {
        remoteAddr: visit.info.remoteAddr,
        subprotocol: approval.subprotocol,
        headers: approval.applicationHeaders,
        handshakeTimeout: this.#handshakeTimeout,
        lost: report,
        threshold: this.#compression?.threshold ?? Infinity,
        settings,
      });
      const conn = createConn(transport, settings) as Conn<Data>;
      // Nothing can have ended the group since it was asked.
      if (fault === undefined) group.take(conn, approval.data);
      else conn.terminate();
      return { conn, response, fault };
    } catch (cause) {
      // As in gorilla, a connection that cannot be taken over is answered with
      // 500.
      const refusal = {
        status: 500,
        reason: "Cannot upgrade request: the runtime refuses it",
        cause,
      };
      const { error } = this.#options;
      return refused(await handshakeError(request, refusal, error, report));
    }
  }

  #approve(
    request: Request,
    report: (error: unknown) => void,
    headers: HeadersLike | undefined,
    visit: Visit,
    group: ConnGroup<Data>,
  ): Promise<Approved<Agreement> | Refused> {
    const approval = approveUpgrade<Agreement>(request, {
      ...this.#acceptOptions(report, headers, visit),
      // Native engines negotiate by themselves; a malformed offer is still
      // refused.
      negotiate: this.#compression && (() => undefined),
    });
    return this.#inTime(approval, visit, group);
  }

  // Without user code a handshake is done in this turn of the event loop, and a
  // timer would cost 2 % of a connection.
  #inTime<T>(
    handshake: Promise<T>,
    visit: Visit,
    group: ConnGroup<Data>,
  ): Promise<T | Refused> {
    if (!this.#asksUser && this.#options.error === undefined) return handshake;
    visit.keep(handshake);
    return withinTimeout(handshake, this.#handshakeTimeout, group);
  }

  // Whether callbacks decide, which may take time.
  get #asksUser(): boolean {
    const { subprotocols, checkOrigin, authorize } = this.#options;
    return typeof subprotocols === "function" || checkOrigin !== undefined ||
      authorize !== undefined;
  }

  #acceptOptions(
    report: (error: unknown) => void,
    headers: HeadersLike | undefined,
    visit: Visit,
  ): AcceptOptions<Agreement> {
    const { subprotocols, checkOrigin, authorize, error } = this.#options;
    return {
      admit: visit.admit,
      subprotocols,
      checkOrigin: checkOrigin &&
        ((request) => checkOrigin(request, visit.info)),
      authorize: authorize && ((request) => authorize(request, visit.info)),
      error,
      headers,
      negotiate: undefined,
      report,
    };
  }
}

/**
 * Throws an UnsupportedError for the first required capability that is missing.
 */
function requireCapabilities(
  options: UpgraderOptions,
  capabilities: Capabilities,
  description: string,
): void {
  for (const name of options.require ?? []) {
    if (capabilities[name]) continue;
    throw new UnsupportedError(
      `Cannot provide the required capability ${
        JSON.stringify(name)
      }: ${description} lacks it, use serve() or listener()`,
    );
  }
}

/** The callbacks and headers of an upgrade on a socket. */
type SocketPlan<Data> =
  & Pick<
    SocketUpgradeOptions<Data>,
    "group" | "refuse" | "refused" | "report"
  >
  & { readonly headers?: HeadersLike | undefined };

function planOf(
  told: Told,
): Pick<SocketPlan<unknown>, "refused" | "report"> {
  return {
    refused: (error, request) => tellRefusal(error, request, told),
    report: (error) => reportError(error, undefined, told.onError),
  };
}

/** The answer of `fetch`, or 500 if it fails. */
async function answered(
  fetch: NonNullable<HandlerOptions["fetch"]>,
  request: Request,
  info: FetchInfo | undefined,
  onError: OnError | undefined,
): Promise<Response> {
  try {
    const response = await fetch(request, info ?? {});
    // Deno answers 500 to the client only, Bun 200 with a page of its own.
    if (!isInstance(response, Response)) {
      throw new TypeError("Cannot answer request: fetch returned no Response");
    }
    return response;
  } catch (error) {
    reportError(error, undefined, onError);
    return new Response("Internal Server Error\n", { status: 500 });
  }
}

function refused(error: HandshakeError): UpgradeRefused {
  return { response: error.response, error };
}

/** The answer to a request that does not ask for WebSocket. */
export function upgradeRequired(): Response {
  return new Response("Upgrade Required\n", {
    status: 426,
    statusText: "Upgrade Required",
    headers: {
      "Upgrade": "websocket",
      "Content-Type": "text/plain; charset=utf-8",
    },
  });
}
