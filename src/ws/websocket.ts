// The class as `ws` documents it, and its connection: hence past 300 lines.

import { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";

import { isInstance, toError } from "../base/user_values.ts";
import { nextTurn } from "../base/turns.ts";
import { CloseError, isSendableCloseCode } from "../close.ts";
import { type Conn, insideOf } from "../conn/conn.ts";
import { timerDelay } from "../conn/deadline.ts";
import { Queue } from "../conn/queue.ts";
import { BadHandshakeError } from "../peer_errors.ts";
import {
  type ClientPlan,
  type ClientResponse,
  dialClient,
  planClient,
  type RedirectRequest,
  responseOf,
} from "./client.ts";
import {
  type ClientOptions,
  CLOSE_TIMEOUT,
  type CommonOptions,
} from "./client_options.ts";
import type * as options from "./client_options.ts";
import type * as data from "./data.ts";
import {
  type Data,
  type RawData,
  sizeOf,
  toControlPayload,
  toPayload,
} from "./data.ts";
import { dialError, receiverError } from "./errors.ts";
import {
  addListener,
  type CloseEvent,
  endedCleanly,
  type ErrorEvent,
  type Event,
  type EventListenerOptions,
  getHandler,
  type MessageEvent,
  removeListener,
  setHandler,
  type WebSocketEventMap,
  type WsListener,
} from "./events.ts";
import type * as events from "./events.ts";
import { ownOptions } from "./options.ts";
import { type Done, Outgoing } from "./outgoing.ts";
import { SocketView } from "./socket_view.ts";
import type { createWebSocketStream } from "./stream.ts";
import { TypedEmitter } from "./typed_emitter.ts";
import type * as server from "./websocket_server.ts";

/** How binary messages are given: a Buffer, an ArrayBuffer, a list of Buffers, or a Blob. */
export type BinaryType = "nodebuffer" | "arraybuffer" | "fragments" | "blob";

/** How `send()` sends a message. */
export interface SendOptions {
  /** Whether it is binary. Default: whether it is no string. */
  binary?: boolean;
  /**
   * Whether it is compressed, where compression was agreed on.
   *
   * @default {true}
   */
  compress?: boolean;
  /**
   * Whether it is the last fragment of a message.
   *
   * @default {true}
   */
  fin?: boolean;
  /** Takes no effect: a client masks, and a server does not. Default: that. */
  mask?: boolean;
}

/** Is told, once a message has been written to the system or could not be. */
export type SendCallback = (error?: Error) => void;

/** The events of a {@linkcode WebSocket}, with what listeners are called with. */
export interface WebSocketEvents {
  /** The connection has been made. */
  open: [];
  /** A message has come, and whether it is binary. */
  message: [data: RawData, isBinary: boolean];
  /** The connection is over: the peer's code and reason. */
  close: [code: number, reason: Buffer];
  /** The connection has failed, or could not be made. */
  error: [error: Error];
  /** A ping has come. */
  ping: [data: Buffer];
  /** A pong has come. */
  pong: [data: Buffer];
  /** The server has agreed to the upgrade. */
  upgrade: [response: ClientResponse];
  /** The server has not; whoever listens closes the WebSocket. */
  "unexpected-response": [
    request: { destroy(): void; abort(): void },
    response: ClientResponse,
  ];
  /** The server sends to another URL, which is asked next. */
  redirect: [url: string, request: RedirectRequest];
}

const BINARY_TYPES: readonly string[] = [
  "nodebuffer",
  "arraybuffer",
  "fragments",
  "blob",
];
const STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const;
const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

// Control frames that are kept for later while the peer cannot be stopped.
const MAX_LATE = 256;

// By what `close()` and `terminate()` give up what is being dialed.
const GIVEN_UP = "WebSocket was closed before the connection was established";

/** Gives a WebSocket its connection. For the rooms that have one. */
export let attach: (ws: WebSocket, conn: Conn, options: CommonOptions) => void;

/**
 * The WebSocket of `ws`, over a `Dialer` or a `Conn`: an EventEmitter of `open`,
 * `message(data, isBinary)`, `close(code, reason)`, `error(error)`, `ping(data)`,
 * `pong(data)`, `upgrade(response)`, `unexpected-response(request, response)` and
 * `redirect(url, request)`, with the events of browsers beside them.
 *
 * @example A client
 * ```ts
 * import WebSocket, { WebSocketServer } from "@silverback/websocket/ws";
 * import { once } from "node:events";
 * import type { AddressInfo } from "node:net";
 * import { assertEquals } from "@std/assert";
 *
 * const wss = new WebSocketServer({ port: 0 });
 * wss.on("connection", (ws) => ws.send("something"));
 * await once(wss, "listening");
 *
 * const { port } = wss.address() as AddressInfo;
 * const ws = new WebSocket(`ws://127.0.0.1:${port}`);
 * ws.on("error", console.error);
 * const [data, isBinary] = await once(ws, "message");
 * assertEquals([String(data), isBinary], ["something", false]);
 *
 * ws.close(1000);
 * await once(ws, "close");
 * wss.close();
 * await once(wss, "close");
 * ```
 *
 * @example Pings, a pause, and the events of browsers
 * ```ts
 * import { toWs } from "@silverback/websocket/ws";
 * import { pipe } from "@silverback/websocket/testing";
 * import { once } from "node:events";
 * import { assertEquals } from "@std/assert";
 *
 * const [client, server] = pipe();
 * const [ws, peer] = [toWs(client), toWs(server)];
 * ws.ping("alive?");
 * assertEquals(String((await once(ws, "pong"))[0]), "alive?");
 * peer.pong("unasked");
 * assertEquals(String((await once(ws, "pong"))[0]), "unasked");
 *
 * const seen: unknown[] = [];
 * const listener = ({ data }: { data: unknown }) => seen.push(data);
 * ws.addEventListener("message", listener);
 * ws.pause(); // the peer waits
 * peer.send("Hello");
 * ws.resume();
 * await once(ws, "message");
 * assertEquals(seen, ["Hello"]);
 * ws.removeEventListener("message", listener);
 *
 * ws.terminate();
 * await Promise.all([once(ws, "close"), once(peer, "close")]);
 * ```
 */
export class WebSocket extends TypedEmitter<WebSocketEvents> {
  /** 0: the connection has not been made. */
  declare static readonly CONNECTING: 0;
  /** 1: messages can be sent. */
  declare static readonly OPEN: 1;
  /** 2: the connection closes. */
  declare static readonly CLOSING: 2;
  /** 3: the connection is over. */
  declare static readonly CLOSED: 3;
  /** The class itself. */
  declare static WebSocket: typeof WebSocket;
  /** The class of servers. */
  declare static WebSocketServer: typeof server.WebSocketServer;
  /** The class of servers. */
  declare static Server: typeof server.WebSocketServer;
  /** Makes a stream of a WebSocket. */
  declare static createWebSocketStream: typeof createWebSocketStream;
  /** 0: the connection has not been made. */
  declare readonly CONNECTING: 0;
  /** 1: messages can be sent. */
  declare readonly OPEN: 1;
  /** 2: the connection closes. */
  declare readonly CLOSING: 2;
  /** 3: the connection is over. */
  declare readonly CLOSED: 3;

  #url: string | undefined;
  #readyState: 0 | 1 | 2 | 3 = CONNECTING;
  #binaryType: BinaryType = "nodebuffer";
  #protocol = "";
  #extensions = "";
  #dialing: AbortController | undefined; // while it connects
  #conn: Conn | undefined;
  #outgoing: Outgoing | undefined;
  #socket: SocketView | undefined; // once somebody has looked
  #closeTimeout = CLOSE_TIMEOUT;
  #dropped = 0; // bytes that were sent when nothing could go out any more
  #cut = false; // by terminate()
  #resumed: PromiseWithResolvers<void> | undefined; // while it is paused
  #emitted = 0; // messages, as the connection counts them
  readonly #late: Queue<{ readonly at: number; readonly run: () => void }> =
    new Queue(); // control frames behind messages that have not been emitted

  /**
   * Connects to a server.
   *
   * @param address The URL: ws, wss, http, https, or `ws+unix:/path:/request`;
   * `null` is for servers
   * @param protocols The subprotocols to offer, or the options
   * @param options The options
   * @throws {SyntaxError} If the URL or a subprotocol is malformed
   * @throws {UnsupportedError} If an option cannot be met
   * @throws {TypeError} If an option is malformed or unknown
   */
  constructor(
    address: string | URL | null,
    protocols?: string | readonly string[] | ClientOptions | null,
    options?: ClientOptions | null,
  ) {
    super();
    // A server's, which gets its connection later.
    if (address === null) return;
    const plan = planClient(address, protocols, options);
    this.#url = plan.url.href;
    this.#dialing = new AbortController();
    this.#dial(plan, this.#dialing.signal);
  }

  /** How binary messages are given; at first as Buffers. Other values change nothing. */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    if (BINARY_TYPES.includes(type)) this.#binaryType = type;
  }

  /** Bytes that have been sent and not been taken by the system, headers included. */
  get bufferedAmount(): number {
    return this.#dropped + (this.#outgoing?.amount ?? 0);
  }

  /** The names of the extensions agreed on, or an empty string. */
  get extensions(): string {
    return this.#extensions;
  }

  /** Whether `pause()` has been called, and `resume()` not since. */
  get isPaused(): boolean {
    return this.#resumed !== undefined;
  }

  /** The subprotocol agreed on, or an empty string. */
  get protocol(): string {
    return this.#protocol;
  }

  /** Where the connection stands: 0 to 3. */
  get readyState(): 0 | 1 | 2 | 3 {
    return this.#readyState;
  }

  /** Not of the documented surface, as programs and `ws`'s own stream look there. */
  get _socket(): unknown {
    if (this.#conn === undefined) return null;
    return this.#socket ??= new SocketView(this.#conn);
  }

  /** The URL of a client; servers have none. */
  get url(): string {
    return this.#url as string;
  }

  /** Is called when the connection has been made. */
  get onopen(): ((this: WebSocket, event: Event) => void) | null {
    return getHandler(this, "open") as never;
  }

  set onopen(handler: ((this: WebSocket, event: Event) => void) | null) {
    setHandler(this, "open", handler);
  }

  /** Is called when the connection has failed; `close` follows. */
  get onerror(): ((this: WebSocket, event: ErrorEvent) => void) | null {
    return getHandler(this, "error") as never;
  }

  set onerror(
    handler: ((this: WebSocket, event: ErrorEvent) => void) | null,
  ) {
    setHandler(this, "error", handler);
  }

  /** Is called when the connection is over. */
  get onclose(): ((this: WebSocket, event: CloseEvent) => void) | null {
    return getHandler(this, "close") as never;
  }

  set onclose(
    handler: ((this: WebSocket, event: CloseEvent) => void) | null,
  ) {
    setHandler(this, "close", handler);
  }

  /** Is called with each message. */
  get onmessage(): ((this: WebSocket, event: MessageEvent) => void) | null {
    return getHandler(this, "message") as never;
  }

  set onmessage(
    handler: ((this: WebSocket, event: MessageEvent) => void) | null,
  ) {
    setHandler(this, "message", handler);
  }

  /**
   * Adds a listener as in browsers, for `open`, `message`, `error` or `close`.
   *
   * @param type The event's name
   * @param listener The listener, or an object with `handleEvent`
   * @param options Whether it is for one event: `once`
   */
  addEventListener<K extends keyof WebSocketEventMap>(
    type: K,
    listener: WsListener<WebSocketEventMap[K]>,
    options?: EventListenerOptions,
  ): void {
    addListener(this, type, listener, ownOptions(options).once === true);
  }

  /**
   * Takes a listener of `addEventListener()` off.
   *
   * @param type The event's name
   * @param listener The listener
   */
  removeEventListener<K extends keyof WebSocketEventMap>(
    type: K,
    listener: WsListener<WebSocketEventMap[K]>,
  ): void {
    removeListener(this, type, listener);
  }

  /**
   * Sends a message: a string as text, all else as binary.
   *
   * @param data The message
   * @param options How it is sent, or the callback
   * @param callback Is told once it has been written to the system, or why it could
   * not be sent; on a native engine, once that has taken it
   * @throws {Error} If the connection has not been made
   * @throws {TypeError} If it is no message, or is to be text and is not UTF-8
   */
  send(
    data: Data,
    options?: SendOptions | SendCallback,
    callback?: SendCallback,
  ): void {
    this.#requireOpening();
    const done = typeof options === "function" ? options : callback;
    const given = ownOptions(
      typeof options === "function" ? undefined : options,
    );
    const payload = toPayload(data);
    if (this.#readyState !== OPEN) {
      this.#refuse(sizeOf(payload), done);
      return;
    }
    this.#outgoing!.send(payload, {
      binary: given.binary ?? typeof payload !== "string",
      compress: given.compress ?? true,
      fin: given.fin ?? true,
    }, told(done));
  }

  /**
   * Sends a ping.
   *
   * @param data Its payload, at most 125 bytes; default: none
   * @param mask Takes no effect; or the callback
   * @param callback Is told once it has been taken, or why it could not be sent
   * @throws {Error} If the connection has not been made
   * @throws {RangeError} If the payload is too long
   * @throws {UnsupportedError} If the connection's engine has no pings
   */
  ping(
    data?: Data | SendCallback,
    mask?: boolean | SendCallback,
    callback?: SendCallback,
  ): void {
    this.#control(9, data, mask, callback);
  }

  /**
   * Sends a pong.
   *
   * @param data Its payload, at most 125 bytes; default: none
   * @param mask Takes no effect; or the callback
   * @param callback Is told once it has been taken, or why it could not be sent
   * @throws {Error} As {@linkcode WebSocket.ping}
   */
  pong(
    data?: Data | SendCallback,
    mask?: boolean | SendCallback,
    callback?: SendCallback,
  ): void {
    this.#control(10, data, mask, callback);
  }

  /**
   * Closes the connection by the closing handshake.
   *
   * @param code The code; default: none
   * @param data The reason, at most 123 bytes; default: none
   * @throws {TypeError} If the code may not be sent, or the reason is no UTF-8
   * @throws {RangeError} If the reason is too long
   */
  close(code?: number, data?: string | Uint8Array): void {
    if (this.#readyState === CLOSED) return;
    if (this.#readyState === CONNECTING) return this.#giveUp();
    if (this.#readyState === CLOSING) return;
    if (
      code !== undefined &&
      (typeof code !== "number" || !isSendableCloseCode(code))
    ) {
      throw new TypeError("First argument must be a valid error code number");
    }
    const reason = code === undefined || !data ? "" : reasonOf(data);
    this.#readyState = CLOSING;
    const conn = this.#conn!;
    // The peer's close frame is to be seen.
    insideOf(conn)!.inbound.hold(false);
    const outgoing = this.#outgoing!;
    // The closing handshake has a limit of its own, but may have to wait itself.
    const late = outgoing.isBusy
      ? setTimeout(() => conn.terminate(), this.#closeTimeout)
      : undefined;
    if (late !== undefined) conn.closed.then(() => clearTimeout(late));
    outgoing.after(() => {
      clearTimeout(late);
      conn.close(code ?? 1005, reason);
    });
  }

  /** Cuts the connection without a closing handshake. */
  terminate(): void {
    if (this.#readyState === CLOSED) return;
    if (this.#readyState === CONNECTING) return this.#giveUp();
    if (this.#conn === undefined) return;
    this.#readyState = CLOSING;
    this.#cut = true;
    const conn = this.#conn;
    // As with `ws`, what the system has room for has gone out. It says so within
    // this turn, and callbacks are told before the cut fails the others.
    insideOf(conn)!.transport.flush();
    if (conn.bufferedAmount === 0) conn.terminate();
    else nextTurn().then(() => conn.terminate());
  }

  /** Stops the peer: there are no messages, pings and pongs until `resume()`. */
  pause(): void {
    if (this.#conn === undefined || this.#readyState === CLOSED) return;
    this.#resumed ??= Promise.withResolvers();
    if (this.#readyState === OPEN) insideOf(this.#conn)!.inbound.hold(true);
  }

  /** Lets the peer go on. */
  resume(): void {
    if (this.#conn === undefined || this.#readyState === CLOSED) return;
    this.#resumed?.resolve();
    this.#resumed = undefined;
    if (this.#readyState === OPEN) insideOf(this.#conn)!.inbound.hold(false);
    // As by a message, not within this call.
    queueMicrotask(() => this.#emitLate());
  }

  static {
    const constant = (value: number) => ({ value, enumerable: true });
    const constants = Object.fromEntries(
      STATES.map((name, value) => [name, constant(value)]),
    );
    Object.defineProperties(this, constants);
    Object.defineProperties(this.prototype, constants);
    for (
      const name of [
        "binaryType",
        "bufferedAmount",
        "extensions",
        "isPaused",
        "protocol",
        "readyState",
        "url",
        "onopen",
        "onerror",
        "onclose",
        "onmessage",
      ]
    ) Object.defineProperty(this.prototype, name, { enumerable: true });
    attach = (ws, conn, options) => ws.#attach(conn, options);
  }

  async #dial(plan: ClientPlan, signal: AbortSignal): Promise<void> {
    const { protocols, options } = plan;
    try {
      const { conn, response } = await dialClient(
        plan,
        signal,
        (url, request) => {
          this.#url = url.href;
          const heard = this.listenerCount("redirect") > 0;
          this.#emit("redirect", url.href, request);
          return heard;
        },
      );
      this.#emit("upgrade", responseOf(response));
      if (signal.aborted || protocols.length > 0 && conn.subprotocol === "") {
        conn.terminate();
        signal.throwIfAborted();
        throw new Error("Server sent no subprotocol");
      }
      this.#attach(conn, options);
      this.#emit("open");
    } catch (error) {
      this.#dialing = undefined;
      if (
        isInstance(error, BadHandshakeError) && error.response.status !== 101 &&
        this.listenerCount("unexpected-response") > 0
      ) {
        // Whoever listens closes it.
        const request = { destroy() {}, abort() {} };
        this.#emit("unexpected-response", request, responseOf(error.response));
        return;
      }
      this.#fail(dialError(error));
    }
  }

  // A message is missing in what was sent: the peer must not take it for all.
  #cutFor(error: Error): void {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSING;
    this.#cut = true;
    // The callbacks come first.
    queueMicrotask(() => this.#emit("error", error));
    this.#conn!.terminate();
  }

  #giveUp(): void {
    this.#readyState = CLOSING;
    const error = new Error(GIVEN_UP);
    if (this.#dialing === undefined) queueMicrotask(() => this.#fail(error));
    else this.#dialing.abort(error);
  }

  // What could not be dialed.
  #fail(error: Error): void {
    this.#readyState = CLOSING;
    this.#emit("error", error);
    this.#readyState = CLOSED;
    this.#emit("close", 1006, Buffer.alloc(0));
  }

  #attach(
    conn: Conn,
    {
      autoPong = true,
      allowSynchronousEvents = true,
      closeTimeout,
    }: CommonOptions,
  ): void {
    this.#dialing = undefined;
    this.#conn = conn;
    this.#outgoing = new Outgoing(conn, (error) => this.#cutFor(error));
    this.#closeTimeout = timerDelay(closeTimeout ?? CLOSE_TIMEOUT);
    this.#protocol = conn.subprotocol;
    const { inbound, transport } = insideOf(conn)!;
    this.#extensions = (transport.extensions ?? "").split(",")
      .map((extension) => extension.split(";")[0]!.trim()).join();
    this.#emitted = inbound.received - inbound.unread;
    this.#readyState = conn.state === "open" || inbound.unread > 0
      ? OPEN
      : conn.state === "closed"
      ? CLOSED
      : CLOSING;
    if (conn.capabilities.controlHandlers) {
      // The default one; where the runtime answers by itself, nothing is to do.
      const answer = conn.engine === "wire" && autoPong
        ? conn.pingHandler
        : undefined;
      conn.setPingHandler((data) => {
        if (this.#readyState === OPEN) answer?.(data);
        this.#inOrder(() => this.#emit("ping", toBuffer(data)));
      });
      conn.setPongHandler((data) => {
        this.#inOrder(() => this.#emit("pong", toBuffer(data)));
      });
    }
    // As `ws` does: the reason is echoed as well as the code.
    conn.setCloseHandler((code, reason) => void conn.close(code, reason));
    this.#listen(conn, allowSynchronousEvents);
  }

  // A control frame is an event behind the messages that came before it.
  #inOrder(run: () => void): void {
    if (this.#cut) return;
    const at = insideOf(this.#conn)!.inbound.received;
    const late = this.#late;
    const now = at <= this.#emitted && this.#resumed === undefined;
    if (now && late.length === 0) return run();
    // While it closes, the peer goes on: its close frame is to be seen.
    if (this.#conn!.state === "open" || late.length < MAX_LATE) {
      late.push({ at, run });
    }
  }

  #emitLate(): void {
    for (;;) {
      const next = this.#late.peek();
      if (next === undefined || next.at > this.#emitted || this.#resumed) {
        return;
      }
      this.#late.shift();
      next.run();
    }
  }

  async #listen(conn: Conn, synchronous: boolean): Promise<void> {
    // One that is paused meets the end of its connection all the same.
    conn.closed.then(() => this.#resumed?.resolve());
    let failure: unknown;
    try {
      // Whoever is given it has this turn to listen.
      await nextTurn();
      for (;;) {
        const { type, data } = await conn.readMessage();
        // A listener of what is emitted late may have paused it again.
        do {
          await this.#resumed?.promise;
          this.#emitLate();
        } while (this.isPaused && conn.state !== "closed");
        if (!this.#cut) this.#deliver(type === 2, data);
        this.#emitted++;
        this.#emitLate();
        if (!synchronous) await nextTurn();
        await this.#resumed?.promise;
        this.#emitLate();
      }
    } catch (error) {
      failure = error;
    }
    this.#emitLate();
    if (this.#readyState === OPEN) this.#readyState = CLOSING;
    if (!isInstance(failure, CloseError) && !this.#cut) {
      // Where somebody else reads from it, it is of no use.
      if (conn.state === "open") conn.terminate();
      this.#emit("error", receiverError(failure));
    }
    const { code, reason, wasClean } = await conn.closed;
    this.#outgoing!.end();
    if (wasClean) endedCleanly.add(this);
    this.#readyState = CLOSED;
    this.#emit("close", code, Buffer.from(reason));
  }

  #deliver(isBinary: boolean, data: string | Uint8Array<ArrayBuffer>): void {
    const whole = typeof data === "string" ? Buffer.from(data) : toBuffer(data);
    this.#emit("message", isBinary ? this.#asWanted(whole) : whole, isBinary);
  }

  #asWanted(data: Buffer<ArrayBuffer>): RawData {
    switch (this.#binaryType) {
      case "arraybuffer": {
        const { buffer, byteOffset, byteLength } = data;
        // Its memory may hold other messages as well.
        return byteLength === buffer.byteLength
          ? buffer
          : buffer.slice(byteOffset, byteOffset + byteLength);
      }
      case "fragments":
        return [data];
      case "blob":
        return new Blob([data]);
      default:
        return data;
    }
  }

  // What a listener throws is uncaught, as if node had called it, and keeps
  // nothing else from its turn.
  #emit<K extends keyof WebSocketEvents>(
    name: K,
    ...args: WebSocketEvents[K]
  ): void {
    try {
      (this as EventEmitter).emit(name, ...args);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #control(
    type: 9 | 10,
    data: Data | SendCallback | undefined,
    mask: boolean | SendCallback | undefined,
    callback: SendCallback | undefined,
  ): void {
    this.#requireOpening();
    let done = callback;
    let given: unknown = data;
    if (typeof data === "function") {
      done = data as SendCallback;
      given = undefined;
    } else if (typeof mask === "function") {
      done = mask;
    }
    const payload = toControlPayload(given);
    if (this.#readyState === OPEN) {
      this.#outgoing!.control(type, payload, told(done));
    } else {
      this.#refuse(sizeOf(payload), done);
    }
  }

  #requireOpening(): void {
    if (this.#readyState === CONNECTING) {
      throw new Error("WebSocket is not open: readyState 0 (CONNECTING)");
    }
  }

  #refuse(size: number, done: SendCallback | undefined): void {
    this.#dropped += size;
    if (typeof done !== "function") return;
    const state = this.#readyState;
    const error = new Error(
      `WebSocket is not open: readyState ${state} (${STATES[state]})`,
    );
    queueMicrotask(() => done(error));
  }
}

/** The types of `ws` that its users find on the class, such as `WebSocket.RawData`. */
export declare namespace WebSocket {
  /** A message as it is received. */
  type RawData = data.RawData;
  /** What `send()` takes. */
  type Data = data.Data;
  /** A certificate, a key, or several. */
  type CertMeta = options.CertMeta;
  /** The options of a client. */
  type ClientOptions = options.ClientOptions;
  /** How messages are compressed. */
  type PerMessageDeflateOptions = options.PerMessageDeflateOptions;
  /** An event; of an `open`, nothing more. */
  type Event = events.Event;
  /** The event of a message. */
  type MessageEvent = events.MessageEvent;
  /** The event of an end. */
  type CloseEvent = events.CloseEvent;
  /** The event of a failure. */
  type ErrorEvent = events.ErrorEvent;
  /** The events that `addEventListener()` knows. */
  type WebSocketEventMap = events.WebSocketEventMap;
  /** How `addEventListener()` adds a listener. */
  type EventListenerOptions = events.EventListenerOptions;
  /** The class itself. */
  type WebSocket = events.Event["target"];
  /** A server. */
  type WebSocketServer = server.WebSocketServer;
  /** A server. */
  type Server = server.WebSocketServer;
  /** The options of a server. */
  type ServerOptions = server.ServerOptions;
  /** Where a server listens. */
  type AddressInfo = server.AddressInfo;
  /** Whether a client may connect, said at once. */
  type VerifyClientCallbackSync = server.VerifyClientCallbackSync;
  /** Whether a client may connect, told later. */
  type VerifyClientCallbackAsync = server.VerifyClientCallbackAsync;
}

function reasonOf(data: string | Uint8Array): string {
  const bytes = Buffer.from(data as string);
  if (bytes.length > 123) {
    throw new RangeError("The message must not be greater than 123 bytes");
  }
  const text = String(bytes);
  if (Buffer.from(text).equals(bytes)) return text;
  throw new TypeError("Cannot close: the reason must be UTF-8, give a string");
}

function toBuffer(data: Uint8Array<ArrayBuffer>): Buffer<ArrayBuffer> {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** What a callback throws is uncaught, and its promise's own failure told. */
function told(callback: SendCallback | undefined): Done | undefined {
  // As with `ws`, what cannot be called is none.
  if (typeof callback !== "function") return undefined;
  return (error) => {
    queueMicrotask(() =>
      error === undefined
        ? callback()
        : callback(toError(error, "Cannot send: it failed"))
    );
  };
}

/**
 * A `ws` WebSocket over a connection, server's or client's, which is read by it
 * from now on. It is open at once, and an `open` event follows.
 *
 * @param conn The connection, from which nobody else reads
 * @returns The WebSocket
 * @throws {TypeError} If it is no connection
 *
 * @example Usage
 * ```ts
 * import { toWs } from "@silverback/websocket/ws";
 * import { dial, serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve(async (conn) => {
 *   const ws = toWs(conn);
 *   ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
 *   await conn.closed;
 * }, { port: 0 });
 *
 * const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}`);
 * await conn.send("Hello");
 * assertEquals((await conn.readMessage()).data, "Hello");
 * await conn.close();
 * ```
 */
export function toWs(conn: Conn): WebSocket {
  if (insideOf(conn) === undefined) {
    throw new TypeError("Cannot make WebSocket: it must be over a Conn");
  }
  const ws = new WebSocket(null);
  attach(ws, conn, ownOptions<CommonOptions>(undefined));
  nextTurn().then(() => {
    if (ws.readyState === OPEN) ws.emit("open");
  });
  return ws;
}
