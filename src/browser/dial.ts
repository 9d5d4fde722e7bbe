import { brandOf } from "../base/brands.ts";
import { type OptionsOf, readOptions } from "../base/options.ts";
import { assembleConn, type Conn } from "../conn/conn.ts";
import type { ConnSettings } from "../conn/options.ts";
import { DialError } from "../errors.ts";
import { BrowserTransport } from "./transport.ts";

/** Options of {@linkcode dial}. */
export interface DialOptions {
  /**
   * The subprotocols to offer, most wanted first.
   *
   * @default {[]}
   */
  readonly subprotocols?: readonly string[];
  /** Gives up the dial; it rejects with the signal's reason. Default: none. */
  readonly signal?: AbortSignal;
}

/** What {@linkcode dial} resolves with. */
export interface DialResult {
  /** The connection. */
  readonly conn: Conn;
}

// On the socket itself, so that other copies of the package see it.
const OWNED = brandOf("owned");

// Not declared: it is not what another dial() should be told of.
const DIAL_OPTIONS: OptionsOf<DialOptions> = {
  what: "dial()",
  use: "dial(url, { … })",
  names: { subprotocols: true, signal: true },
};

// As those of a Dialer.
const SETTINGS: ConnSettings = {
  readBufferSize: 65_536,
  writeBufferSize: 65_536,
  writeBufferPool: undefined,
  readLimit: 16 * 2 ** 20,
  keepAlive: undefined,
  closeTimeout: 5_000,
  writeLimit: 64 * 2 ** 20,
  messageLimit: undefined,
};

/**
 * Connects to a server by the platform's own WebSocket.
 *
 * @param url The URL: of a page or a worker, it may be relative
 * @param options Subprotocols, and a signal to give up
 * @returns The connection
 * @throws {DOMException} `SyntaxError` if the URL or a subprotocol is malformed; the
 * signal's reason, `AbortError` by default
 * @throws {DialError} If there is no connection; pages are not told why
 * @throws {TypeError} If an option is unknown, or of the wrong type
 *
 * @example Usage
 * ```ts
 * import { dial } from "@silverback/websocket/browser";
 * import { serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve((conn) => conn.send("Hello"), { port: 0 });
 *
 * const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}`);
 * for await (const { data } of conn) assertEquals(data, "Hello");
 * assertEquals((await conn.closed).code, 1000);
 * ```
 */
export async function dial(
  url: string | URL,
  options?: DialOptions,
): Promise<DialResult> {
  const { subprotocols = [], signal } = readOptions(options, DIAL_OPTIONS);
  signal?.throwIfAborted();
  // A string has characters, which would be taken for names.
  if (!Array.isArray(subprotocols)) {
    throw new TypeError("Cannot use option subprotocols: it must be an array");
  }
  const socket = new WebSocket(url, [...subprotocols]);
  // It takes over what the socket tells before anybody waits.
  const conn = connFrom(socket);
  const { promise, resolve, reject } = Promise.withResolvers<DialResult>();
  const giveUp = () => {
    reject(signal!.reason);
    socket.close();
  };
  signal?.addEventListener("abort", giveUp);
  socket.addEventListener("open", () => resolve({ conn }));
  socket.addEventListener("close", ({ code }) =>
    reject(
      new DialError(`Cannot connect to ${socket.url}: ${code}`, {
        phase: "connect",
        address: new URL(socket.url).host,
      }),
    ));
  try {
    return await promise;
  } finally {
    signal?.removeEventListener("abort", giveUp);
  }
}

/**
 * A connection over a WebSocket of the platform, in a page, a worker, or a function of
 * Deno Deploy or Cloudflare Workers. The socket belongs to the connection from then
 * on. What is sent while it is still connecting goes out once it is open.
 *
 * @param webSocket The socket
 * @returns The connection
 * @throws {DOMException} `InvalidStateError` if it is another connection's already
 * @throws {TypeError} If it is no WebSocket
 *
 * @example Usage
 * ```ts
 * import { connFrom } from "@silverback/websocket/browser";
 * import { serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve((conn) => conn.send("Hello"), { port: 0 });
 *
 * const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}`);
 * const conn = connFrom(socket);
 * assertEquals((await conn.readMessage()).data, "Hello");
 * await conn.close();
 * ```
 */
export function connFrom(webSocket: WebSocket): Conn {
  const { addEventListener, send, close, readyState } = webSocket ?? {};
  if (
    [addEventListener, send, close].some((own) => typeof own !== "function") ||
    typeof readyState !== "number"
  ) {
    throw new TypeError("Cannot make Conn: it must be over a WebSocket");
  }
  // Each of two would take what is the other's.
  if (OWNED in webSocket) {
    throw new DOMException(
      "Cannot make Conn: the WebSocket has one already",
      "InvalidStateError",
    );
  }
  Object.defineProperty(webSocket, OWNED, { value: true });
  const { readLimit, writeBufferSize } = SETTINGS;
  return assembleConn(
    new BrowserTransport(webSocket, readLimit, writeBufferSize),
    SETTINGS,
  );
}
