// One class to the letter of its standard; its documentation has it past 300 lines.

import { isInstance, toError } from "../base/user_values.ts";
import { nextTurn } from "../base/turns.ts";
import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../base/options.ts";
import { Dialer, type DialerOptions, dialOffering } from "../client/dialer.ts";
import { proxyFromEnvironment } from "../client/choose_proxy.ts";
import type { CloseInfo } from "../close.ts";
import { type Conn, type Inside, insideOf } from "../conn/conn.ts";
import { buildClientRequest } from "../handshake/client_request.ts";
import { parseDialURL } from "../handshake/client_url.ts";
import { headerList, type HeadersLike } from "../handshake/headers.ts";
import {
  bytesOf,
  checkedProtocols,
  parseURL,
  syntaxError,
  toClampedShort,
  toProtocols,
  toUSVString,
  utf8Length,
} from "./arguments.ts";
import { EventHandlers } from "./event_handlers.ts";
import { Outbox, sizeOf } from "./outbox.ts";

/** What the constructor of a {@linkcode WebSocket} takes beyond that of a browser. */
export interface WebSocketOptions
  extends Pick<DialerOptions, "proxy" | "tls" | "jar" | "enableCompression"> {
  /**
   * Headers of the upgrade request, such as Authorization, Cookie or Origin; as
   * those of `dial()`. Default: none, and of a URL with a user name its
   * Authorization.
   */
  readonly headers?: HeadersLike;
  /**
   * What dials, with limits and times of its own; `proxy`, `tls`, `jar` and
   * `enableCompression` are its options then. Subprotocols of the constructor take
   * the place of its own. Default: a `Dialer` of these options, which takes the
   * proxy from the environment.
   */
  readonly dialer?: Dialer;
}

const DIALER_NAMES = {
  proxy: true,
  tls: true,
  jar: true,
  enableCompression: true,
} as const;

const WEB_SOCKET_OPTIONS: OptionsOf<WebSocketOptions> = declareOptions({
  what: "a WebSocket",
  use: "new WebSocket(url, protocols, { … })",
  names: { ...DIALER_NAMES, headers: true, dialer: true },
});

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/**
 * What the platform's own types let stand there, so that the class can take the
 * place of the platform's: of Deno's, options; ours stand behind it.
 */
type PlatformProtocols = ConstructorParameters<typeof globalThis.WebSocket>[1];

// Makes an object over a connection that is there.
const OVER = Symbol("toWebSocket");

/** What the constructor takes for an object over a connection. */
interface Given {
  readonly conn: Conn;
  readonly inside: Inside;
}

/**
 * The interface of browsers, to the letter of the standard
 * (https://websockets.spec.whatwg.org), over a {@linkcode Dialer}: for code and
 * libraries that are written for it, as `webSocketImpl`, `WebSocketPolyfill` or
 * whatever they call it.
 *
 * Each event comes in a task of its own, and a listener that throws keeps none
 * from others: its error is the runtime's to report. `error` events are
 * `ErrorEvent`s, with the cause that browsers keep to themselves: a
 * `BadHandshakeError` with the server's answer, say. `extensions` is what the
 * server has answered; permessage-deflate is offered if `enableCompression` asks
 * for it. Ports are not blocked, and the connection is made without a page:
 * there is no Origin unless `headers` has it. Unlike in browsers, messages have a
 * limit: one of more than 16 MiB fails the connection, unless a `dialer` with
 * another `readLimit` is given.
 *
 * @example Usage
 * ```ts
 * import { WebSocket } from "@silverback/websocket/compat";
 * import { serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve(async (conn) => {
 *   for await (const { data } of conn) await conn.send(data);
 * }, { port: 0 });
 *
 * const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}`, [], {
 *   headers: { Authorization: "Bearer secret" },
 * });
 * const text = await new Promise((resolve) => {
 *   socket.onopen = () => socket.send("Hello");
 *   socket.onmessage = ({ data }) => resolve(data);
 * });
 * assertEquals(text, "Hello");
 *
 * const closed = new Promise((resolve) => socket.onclose = resolve);
 * socket.close(1000);
 * assertEquals((await closed as CloseEvent).wasClean, true);
 * ```
 */
export class WebSocket extends EventTarget {
  /** 0: the connection has not been made. */
  declare static readonly CONNECTING: 0;
  /** 1: messages can be sent. */
  declare static readonly OPEN: 1;
  /** 2: the closing handshake has begun. */
  declare static readonly CLOSING: 2;
  /** 3: the connection is over, or could not be made. */
  declare static readonly CLOSED: 3;
  /** 0: the connection has not been made. */
  declare readonly CONNECTING: 0;
  /** 1: messages can be sent. */
  declare readonly OPEN: 1;
  /** 2: the closing handshake has begun. */
  declare readonly CLOSING: 2;
  /** 3: the connection is over, or could not be made. */
  declare readonly CLOSED: 3;

  readonly #handlers: EventHandlers;
  #url = "";
  #origin = "";
  #readyState: 0 | 1 | 2 | 3 = CONNECTING;
  #protocol = "";
  #extensions = "";
  #binaryType: "blob" | "arraybuffer" = "blob";
  #dialing: AbortController | undefined; // while it connects
  #conn: Conn | undefined;
  #outbox: Outbox | undefined;
  #dropped = 0; // bytes that were sent when nothing could go out any more
  #cause: unknown; // of a failure of this side's

  /**
   * Connects to a server; events tell how it goes.
   *
   * @param url The URL, of scheme ws, wss, http or https
   * @param protocols A subprotocol to offer, or several, most wanted first; a
   * server that chooses none fails the connection
   * @param options What browsers do not have
   * @throws {DOMException} `SyntaxError` if the URL is malformed, of another
   * scheme or has a fragment, or if a subprotocol is no token or stands twice
   * @throws {TypeError} If there is no URL, or an option is malformed or not known
   */
  constructor(
    url: string | URL,
    protocols?: string | readonly string[] | PlatformProtocols,
    options?: WebSocketOptions,
  ) {
    super();
    this.#handlers = new EventHandlers(this);
    if (url as unknown === OVER) {
      this.#take(protocols as unknown as Given);
      return;
    }
    requireArguments("construct WebSocket", arguments.length);
    const text = toUSVString(url);
    const offered = toProtocols(protocols === undefined ? [] : protocols);
    const target = parseURL(text);
    const names = checkedProtocols(offered);
    this.#url = target.href;
    this.#origin = target.origin;
    const plan = planOf(target, names, options);
    this.#dialing = new AbortController();
    this.#establish(plan, this.#dialing.signal);
  }

  /** The URL of the connection, with scheme ws or wss; empty where that is not known. */
  get url(): string {
    return this.#url;
  }

  /** Where the connection stands: {@linkcode WebSocket.CONNECTING} to {@linkcode WebSocket.CLOSED}. */
  get readyState(): 0 | 1 | 2 | 3 {
    return this.#readyState;
  }

  /**
   * Bytes of messages, as UTF-8, that were sent and have not gone out; with those
   * that were sent when nothing could go out any more.
   */
  get bufferedAmount(): number {
    return this.#dropped + (this.#outbox?.amount ?? 0);
  }

  /** The extensions agreed on, as the server's header has them; empty if none is known. */
  get extensions(): string {
    return this.#extensions;
  }

  /** The subprotocol agreed on, or an empty string. */
  get protocol(): string {
    return this.#protocol;
  }

  /**
   * What binary messages are given as: `"blob"`, at first, or `"arraybuffer"`. Other
   * values change nothing.
   */
  get binaryType(): "blob" | "arraybuffer" {
    return this.#binaryType;
  }

  set binaryType(value: "blob" | "arraybuffer") {
    const text = `${value}`;
    if (text === "blob" || text === "arraybuffer") this.#binaryType = text;
  }

  /** Is called when the connection has been made. */
  get onopen(): ((this: globalThis.WebSocket, event: Event) => unknown) | null {
    return this.#handlers.get("open") as never;
  }

  set onopen(
    value: ((this: globalThis.WebSocket, event: Event) => unknown) | null,
  ) {
    this.#handlers.set("open", value);
  }

  /** Is called when the connection could not be made, or has ended by a fault; `close` follows. */
  get onerror():
    | ((this: globalThis.WebSocket, event: Event) => unknown)
    | null {
    return this.#handlers.get("error") as never;
  }

  set onerror(
    value: ((this: globalThis.WebSocket, event: Event) => unknown) | null,
  ) {
    this.#handlers.set("error", value);
  }

  /** Is called when the connection is over. */
  get onclose():
    | ((this: globalThis.WebSocket, event: CloseEvent) => unknown)
    | null {
    return this.#handlers.get("close") as never;
  }

  set onclose(
    value: ((this: globalThis.WebSocket, event: CloseEvent) => unknown) | null,
  ) {
    this.#handlers.set("close", value);
  }

  /** Is called with each message. */
  get onmessage():
    | ((this: globalThis.WebSocket, event: MessageEvent) => unknown)
    | null {
    return this.#handlers.get("message") as never;
  }

  set onmessage(
    value:
      | ((this: globalThis.WebSocket, event: MessageEvent) => unknown)
      | null,
  ) {
    this.#handlers.set("message", value);
  }

  /**
   * Closes the connection: what was sent goes out before. One that has not been made
   * is given up. Messages that come meanwhile are dropped.
   *
   * @param code 1000, or 3000 to 4999; default: a close frame without a code
   * @param reason The reason, at most 123 bytes of UTF-8; default: none
   * @throws {DOMException} `InvalidAccessError` if the code is another;
   * `SyntaxError` if the reason is too long
   */
  close(code?: number, reason?: string): void {
    const status = code === undefined ? undefined : toClampedShort(code);
    const text = reason === undefined ? "" : toUSVString(reason);
    if (
      status !== undefined && status !== 1000 &&
      !(status >= 3000 && status <= 4999)
    ) {
      throw new DOMException(
        `Cannot close with code ${status}: use 1000, or 3000 to 4999`,
        "InvalidAccessError",
      );
    }
    const bytes = utf8Length(text);
    if (bytes > 123) {
      throw syntaxError(
        `Cannot close with a reason of ${bytes} bytes: the limit is 123`,
      );
    }
    if (this.#readyState === CLOSING || this.#readyState === CLOSED) return;
    this.#readyState = CLOSING;
    const conn = this.#conn;
    if (conn === undefined) {
      this.#dialing!.abort(
        new DOMException(
          "Cannot connect: close() has been called",
          "AbortError",
        ),
      );
      return;
    }
    // RFC 6455, section 5.5.1: a reason stands behind a code.
    const sent = status ?? (text === "" ? 1005 : 1000);
    this.#outbox!.whenEmpty(() => conn.close(sent, text));
  }

  /**
   * Sends a message: text, or the bytes of an ArrayBuffer, of a view or of a Blob,
   * in the order of the calls. All else is sent as its text. When the connection
   * closes or is over, nothing is sent, and nothing told.
   *
   * @param data The message
   * @throws {DOMException} `InvalidStateError` if the connection has not been made
   * @throws {TypeError} If there is no message, or it is a symbol
   */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    requireArguments("send", arguments.length);
    const message = data instanceof Blob
      ? data
      : bytesOf(data) ?? toUSVString(data);
    if (this.#readyState === CONNECTING) {
      throw new DOMException(
        "Cannot send: the connection has not been made, wait for the open event",
        "InvalidStateError",
      );
    }
    if (this.#readyState === OPEN) this.#outbox!.send(message);
    else this.#dropped += sizeOf(message);
  }

  /** As of any `EventTarget`, with the events of a WebSocket. */
  declare addEventListener:
    & (<K extends keyof WebSocketEventMap>(
      type: K,
      listener: (
        this: globalThis.WebSocket,
        event: WebSocketEventMap[K],
      ) => unknown,
      options?: boolean | AddEventListenerOptions,
    ) => void)
    & EventTarget["addEventListener"];

  /** As of any `EventTarget`, with the events of a WebSocket. */
  declare removeEventListener:
    & (<K extends keyof WebSocketEventMap>(
      type: K,
      listener: (
        this: globalThis.WebSocket,
        event: WebSocketEventMap[K],
      ) => unknown,
      options?: boolean | EventListenerOptions,
    ) => void)
    & EventTarget["removeEventListener"];

  async #establish(plan: Plan, signal: AbortSignal): Promise<void> {
    const { dialer, url, protocols, headers } = plan;
    let conn: Conn | undefined;
    try {
      const dialOptions = { headers, signal };
      const dialed = protocols.length === 0
        ? await dialer.dial(url, dialOptions)
        : await dialOffering(dialer, url, protocols, dialOptions);
      conn = dialed.conn;
      // What the 101 brings along is told later than the opening.
      await nextTurn();
      signal.throwIfAborted();
      // The standard's "establish a WebSocket connection", last steps: who asks for
      // a subprotocol takes no connection without one.
      if (protocols.length > 0 && conn.subprotocol === "") {
        throw new Error(
          `Cannot connect: the server chose none of the subprotocols ${
            protocols.join(", ")
          }`,
        );
      }
      const { headers: answer } = dialed.response;
      this.#extensions = answer.get("sec-websocket-extensions") ?? "";
    } catch (error) {
      conn?.terminate();
      await nextTurn();
      this.#over({ code: 1006, reason: "", wasClean: false }, error);
      return;
    }
    this.#open(conn);
    this.#fire(new Event("open"));
    this.#listen(conn);
  }

  /** A connection that is there: usable at once, and its events come in later tasks. */
  async #take({ conn, inside }: Given): Promise<void> {
    const readable = conn.state === "open" || inside.inbound.unread > 0;
    this.#extensions = inside.transport.extensions ?? "";
    this.#open(conn);
    if (!readable) {
      this.#readyState = conn.state === "closed" ? CLOSED : CLOSING;
    }
    await nextTurn();
    if (this.#readyState === OPEN) this.#fire(new Event("open"));
    this.#listen(conn);
  }

  #open(conn: Conn): void {
    this.#dialing = undefined;
    this.#conn = conn;
    this.#protocol = conn.subprotocol;
    this.#outbox = new Outbox(conn, (error) => {
      this.#cause = toError(error, "Cannot send Blob: it cannot be read");
      conn.terminate();
    });
    // As browsers do: the reason is echoed as well as the code.
    conn.setCloseHandler((code, reason) => void conn.close(code, reason));
    this.#readyState = OPEN;
  }

  async #listen(conn: Conn): Promise<void> {
    try {
      for (;;) {
        // A task for each event: who awaits one must be able to await the next.
        await nextTurn();
        const { data } = await conn.readMessage();
        if (this.#readyState === OPEN) this.#deliver(data);
      }
    } catch (error) {
      // Somebody else reads from it, or nobody shall.
      if (conn.state === "open") {
        this.#cause ??= error;
        conn.terminate();
      }
    }
    await nextTurn();
    if (this.#readyState === OPEN) this.#readyState = CLOSING;
    const info = await conn.closed;
    await nextTurn();
    const { wasClean, initiator, code, cause } = info;
    // Where the engine has no closing handshake, this side's is none that failed.
    const failed = !wasClean && !(initiator === "local" && code !== 1006);
    this.#over(
      info,
      failed
        ? this.#cause ?? cause ?? new Error(`Connection lost: ${code}`)
        : undefined,
    );
  }

  #deliver(message: string | Uint8Array<ArrayBuffer>): void {
    let data: string | ArrayBuffer | Blob;
    if (typeof message === "string") {
      data = message;
    } else if (this.#binaryType === "blob") {
      data = new Blob([message]);
    } else {
      // Its memory may hold other messages as well.
      const { buffer, byteLength } = message;
      data = byteLength === buffer.byteLength ? buffer : message.slice().buffer;
    }
    this.#fire(new MessageEvent("message", { data, origin: this.#origin }));
  }

  #over(
    { wasClean, code, reason }: Pick<CloseInfo, "wasClean" | "code" | "reason">,
    error: unknown,
  ): void {
    this.#outbox?.end();
    this.#readyState = CLOSED;
    if (error !== undefined) {
      const { message } = toError(error, "Connection failed");
      this.#fire(new ErrorEvent("error", { error, message }));
    }
    this.#fire(new CloseEvent("close", { wasClean, code, reason }));
  }

  // Not by a method that a subclass may have replaced.
  #fire(event: Event): void {
    EventTarget.prototype.dispatchEvent.call(this, event);
  }

  static {
    const constant = (value: number) => ({ value, enumerable: true });
    const constants = {
      CONNECTING: constant(CONNECTING),
      OPEN: constant(OPEN),
      CLOSING: constant(CLOSING),
      CLOSED: constant(CLOSED),
    };
    Object.defineProperties(this, constants);
    Object.defineProperties(this.prototype, constants);
    // Web IDL: members are enumerable, and the class has a name for `toString`.
    for (const name of Object.getOwnPropertyNames(this.prototype)) {
      if (name === "constructor") continue;
      const { configurable } = Object.getOwnPropertyDescriptor(
        this.prototype,
        name,
      )!;
      if (!configurable) continue;
      Object.defineProperty(this.prototype, name, { enumerable: true });
    }
    Object.defineProperty(this.prototype, Symbol.toStringTag, {
      value: "WebSocket",
      configurable: true,
    });
    // Web IDL: only what must be given counts.
    Object.defineProperty(this, "length", { value: 1, configurable: true });
    Object.defineProperty(this.prototype.close, "length", {
      value: 0,
      configurable: true,
    });
  }
}

/**
 * The interface of browsers over a connection, server's or client's, which is read
 * by it from now on: for libraries that want such an object on a server. It is open
 * at once, and an `open` event follows for those who wait for one. Its `url` is
 * empty. Messages are limited by the connection's `readLimit`, by default 16 MiB.
 *
 * @param conn The connection, from which nobody else reads
 * @returns The object
 * @throws {TypeError} If it is no connection
 *
 * @example Usage
 * ```ts
 * import { toWebSocket } from "@silverback/websocket/compat";
 * import { dial, serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve(async (conn) => {
 *   const socket = toWebSocket(conn);
 *   socket.onmessage = ({ data }) => socket.send(data);
 *   await conn.closed;
 * }, { port: 0 });
 *
 * const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}`);
 * await conn.send("Hello");
 * assertEquals((await conn.readMessage()).data, "Hello");
 * await conn.close();
 * ```
 */
export function toWebSocket(conn: Conn): WebSocket {
  const inside = insideOf(conn);
  if (inside === undefined) {
    throw new TypeError("Cannot make WebSocket: it must be over a Conn");
  }
  return new WebSocket(OVER as never, { conn, inside } as never);
}

/** What is dialed, and how. */
interface Plan {
  readonly dialer: Dialer;
  readonly url: URL;
  readonly protocols: readonly string[];
  readonly headers: [string, string][];
}

function planOf(
  target: URL,
  protocols: readonly string[],
  options: WebSocketOptions | undefined,
): Plan {
  const { headers = [], dialer: given, ...rest } = readOptions(
    options,
    WEB_SOCKET_OPTIONS,
  );
  const url = new URL(target);
  const list = headerList(headers);
  if (url.username !== "" || url.password !== "") {
    if (!list.some(([name]) => name.toLowerCase() === "authorization")) {
      list.push(["Authorization", basic(url)]);
    }
    url.username = "";
    url.password = "";
  }
  // What may not be sent is refused at once.
  buildClientRequest(parseDialURL(url), {
    key: "",
    subprotocols: protocols,
    headers: list,
  });
  return { dialer: dialerOf(given, rest), url, protocols, headers: list };
}

function dialerOf(
  given: Dialer | undefined,
  options: DialerOptions,
): Dialer {
  if (given === undefined) {
    return new Dialer({ proxy: proxyFromEnvironment, ...options });
  }
  if (!isInstance(given, Dialer)) {
    throw new TypeError("Cannot use option dialer: it must be a Dialer");
  }
  const [name] = Object.keys(options);
  if (name === undefined) return given;
  throw new TypeError(
    `Cannot use option ${name} beside dialer: give it to the Dialer`,
  );
}

/** RFC 7617, of the user name and password in a URL. */
function basic({ username, password }: URL): string {
  const credentials = `${decoded(username)}:${decoded(password)}`;
  const bytes = new TextEncoder().encode(credentials);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function requireArguments(action: string, count: number): void {
  if (count > 0) return;
  throw new TypeError(
    `Cannot ${action}: 1 argument is required, and there is none`,
  );
}
