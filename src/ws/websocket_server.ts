// The class as `ws` documents it, and its handshake: hence past 300 lines.

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { EventEmitter } from "node:events";
import http from "node:http";

import { logError } from "../base/log_error.ts";
import { nameOf, settled, toError } from "../base/user_values.ts";
import { connSettings } from "../conn/options.ts";
import { wireConn } from "../conn_over.ts";
import { DeflateCodec } from "../deflate/codec.ts";
import { acceptOffers } from "../deflate/negotiation.ts";
import {
  type CompressionSettings,
  compressionSettings,
} from "../deflate/options.ts";
import { isValidKey } from "../handshake/accept.ts";
import { parseExtensions } from "../handshake/extensions.ts";
import { isToken } from "../handshake/tokens.ts";
import { owesAnswer } from "../runtime/http/node_response.ts";
import {
  cut,
  pauseTCPBelowTLS,
  resumeTCPBelowTLS,
} from "../runtime/quirks/tls_flow.ts";
import { claim, isClaimed } from "../runtime/sockets/claim.ts";
import { SocketStream } from "../runtime/sockets/socket_stream.ts";
import type { Duplex, IncomingMessage } from "../runtime/sockets/types.ts";
import {
  type CommonOptions,
  compressionOf,
  connOptions,
} from "./client_options.ts";
import { ownOptions, readServerOptions } from "./options.ts";
import { TypedEmitter } from "./typed_emitter.ts";
import { attach, WebSocket } from "./websocket.ts";

/** What `verifyClient` is told of a request. */
export interface VerifyClientInfo {
  /** The header Origin, or `undefined`. */
  origin: string;
  /** Whether it came over TLS. */
  secure: boolean;
  /** The request. */
  req: IncomingMessage;
}

/** Whether a client may connect, told later. */
export type VerifyClientCallback = (
  verified: boolean,
  code?: number,
  message?: string,
  headers?: Record<string, string | number>,
) => void;

/** Whether a client may connect, said at once. */
export type VerifyClientCallbackSync = (info: VerifyClientInfo) => boolean;

/** Whether a client may connect, told later by the callback. */
export type VerifyClientCallbackAsync = (
  info: VerifyClientInfo,
  callback: VerifyClientCallback,
) => void;

/** Where a server listens. */
export interface AddressInfo {
  /** The IP address. */
  address: string;
  /** `IPv4` or `IPv6`. */
  family: string;
  /** The port. */
  port: number;
}

/** The options of a server of `ws`. */
export interface ServerOptions extends CommonOptions {
  /** The port to listen on; 0 for any that is free. Default: none. */
  port?: number;
  /** The host to listen on. Default: all of the machine's addresses. */
  host?: string;
  /** How many connections may wait to be accepted. Default: the system's. */
  backlog?: number;
  /** The server whose upgrade events are handled, of `node:http` or `node:https`. Default: none. */
  server?: HttpServer;
  /**
   * Whether `handleUpgrade()` is called by the application.
   *
   * @default {false}
   */
  noServer?: boolean;
  /** The path whose upgrades are handled. Default: all. */
  path?: string;
  /**
   * Whether `clients` holds the connections.
   *
   * @default {true}
   */
  clientTracking?: boolean;
  /**
   * Whether a client may connect; with two parameters it tells later, by its
   * callback. With one it returns no promise; with two it may, and what that
   * rejects with is told by `wsClientError` to who listens, or else by `error` or
   * on the console, and the client is answered with 500. Default: all may.
   */
  // One signature, as a union of two would give parameters no types.
  verifyClient?: (
    info: VerifyClientInfo,
    callback: VerifyClientCallback,
  ) => boolean | void | Promise<void>;
  /** Chooses a subprotocol; `false` for none. Default: the first that is offered. */
  handleProtocols?: (
    protocols: Set<string>,
    request: IncomingMessage,
  ) => string | false;
  /** The class of the connections. Default: {@linkcode WebSocket}. */
  WebSocket?: typeof WebSocket;
}

/** What a {@linkcode WebSocketServer} needs of a server of `node:http` or `node:https`. */
export interface HttpServer extends EventEmitter {
  /**
   * Where it listens.
   *
   * @returns What its runtime says
   */
  address(): unknown;
}

/** The events of a {@linkcode WebSocketServer}, with what listeners are called with. */
export interface WebSocketServerEvents {
  /** A connection has been made; behind it, what `emit()` was given beside. */
  // deno-lint-ignore no-explicit-any -- whatever the application hands over
  connection: [ws: WebSocket, request: IncomingMessage, ...rest: any[]];
  /** The server is closed, and its connections are over. */
  close: [];
  /** The HTTP server has failed, or an async `verifyClient` that nobody else was told of. */
  error: [error: Error];
  /** The lines of a 101, which may be changed before they go out. */
  headers: [headers: string[], request: IncomingMessage];
  /** The server listens. */
  listening: [];
  /** A handshake is wrong, or its `verifyClient` failed; whoever listens answers on the socket. */
  wsClientError: [error: Error, socket: Duplex, request: IncomingMessage];
}

/** Is told of an upgrade that went through. */
export type UpgradeCallback = (ws: WebSocket, request: IncomingMessage) => void;

// RFC 6455, section 1.3.
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

type State = "running" | "closing" | "closed";

/**
 * The server of `ws`: an EventEmitter of `connection(ws, request)`, `listening`,
 * `headers(headers, request)`, `wsClientError(error, socket, request)`, `error` and
 * `close`. As with `ws`, origins are `verifyClient`'s to check.
 *
 * @example The server of its README
 * ```ts
 * import WebSocket, { WebSocketServer } from "@silverback/websocket/ws";
 * import { once } from "node:events";
 * import type { AddressInfo } from "node:net";
 * import { assertEquals } from "@std/assert";
 *
 * const wss = new WebSocketServer({ port: 0 });
 *
 * wss.on("connection", function connection(ws) {
 *   ws.on("error", console.error);
 *   ws.on("message", function message(data, isBinary) {
 *     wss.clients.forEach(function each(client) {
 *       if (client.readyState === WebSocket.OPEN) {
 *         client.send(data, { binary: isBinary });
 *       }
 *     });
 *   });
 * });
 *
 * await once(wss, "listening");
 * const { port } = wss.address() as AddressInfo;
 * const ws = new WebSocket(`ws://127.0.0.1:${port}`);
 * await once(ws, "open");
 * ws.send("Hello");
 * assertEquals(String((await once(ws, "message"))[0]), "Hello");
 * ws.terminate();
 * wss.close();
 * await once(wss, "close");
 * ```
 *
 * @example Two of them on one HTTP server
 * ```ts
 * import WebSocket, { WebSocketServer } from "@silverback/websocket/ws";
 * import { once } from "node:events";
 * import http from "node:http";
 * import type { AddressInfo } from "node:net";
 * import { assertEquals } from "@std/assert";
 *
 * const chat = new WebSocketServer({ noServer: true, path: "/chat" });
 * const news = new WebSocketServer({ noServer: true, path: "/news" });
 * chat.on("connection", (ws) => ws.send("chat"));
 * news.on("connection", (ws) => ws.send("news"));
 *
 * const server = http.createServer();
 * server.on("upgrade", (request, socket, head) => {
 *   const wss = [chat, news].find((wss) => wss.shouldHandle(request));
 *   if (wss === undefined) return socket.destroy();
 *   wss.handleUpgrade(request, socket, head, (ws) => {
 *     wss.emit("connection", ws, request);
 *   });
 * });
 * await once(server.listen(0), "listening");
 *
 * const { port } = server.address() as AddressInfo;
 * const ws = new WebSocket(`ws://127.0.0.1:${port}/news`);
 * assertEquals(String((await once(ws, "message"))[0]), "news");
 * ws.close();
 * await once(ws, "close");
 * await once(server.close(), "close");
 * ```
 */
export class WebSocketServer extends TypedEmitter<WebSocketServerEvents> {
  /** The options, with the defaults filled in. */
  readonly options: ServerOptions;
  /** The connections; `undefined` where `clientTracking` is off, as with `ws`. */
  readonly clients: Set<WebSocket>;
  readonly #compression: CompressionSettings | undefined;
  #server: HttpServer | http.Server | undefined;
  #listeners: Record<string, (...args: never[]) => void> = {};
  #state: State = "running";
  #waits = false; // to close, for the clients

  /**
   * Makes a server, and listens where a port is given.
   *
   * @param options One of `port`, `server` and `noServer`, and others
   * @param callback Is called when it listens
   * @throws {TypeError} If it is not one of the three, or an option is unknown
   * @throws {RangeError} If a limit is out of range
   */
  constructor(options: ServerOptions, callback?: () => void) {
    super();
    this.options = ownOptions<ServerOptions>({
      allowSynchronousEvents: true,
      autoPong: true,
      maxPayload: 100 * 1024 * 1024,
      perMessageDeflate: false,
      clientTracking: true,
      noServer: false,
      ...readServerOptions(options),
    });
    const { port, server, noServer } = this.options;
    const ways = [port != null, Boolean(server), Boolean(noServer)];
    if (ways.filter(Boolean).length !== 1) {
      throw new TypeError(
        "Cannot make WebSocketServer: give one, and only one, of port, server and noServer",
      );
    }
    this.clients = this.options.clientTracking ? new Set() : undefined as never;
    const compression = compressionOf(this.options.perMessageDeflate);
    this.#compression = compressionSettings(compression);
    connSettings(connOptions(this.options), "server");
    if (port != null) this.#listen(port, callback);
    else if (server) this.#server = server;
    if (this.#server !== undefined) this.#follow(this.#server);
  }

  /**
   * Where the server listens.
   *
   * @returns What the HTTP server says; `null` after `close()`
   * @throws {Error} If it has no server
   */
  address(): AddressInfo | string | null {
    if (this.options.noServer) {
      throw new Error('The server is operating in "noServer" mode');
    }
    return (this.#server?.address() ?? null) as AddressInfo | string | null;
  }

  /**
   * Takes no more connections; those that are there stay. `close` is emitted when
   * they are over, as far as `clients` holds them.
   *
   * @param callback Is called once at `close`; with an error if it was closed before
   */
  close(callback?: (error?: Error) => void): void {
    if (this.#state === "closed") {
      if (callback) {
        this.once(
          "close",
          () => callback(new Error("The server is not running")),
        );
      }
      queueMicrotask(() => this.#emitClose());
      return;
    }
    if (callback) this.once("close", callback);
    if (this.#state === "closing") return;
    this.#state = "closing";
    const server: EventEmitter | undefined = this.#server;
    for (const [name, listener] of Object.entries(this.#listeners)) {
      server?.removeListener(name, listener as () => void);
    }
    this.#server = undefined;
    const own = this.options.port != null ? server as http.Server : undefined;
    const done = () => {
      if (!this.clients?.size) {
        queueMicrotask(() => this.#emitClose());
      } else {
        this.#waits = true;
      }
    };
    if (own === undefined) done();
    else own.close(done);
  }

  /**
   * Whether a request is this server's: by its path. May be replaced.
   *
   * @param request The request
   * @returns Whether it is
   */
  shouldHandle(request: IncomingMessage): boolean {
    const { path } = this.options;
    if (!path) return true;
    const { url = "" } = request;
    const query = url.indexOf("?");
    return (query < 0 ? url : url.slice(0, query)) === path;
  }

  /**
   * Upgrades a connection, on the upgrade event of a server.
   *
   * @param request The request
   * @param socket Its socket, the connection's from now on
   * @param head What was read behind the request
   * @param callback Is told of the connection, at once unless `verifyClient` tells
   * later
   * @throws {TypeError} If `shouldHandle()`, or `verifyClient` without a callback,
   * returns an object, such as a promise, or `handleProtocols` what is neither a token nor `false`
   * @throws {Error} If the socket is a connection's already, or whatever the
   * application's code throws, once the client has been answered with 500
   */
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    callback: UpgradeCallback,
  ): void {
    socket.on("error", destroy);
    // Whatever is written before an earlier answer would be taken for it, and
    // behind a 101 it would be taken for frames.
    if (owesAnswer(socket)) return cut(socket);
    const fault = faultOf(request);
    if (fault !== undefined) return this.#reject(request, socket, fault);
    const isOurs = () =>
      saysYes(
        this.shouldHandle(request),
        "Cannot handle upgrade: shouldHandle()",
      );
    if (!attempt(socket, isOurs)) {
      return abort(socket, 400);
    }
    const protocols = parseProtocols(header(request, "sec-websocket-protocol"));
    if (protocols === undefined) {
      const message = "Invalid Sec-WebSocket-Protocol header";
      return this.#reject(request, socket, { status: 400, message });
    }
    const value = header(request, "sec-websocket-extensions");
    const offers = this.#compression === undefined || value === undefined
      ? []
      : parseExtensions(value);
    if (offers === undefined) {
      const message = "Invalid or unacceptable Sec-WebSocket-Extensions header";
      return this.#reject(request, socket, { status: 400, message });
    }
    const agreement = this.#compression &&
      acceptOffers(offers, this.#compression);
    const complete = () =>
      this.#complete({ request, socket, head, callback, protocols, agreement });
    const { verifyClient } = this.options;
    if (!verifyClient) return complete();
    const { socket: under } = request;
    const info: VerifyClientInfo = {
      origin: header(request, "origin") as string,
      secure: "encrypted" in under && under.encrypted === true,
      req: request,
    };
    if (verifyClient.length === 2) {
      // Nobody reads until it tells, so the peer must wait. A connection's own
      // socket is not ours to stop.
      if (!isClaimed(socket)) pauseTCPBelowTLS(socket);
      const told: VerifyClientCallback = (verified, code, message, headers) => {
        // The answer that was under way has gone out; the next one may be due.
        if (owesAnswer(socket)) cut(socket);
        else if (verified) complete();
        else abort(socket, code || 401, message, headers);
      };
      const returned = attempt(socket, () => verifyClient(info, told));
      settled(returned).catch((error) => this.#failed(error, request, socket));
    } else if (
      attempt(
        socket,
        () =>
          saysYes(
            verifyClient(info, () => {}),
            "Cannot verify client: verifyClient",
          ),
      )
    ) {
      complete();
    } else {
      abort(socket, 401);
    }
  }

  #listen(port: number, callback: (() => void) | undefined): void {
    const { host, backlog } = this.options;
    const server = http.createServer((_request, response) => {
      const body = "Upgrade Required";
      response.writeHead(426, {
        "Content-Length": body.length,
        "Content-Type": "text/plain",
      });
      response.end(body);
    });
    this.#server = server;
    server.listen({
      port,
      ...(host == null ? {} : { host }),
      ...(backlog == null ? {} : { backlog }),
    }, callback);
  }

  #follow(server: HttpServer): void {
    const connected: UpgradeCallback = (ws, request) =>
      this.emit("connection", ws, request);
    this.#listeners = {
      listening: () => this.emit("listening"),
      error: (error: Error) => this.emit("error", error),
      upgrade: (request: IncomingMessage, socket: Duplex, head: Uint8Array) =>
        this.handleUpgrade(request, socket, head, connected),
    };
    for (const [name, listener] of Object.entries(this.#listeners)) {
      server.on(name, listener as () => void);
    }
  }

  #complete(upgrade: Upgrade): void {
    const { request, socket, head, callback, agreement } = upgrade;
    // The client may have gone meanwhile.
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }
    if (isClaimed(socket)) {
      throw new Error(
        "server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration",
      );
    }
    if (this.#state !== "running") return abort(socket, 503);
    const { ws, headers, protocol } = attempt(
      socket,
      () => this.#answer(upgrade),
    );
    claim(socket);
    pauseTCPBelowTLS(socket);
    socket.write([...headers, "\r\n"].join("\r\n"));
    const stream = new SocketStream(socket, { head });
    socket.removeListener("error", destroy);
    resumeTCPBelowTLS(socket);
    const codec = agreement === undefined
      ? undefined
      : new DeflateCodec("server", agreement, this.#compression!);
    const settings = connSettings(connOptions(this.options), "server");
    const conn = wireConn(stream, "server", protocol, settings, codec);
    attach(ws, conn, this.options);
    this.#track(ws);
    callback(ws, request);
  }

  /** The connection and the lines of its 101, as the application's code has them. */
  #answer({ request, protocols, agreement }: Upgrade): Answer {
    const key = header(request, "sec-websocket-key")!;
    const headers = [
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${
        createHash("sha1").update(key + GUID).digest("base64")
      }`,
    ];
    const { WebSocket: type = WebSocket, handleProtocols } = this.options;
    const ws = new type(null, undefined, this.options as never);
    let protocol = "";
    if (protocols.size > 0) {
      protocol = handleProtocols
        ? chosen(handleProtocols(protocols, request))
        : [...protocols][0]!;
    }
    if (protocol) headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
    if (agreement !== undefined) {
      headers.push(`Sec-WebSocket-Extensions: ${agreement.header}`);
    }
    this.emit("headers", headers, request);
    // A line within a line would be another header, or another answer.
    if (headers.some((line) => /[\r\n]/.test(line))) {
      throw new TypeError("Cannot send header: it has a line break");
    }
    return { ws, headers, protocol };
  }

  // Of an async `verifyClient`, which nobody else hears of.
  #failed(thrown: unknown, request: IncomingMessage, socket: Duplex): void {
    const error = toError(thrown, "Cannot verify client: verifyClient failed");
    if (!isClaimed(socket) && !socket.writableEnded) {
      if (owesAnswer(socket)) {
        cut(socket);
      } else if (this.listenerCount("wsClientError") > 0) {
        resumeTCPBelowTLS(socket);
        this.emit("wsClientError", error, socket, request);
        return;
      } else {
        abort(socket, 500);
      }
    }
    if (this.listenerCount("error") > 0) this.emit("error", error);
    else logError(error);
  }

  #track(ws: WebSocket): void {
    const { clients } = this;
    if (!clients) return;
    clients.add(ws);
    ws.on("close", () => {
      clients.delete(ws);
      if (this.#waits && clients.size === 0) {
        queueMicrotask(() => this.#emitClose());
      }
    });
  }

  #emitClose(): void {
    this.#state = "closed";
    this.emit("close");
  }

  #reject(request: IncomingMessage, socket: Duplex, fault: Fault): void {
    const { status, message, headers } = fault;
    if (this.listenerCount("wsClientError") > 0) {
      this.emit("wsClientError", new Error(message), socket, request);
    } else {
      abort(socket, status, message, headers);
    }
  }
}

/** A server, by the name that `ws` has for its type as well. */
export type Server = WebSocketServer;

/** An upgrade that goes through, before its answer. */
interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Uint8Array;
  readonly callback: UpgradeCallback;
  readonly protocols: Set<string>;
  readonly agreement: ReturnType<typeof acceptOffers>;
}

/** How an upgrade is answered. */
interface Answer {
  readonly ws: WebSocket;
  readonly headers: string[];
  readonly protocol: string;
}

/** What is wrong with a request. */
interface Fault {
  readonly status: number;
  readonly message: string;
  readonly headers?: Record<string, string>;
}

/** The faults of a request, with the statuses that `ws` has for them. */
function faultOf(request: IncomingMessage): Fault | undefined {
  if (request.method !== "GET") {
    return { status: 405, message: "Invalid HTTP method" };
  }
  if (header(request, "upgrade")?.toLowerCase() !== "websocket") {
    return { status: 400, message: "Invalid Upgrade header" };
  }
  if (!isValidKey(header(request, "sec-websocket-key") ?? null)) {
    return {
      status: 400,
      message: "Missing or invalid Sec-WebSocket-Key header",
    };
  }
  // RFC 6455, section 4.4: whoever speaks another version is told of ours.
  if (header(request, "sec-websocket-version") !== "13") {
    return {
      status: 400,
      message: "Missing or invalid Sec-WebSocket-Version header",
      headers: { "Sec-WebSocket-Version": "13" },
    };
  }
  return undefined;
}

function header(request: IncomingMessage, name: string): string | undefined {
  const { headers } = request;
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  return Array.isArray(value) ? value.join(", ") : value;
}

/** The subprotocols of a request; `undefined` if they are malformed. */
function parseProtocols(value: string | undefined): Set<string> | undefined {
  if (value === undefined) return new Set();
  const names = value.split(",").map((name) =>
    name.replace(/^[ \t]+|[ \t]+$/g, "")
  );
  const protocols = new Set(names);
  return protocols.size === names.length && names.every(isToken)
    ? protocols
    : undefined;
}

function destroy(this: Duplex): void {
  this.destroy();
}

/** What the application's code says; a promise would let everybody in. */
function saysYes(result: unknown, who: string): boolean {
  if (result === null || !/^(object|function)$/.test(typeof result)) {
    return Boolean(result);
  }
  settled(result).catch(() => {}); // the error below says it all
  throw new TypeError(
    `${who} returned ${
      nameOf(result)
    }, not a boolean; to tell later, use verifyClient(info, callback)`,
  );
}

/** The subprotocol that `handleProtocols` has chosen; "" for none. */
function chosen(result: unknown): string {
  // As with `ws`, all that is falsy is none.
  if (!result) return "";
  if (typeof result === "string" && isToken(result)) return result;
  settled(result).catch(() => {}); // the error below says it all
  throw new TypeError(
    `Cannot choose subprotocol: handleProtocols returned ${
      typeof result === "string" ? JSON.stringify(result) : nameOf(result)
    }, return one of those offered, or false`,
  );
}

/** Calls the application's code; where it throws, the client is told first. */
function attempt<T>(socket: Duplex, call: () => T): T {
  try {
    return call();
  } catch (error) {
    // What it called may have answered already.
    if (!isClaimed(socket) && !socket.writableEnded) abort(socket, 500);
    throw error;
  }
}

/** Answers, and closes the connection. */
function abort(
  socket: Duplex,
  status: number,
  message?: string,
  headers: Record<string, string | number> = {},
): void {
  const reason = http.STATUS_CODES[status] ?? "";
  const body = message || reason;
  const lines = Object.entries({
    "Connection": "close",
    "Content-Type": "text/html",
    "Content-Length": Buffer.byteLength(body),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}`.replace(/[\r\n]/g, ""));
  socket.once("finish", destroy);
  resumeTCPBelowTLS(socket);
  socket.end(
    [`HTTP/1.1 ${status} ${reason}`, ...lines, "", body].join("\r\n"),
  );
}
