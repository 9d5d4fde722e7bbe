// One class, and most of its lines are its documentation, hence past 300 lines.

import { type Conn, createConn } from "./conn/conn.ts";
import { type ConnSettings, connSettings } from "./conn/options.ts";
import { acceptOffers, type Agreement } from "./deflate/negotiation.ts";
import {
  type CompressionSettings,
  compressionSettings,
} from "./deflate/options.ts";
import { type HandshakeError, UnsupportedError } from "./errors.ts";
import type { HeadersLike } from "./handshake/headers.ts";
import { defaultResponse, handshakeError } from "./handshake/refusal.ts";
import {
  type AcceptOptions,
  type Approved,
  approveUpgrade,
  type Refused,
} from "./handshake/server.ts";
import { hasToken } from "./handshake/tokens.ts";
import { withinTimeout } from "./handshake_timeout.ts";
import { type NativeEngine, nativeEngine } from "./native.ts";
import { type OnConn, type OnError, reportError, runConn } from "./run_conn.ts";
import { bunHandler } from "./runtime/bun/handler.ts";
import type { BunServer, BunWebSocketHandler } from "./runtime/bun/types.ts";
import type { DenoServeInfo } from "./runtime/deno/types.ts";
import { remoteAddress } from "./runtime/node/socket_stream.ts";
import type { Duplex, IncomingMessage } from "./runtime/node/types.ts";
import type { Addr, Capabilities } from "./transport/transport.ts";
import { type SocketUpgrade, upgradeOnSocket } from "./upgrade_socket.ts";
import {
  checkUpgraderOptions,
  type UpgradeInfo,
  type UpgraderOptions,
} from "./upgrader_options.ts";
import { WIRE_CAPABILITIES } from "./wire/wire_transport.ts";

/** Options of {@linkcode Upgrader.handler}. */
export interface HandlerOptions {
  /**
   * Answers the requests that do not ask for WebSocket. Default: 426 Upgrade
   * Required.
   */
  readonly fetch?: (request: Request) => Response | Promise<Response>;
  /**
   * Learns what the connections' handler has thrown.
   *
   * @default {console.error}
   */
  readonly onError?: OnError;
}

/** Options of {@linkcode Upgrader.upgrade}. */
export interface UpgradeOptions {
  /** Headers of the 101 (gorilla's `responseHeader`), such as Set-Cookie. Default: none. */
  readonly headers?: HeadersLike;
}

/**
 * What {@linkcode Upgrader.handler} makes: for `export default`, `Bun.serve` and
 * `Deno.serve`.
 */
export interface Handler {
  /**
   * Answers a request.
   *
   * @param request The request, as the runtime has given it
   * @param target What the runtime gives beside it: Deno's info, Bun's server
   * @returns The answer
   */
  readonly fetch: (
    request: Request,
    target?: DenoServeInfo | BunServer,
  ) => Response | Promise<Response>;
  /** What `Bun.serve` wants as `websocket`. */
  readonly websocket: BunWebSocketHandler;
}

/** What {@linkcode Upgrader.upgrade} gives for an upgrade that went through. */
export interface Upgraded {
  /** The connection, usable at once. */
  readonly conn: Conn;
  /** What the runtime's handler must return. */
  readonly response: Response;
}

/** What {@linkcode Upgrader.upgrade} gives for a refused upgrade. */
export interface UpgradeRefused {
  /** No connection. */
  readonly conn?: undefined;
  /** What the runtime's handler must return: the refusal. */
  readonly response: Response;
  /** Why it was refused; the client does not get to know. */
  readonly error: HandshakeError;
}

/** Options of {@linkcode Upgrader.listener}. */
export interface ListenerOptions {
  /**
   * Learns what the connections' handler has thrown.
   *
   * @default {console.error}
   */
  readonly onError?: OnError;
}

/** A listener for the upgrade event of a `node:http` or `node:https` server. */
export type UpgradeListener = (
  request: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
) => void;

/** What `serve` needs of an Upgrader to serve on the wire engine. */
export interface WireUpgrades {
  /** Milliseconds that a handshake may take. */
  readonly handshakeTimeout: number;
  /** Upgrades on the socket of an upgrade event, unless `refuse` has an answer. */
  upgrade(
    message: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    refuse: (request: Request) => Response | undefined,
  ): Promise<SocketUpgrade | undefined>;
  /** The answer to a request for an upgrade that came without an upgrade event. */
  refuse(request: Request): Promise<Response>;
}

/**
 * The Upgrader's part in `serve`.
 *
 * @throws {UnsupportedError} If the wire engine lacks what the option `require`
 * names
 */
export let wireUpgrades: (upgrader: Upgrader) => WireUpgrades;

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
 */
export class Upgrader {
  readonly #options: UpgraderOptions;
  readonly #settings: ConnSettings;
  readonly #compression: CompressionSettings | undefined;
  #websocket: BunWebSocketHandler | undefined;

  /**
   * Makes an Upgrader.
   *
   * @param options The options; later changes to them do not show
   * @throws {RangeError} If a limit or a time is out of range
   * @throws {TypeError} If a callback is no function, a subprotocol no token, or
   * a required capability unknown
   */
  constructor(options: UpgraderOptions = {}) {
    checkUpgraderOptions(options);
    const { subprotocols } = options;
    this.#options = {
      ...options,
      ...(typeof subprotocols === "object"
        ? { subprotocols: [...subprotocols] }
        : {}),
    };
    this.#settings = connSettings(options, "server");
    this.#compression = compressionSettings(options.enableCompression);
  }

  /**
   * Makes what `deno serve` and `bun run` take as a default export, `Bun.serve`
   * as options, and whose `fetch` is a handler for `Deno.serve`. A request whose
   * Upgrade header names websocket is upgraded on the runtime's own WebSocket,
   * or refused; `options.fetch` answers all others.
   *
   * Nothing that user code throws stops the server: what `onConn` throws goes to
   * `options.onError`, what the callbacks of the Upgrader throw answers 500, and
   * what `options.fetch` throws goes to the runtime's own error handler.
   *
   * @param onConn What is done with a connection
   * @param options What answers other requests, and learns of errors
   * @returns The handler
   * @throws {UnsupportedError} If the runtime has no WebSocket server of its
   * own, or it lacks what the option `require` names
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
  handler(onConn: OnConn, options: HandlerOptions = {}): Handler {
    const engine = this.#engine();
    const { fetch = upgradeRequired, onError } = options;
    return {
      fetch: (request, target) =>
        hasToken(request.headers.get("upgrade"), "websocket")
          ? this.#handle(engine, request, target, onConn, onError)
          : fetch(request),
      websocket: this.websocket,
    };
  }

  /**
   * Upgrades a request by hand (gorilla's `Upgrade`), on the runtime's own
   * WebSocket: in a handler of `Deno.serve`, or of `Bun.serve` with the
   * {@linkcode Upgrader.websocket} of an Upgrader. A request that must be refused
   * gives no connection, and the reason in `error`.
   *
   * The handler must return `response`, whatever it is. On Deno it must return
   * it once the request has been upgraded: a throw in between closes Deno's
   * listener, so that what may throw belongs before the upgrade or behind a
   * `try`. On Bun a handler that throws after the upgrade ends the process. The
   * request must be the one that the runtime gave, not a copy.
   *
   * The connection can be used at once; what is sent goes out behind the 101. A
   * connection whose response was not returned ends after `handshakeTimeout`.
   *
   * @param request The request
   * @param target What the runtime gives beside it: Deno's info, which may be
   * left out, or Bun's server
   * @param options Headers of the 101
   * @returns The connection and the response, or the refusal
   * @throws {UnsupportedError} If the runtime has no WebSocket server of its
   * own, or it lacks what the option `require` names
   * @throws {TypeError} If Bun's server is missing; or if its `websocket` is not
   * an Upgrader's, or has a smaller read limit than this Upgrader: the
   * connection has then been cut
   *
   * @example By hand
   * ```ts
   * import { dial, Upgrader } from "@silverback/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * const upgrader = new Upgrader();
   *
   * // Bun.serve({ fetch(request, server) { … }, websocket: upgrader.websocket })
   * const server = Deno.serve({ port: 0, onListen() {} }, async (request, info) => {
   *   const { conn, response } = await upgrader.upgrade(request, info);
   *   conn?.send("hello").then(() => conn.close());
   *   return response;
   * });
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
    options: UpgradeOptions = {},
  ): Promise<Upgraded | UpgradeRefused> {
    const attempt = await this.#attempt(
      this.#engine(),
      request,
      target,
      options.headers,
    );
    if (attempt.conn === undefined) return attempt;
    const { conn, response, fault } = attempt;
    if (fault !== undefined) throw fault;
    return { conn, response };
  }

  /**
   * What `Bun.serve` wants as `websocket`, with the limits of this Upgrader. Any
   * Upgrader's serves the connections of every Upgrader. As its `readLimit`
   * stands for all connections of the server, it must be the largest of theirs:
   * {@linkcode Upgrader.upgrade} throws a `TypeError` for a larger one.
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
   * server, on Deno, Bun and Node. Connections are carried by the wire engine.
   * It answers refused upgrades and handles every error of the socket.
   *
   * @param onConn What is done with a connection
   * @param options What learns of errors
   * @returns The listener
   * @throws {UnsupportedError} If the wire engine lacks what the option `require`
   * names
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
   * server.close();
   * ```
   */
  listener(onConn: OnConn, options: ListenerOptions = {}): UpgradeListener {
    this.#requireWire();
    return async (message, socket, head) => {
      const upgraded = await this.#onSocket(message, socket, head, {});
      if (upgraded === undefined) return;
      runConn(upgraded.conn, upgraded.request, onConn, options.onError);
    };
  }

  /**
   * Upgrades by hand on the upgrade event of a `node:http` or `node:https`
   * server, on Deno, Bun and Node; the connection is carried by the wire engine.
   * What the client has sent behind its request, `head`, is read first. A refused
   * upgrade is answered and its socket closed; a peer that neither reads nor
   * closes is cut after `handshakeTimeout`.
   *
   * @param message The request
   * @param socket Its socket, the connection's from now on
   * @param head What was read behind the request
   * @param options Headers of the 101
   * @returns The connection; `undefined` if the upgrade was refused or the client
   * has gone
   * @throws {UnsupportedError} If the wire engine lacks what the option `require`
   * names
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
   *   const headers = { "Set-Cookie": "seen=1" };
   *   const conn = await upgrader.upgradeSocket(request, socket, head, { headers });
   *   await conn?.close(1000, "hello");
   * });
   * await once(server.listen(0, "127.0.0.1"), "listening");
   *
   * const { port } = server.address() as AddressInfo;
   * const { conn, response } = await dial(`ws://127.0.0.1:${port}`);
   * assertEquals(response.headers.getSetCookie(), ["seen=1"]);
   * assertEquals((await conn.closed).reason, "hello");
   * server.close();
   * ```
   */
  async upgradeSocket(
    message: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    options: UpgradeOptions = {},
  ): Promise<Conn | undefined> {
    this.#requireWire();
    const { headers } = options;
    const upgraded = await this.#onSocket(message, socket, head, { headers });
    return upgraded?.conn;
  }

  #requireWire(): void {
    requireCapabilities(this.#options, WIRE_CAPABILITIES, "the wire engine");
  }

  #onSocket(
    message: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    options: {
      headers?: HeadersLike | undefined;
      refuse?: (request: Request) => Response | undefined;
    },
  ): Promise<SocketUpgrade | undefined> {
    const compression = this.#compression;
    return upgradeOnSocket(message, socket, head, {
      accept: {
        ...this.#acceptOptions(options.headers, remoteAddress(socket)),
        negotiate: compression === undefined
          ? undefined
          : (offers) => acceptOffers(offers, compression),
      },
      compression,
      settings: this.#settings,
      handshakeTimeout: this.#handshakeTimeout,
      refuse: options.refuse,
    });
  }

  static {
    wireUpgrades = (upgrader) => {
      upgrader.#requireWire();
      return {
        handshakeTimeout: upgrader.#handshakeTimeout,
        upgrade: (message, socket, head, refuse) =>
          upgrader.#onSocket(message, socket, head, { refuse }),
        refuse: (request) => upgrader.#refuse(request),
      };
    };
  }

  // Nothing but an upgrade event brings the socket that an upgrade needs.
  async #refuse(request: Request): Promise<Response> {
    const approval = await this.#approve(request, undefined, undefined);
    return approval.accepted
      ? defaultResponse({ status: 400 })
      : approval.error.response;
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
    onConn: OnConn,
    onError: OnError | undefined,
  ): Promise<Response> {
    const attempt = await this.#attempt(engine, request, target, undefined);
    const { conn, response } = attempt;
    if (conn === undefined) return response;
    // From here on a throw would cost Deno's listener or Bun's process.
    if (attempt.fault === undefined) runConn(conn, request, onConn, onError);
    else reportError(attempt.fault, conn, onError);
    return response;
  }

  async #attempt(
    engine: NativeEngine,
    request: Request,
    target: unknown,
    headers: HeadersLike | undefined,
  ): Promise<Upgraded & { fault: TypeError | undefined } | UpgradeRefused> {
    engine.check(target);
    const remoteAddr = engine.remoteAddr(request, target);
    const approval = await this.#approve(request, headers, remoteAddr);
    if (!approval.accepted) return refused(approval.error);
    const settings = this.#settings;
    try {
      const { transport, response, fault } = engine.upgrade(request, target, {
        remoteAddr,
        subprotocol: approval.subprotocol,
        headers: approval.applicationHeaders,
        handshakeTimeout: this.#handshakeTimeout,
        threshold: this.#compression?.threshold ?? Infinity,
        settings,
      });
      const conn = createConn(transport, settings);
      if (fault !== undefined) conn.terminate();
      return { conn, response, fault };
    } catch (cause) {
      // gorilla: a connection that cannot be taken over answers 500.
      const refusal = {
        status: 500,
        reason: "Cannot upgrade request: the runtime refuses it",
        cause,
      };
      return refused(
        await handshakeError(request, refusal, this.#options.error),
      );
    }
  }

  #approve(
    request: Request,
    headers: HeadersLike | undefined,
    remoteAddr: Addr | undefined,
  ): Promise<Approved<Agreement> | Refused> {
    const approval = approveUpgrade<Agreement>(
      request,
      this.#acceptOptions(headers, remoteAddr),
    );
    const { subprotocols, checkOrigin, authorize, error } = this.#options;
    // Nothing else can take its time.
    return typeof subprotocols === "function" || checkOrigin || authorize ||
        error
      ? withinTimeout(request, approval, this.#handshakeTimeout)
      : approval;
  }

  #acceptOptions(
    headers: HeadersLike | undefined,
    remoteAddr: Addr | undefined,
  ): AcceptOptions<Agreement> {
    const { subprotocols, checkOrigin, authorize, error } = this.#options;
    const info: UpgradeInfo = { remoteAddr };
    return {
      subprotocols,
      checkOrigin: checkOrigin && ((request) => checkOrigin(request, info)),
      authorize: authorize && ((request) => authorize(request, info)),
      error,
      headers,
    };
  }

  get #handshakeTimeout(): number {
    return this.#options.handshakeTimeout ?? 10_000;
  }
}

/** Throws an UnsupportedError for the first required capability that is missing. */
function requireCapabilities(
  options: UpgraderOptions,
  capabilities: Capabilities,
  description: string,
): void {
  for (const name of options.require ?? []) {
    if (capabilities[name]) continue;
    throw new UnsupportedError(
      `Cannot give the required capability ${
        JSON.stringify(name)
      }: ${description} has none, use serve() or listener()`,
    );
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
