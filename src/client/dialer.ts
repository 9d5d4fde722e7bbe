// One class and its options; past 300 lines because of their documentation.

import type { Conn } from "../conn/conn.ts";
import { opened } from "../conn/ownership.ts";
import { MESSAGE_LIMIT_OPTIONS } from "../conn/message_limit.ts";
import {
  CONN_OPTIONS,
  type ConnOptions,
  type ConnSettings,
  connSettings,
  KEEP_ALIVE_OPTIONS,
  milliseconds,
} from "../conn/options.ts";
import { DeflateCodec } from "../deflate/codec.ts";
import { formatOffer, verifyAnswer } from "../deflate/negotiation.ts";
import {
  COMPRESSION_OPTIONS,
  type CompressionOptions,
  type CompressionSettings,
  compressionSettings,
} from "../deflate/options.ts";
import {
  type ProxyChooser,
  proxyChooser,
  proxyFromEnvironment,
  type ProxyFunction,
} from "./choose_proxy.ts";
import type { CookieJar } from "../cookies/cookie_jar.ts";
import { attemptDial } from "./dial.ts";
import type { HandshakeResponse } from "../peer_errors.ts";
import { generateKey } from "../handshake/accept.ts";
import { buildClientRequest } from "../handshake/client_request.ts";
import { parseDialURL } from "../handshake/client_url.ts";
import { headerList, type HeadersLike } from "../handshake/headers.ts";
import { checkSubprotocols } from "../handshake/subprotocol.ts";
import type { NetDial } from "./connect.ts";
import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../base/options.ts";
import { wireConn } from "../conn_over.ts";
import {
  TLS_OPTIONS,
  type TLSOptions,
  type TLSSettings,
  tlsSettings,
} from "../runtime/sockets/tls_options.ts";

const HANDSHAKE_TIMEOUT = 45_000;

/** Options of a {@linkcode Dialer} (the fields of gorilla's `Dialer`). */
export interface DialerOptions extends ConnOptions {
  /**
   * Makes the connection, in place of TCP (gorilla's `NetDialContext`). For
   * `wss:` URLs, TLS is spoken over what it returns; to use a connection that
   * is encrypted already, dial a `ws:` URL. With a proxy, it is called to
   * connect to the proxy. Default: TCP, to the first of the host's addresses
   * that answers.
   */
  readonly netDial?: NetDial;
  /**
   * The proxy to dial through: its URL, or a function that chooses one for each
   * dial, such as {@linkcode proxyFromEnvironment}. The scheme is `http` or
   * `https` (HTTP's CONNECT, over TLS for `https`), `socks5` or `socks5h`
   * (SOCKS5; the proxy looks up the name in either case). A user name and
   * password in the URL, percent-encoded, are sent to the proxy: in Basic
   * authorization, if there is a password, or in SOCKS5.
   *
   * The proxy sees the host and port of the URL that is dialed, and for `wss:`
   * URLs nothing else. Unix sockets are dialed without a proxy.
   *
   * @default {undefined}, no proxy; the same as `null`
   */
  readonly proxy?: URL | string | ProxyFunction | null;
  /**
   * How TLS is spoken for `wss:` URLs and with `https:` proxies. A proxy's
   * certificate must be for the proxy's host, by the same authorities; the
   * proxy does not get the client's certificate. Default: the runtime's
   * authorities, and no client certificate.
   */
  readonly tls?: TLSOptions;
  /**
   * Provides the cookies of each request and stores those of each answer, also
   * of a refused handshake; for example a {@linkcode MemoryCookieJar}. Cookies
   * in a Cookie header among the dial's headers are sent as well, and take
   * precedence over one of the same name in the jar. Default: no jar.
   */
  readonly jar?: CookieJar;
  /**
   * Milliseconds for a whole dial: the jar, lookup, connection, proxy, TLS and
   * the handshake together. `Infinity` is no limit.
   *
   * @default {45_000}
   */
  readonly handshakeTimeout?: number;
  /**
   * The subprotocols to offer, in order of preference (RFC 6455, section 1.9).
   * The connection's `subprotocol` is the one that the server chose, or an
   * empty string.
   *
   * @default {[]}
   */
  readonly subprotocols?: readonly string[];
  /**
   * Offers permessage-deflate (RFC 7692); the server may decline it. An answer
   * that does not fit the offer fails the handshake. Compressing secrets
   * together with what an attacker has chosen may reveal them.
   *
   * @default {false}
   */
  readonly enableCompression?: boolean | CompressionOptions;
}

/** Options of {@linkcode Dialer.dial}. */
export interface DialOptions {
  /**
   * Headers of the upgrade request, such as Authorization, Cookie or Origin; if
   * given as a record or an array, their case and order are kept. `Host` only
   * replaces the value of the Host header: the URL's host is still dialed, and
   * the certificate must be for it. Headers of the handshake itself are
   * refused. Default: none.
   */
  readonly headers?: HeadersLike;
  /**
   * Gives up the dial, which rejects with the signal's reason. It has no effect
   * once the connection is made. Default: none.
   */
  readonly signal?: AbortSignal;
}

const DIALER_OPTIONS: OptionsOf<DialerOptions> = declareOptions({
  what: "a Dialer",
  use: "new Dialer({ … })",
  names: {
    ...CONN_OPTIONS,
    netDial: true,
    proxy: true,
    tls: true,
    jar: true,
    handshakeTimeout: true,
    subprotocols: true,
    enableCompression: true,
  },
  within: {
    tls: TLS_OPTIONS.names,
    keepAlive: KEEP_ALIVE_OPTIONS.names,
    messageLimit: MESSAGE_LIMIT_OPTIONS.names,
    enableCompression: COMPRESSION_OPTIONS.names,
  },
  // Each is the other's neighbour.
  get beside() {
    return DIAL_OPTIONS;
  },
});

const DIAL_OPTIONS: OptionsOf<DialOptions> = declareOptions({
  what: "dial()",
  use: "dial(url, { … })",
  names: { headers: true, signal: true },
  beside: DIALER_OPTIONS,
});

/** Dials with other subprotocols than the Dialer's, for the shapes of other APIs. */
export let dialOffering: (
  dialer: Dialer,
  url: string | URL,
  subprotocols: readonly string[],
  options: DialOptions,
) => Promise<DialResult>;

/** What {@linkcode Dialer.dial} resolves with. */
export interface DialResult {
  /** The connection. */
  readonly conn: Conn;
  /** The server's answer: status 101, and its headers. */
  readonly response: HandshakeResponse;
}

/**
 * A WebSocket client (gorilla's `Dialer`). One Dialer serves any number of
 * connections.
 *
 * The answer is always verified: the accept key, and that the server chose no
 * subprotocol or extension that was not offered. Redirects are not followed.
 * TLS offers only `http/1.1`, and the certificate must be for the dialed host.
 *
 * @example Usage
 * ```ts
 * import { Dialer, serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve((conn) => conn.send("Welcome"), {
 *   port: 0,
 *   upgrader: { subprotocols: ["chat"] },
 * });
 *
 * const dialer = new Dialer({
 *   subprotocols: ["chat"],
 *   handshakeTimeout: 5_000,
 * });
 * const { conn, response } = await dialer.dial(
 *   `ws://127.0.0.1:${server.addr.port}/ws`,
 *   { headers: { Authorization: "Bearer secret" } },
 * );
 * assertEquals([response.status, conn.subprotocol], [101, "chat"]);
 * assertEquals((await conn.readMessage()).data, "Welcome");
 * await conn.close();
 * ```
 */
export class Dialer {
  readonly #settings: ConnSettings;
  readonly #netDial: NetDial | undefined;
  readonly #proxy: ProxyChooser | undefined;
  readonly #jar: CookieJar | undefined;
  readonly #tls: TLSSettings;
  readonly #timeout: number;
  readonly #subprotocols: readonly string[];
  readonly #compression: CompressionSettings | undefined;

  /**
   * Makes a client.
   *
   * @param options Limits, timeouts, TLS and subprotocols; all have defaults
   * @throws {RangeError} If a limit or a time is out of range
   * @throws {TypeError} If `subprotocols` is no array, a subprotocol is not a
   * token or is listed twice, `netDial` is not a function, `proxy` is not a
   * proxy's URL, `jar` is not a jar, a certificate or key of `tls` cannot be
   * read, or an option is unknown
   */
  constructor(options?: DialerOptions) {
    const read = readOptions(options, DIALER_OPTIONS);
    const {
      handshakeTimeout = HANDSHAKE_TIMEOUT,
      subprotocols = [],
      netDial,
      jar,
    } = read;
    checkSubprotocols(subprotocols);
    if (netDial !== undefined && typeof netDial !== "function") {
      throw new TypeError("Cannot use netDial: it must be a function");
    }
    if (
      jar !== undefined && (typeof jar?.getCookies !== "function" ||
        typeof jar.setCookies !== "function")
    ) {
      throw new TypeError(
        "Cannot use jar: it must have the methods getCookies and setCookies",
      );
    }
    this.#settings = connSettings(read, "client");
    this.#netDial = netDial;
    this.#proxy = proxyChooser(read.proxy);
    this.#jar = jar;
    this.#tls = tlsSettings(read.tls);
    this.#timeout = handshakeTimeout === Infinity
      ? Infinity
      : milliseconds("handshakeTimeout", handshakeTimeout);
    this.#subprotocols = [...subprotocols];
    this.#compression = compressionSettings(read.enableCompression);
  }

  /**
   * Connects to a server and does the opening handshake.
   *
   * @param url A `ws:` or `wss:` URL, without user info and fragment; for a
   * Unix socket, `ws+unix:/path/of/socket:/request/path`, or `wss+unix:`, for
   * which Deno requires the permissions to read and to write as well as the
   * net's
   * @param options Headers to send, and a signal to give up
   * @returns The connection, and the server's answer
   * @throws {BadHandshakeError} If the server refused the handshake, as by a
   * redirect or a 401, or answered it wrongly; `response` is the answer, with
   * at most 1024 bytes of its body
   * @throws {DialError} If the lookup, the connection, the proxy, TLS or the
   * exchange itself failed; `phase` says which, `address` with whom
   * @throws {DOMException} `TimeoutError` if it took longer than
   * `handshakeTimeout`; its message and its `phase` say which step, as a
   * `DialError`'s do. If the signal is aborted, its reason, an `AbortError` by
   * default
   * @throws {TypeError} If the URL or a header is malformed or not allowed, or
   * an option is unknown or `signal` is none
   */
  dial(url: string | URL, options?: DialOptions): Promise<DialResult> {
    return this.#dial(url, this.#subprotocols, options);
  }

  static {
    dialOffering = (dialer, url, subprotocols, options) =>
      dialer.#dial(url, subprotocols, options);
  }

  async #dial(
    url: string | URL,
    subprotocols: readonly string[],
    options: DialOptions | undefined,
  ): Promise<DialResult> {
    const compression = this.#compression;
    const { headers, signal } = readOptions(options, DIAL_OPTIONS);
    const target = parseDialURL(url);
    const given = {
      key: generateKey(),
      subprotocols,
      extensions: compression === undefined
        ? undefined
        : formatOffer(compression),
      headers: headerList(headers ?? []),
    };
    const buildRequest = (cookies: string) =>
      buildClientRequest(target, { ...given, cookies });
    // A header that may not be sent is refused before anything else is done.
    buildRequest("");
    const { stream, subprotocol, extension, response } = await attemptDial({
      target,
      buildRequest,
      jar: this.#jar,
      verifyExtensions: compression === undefined
        ? undefined
        : (accepted) => verifyAnswer(accepted, compression),
      netDial: this.#netDial,
      proxy: this.#proxy,
      tls: this.#tls,
      timeout: this.#timeout,
      signal,
    });
    const settings = this.#settings;
    const codec = extension !== undefined && compression !== undefined
      ? new DeflateCodec("client", extension, compression)
      : undefined;
    const conn = wireConn(stream, "client", subprotocol, settings, codec);
    opened(conn);
    return { conn, response };
  }
}

/**
 * The Dialer that {@linkcode dial} uses (gorilla's `DefaultDialer`): all
 * defaults, with {@linkcode proxyFromEnvironment} as its `proxy`.
 */
export const defaultDialer: Dialer = new Dialer({
  proxy: proxyFromEnvironment,
});

/**
 * Dials with the {@linkcode defaultDialer}; see {@linkcode Dialer.dial}.
 *
 * @param url A `ws:` or `wss:` URL
 * @param options Headers to send, and a signal to give up
 * @returns The connection, and the server's answer
 * @throws {BadHandshakeError} If the server refused the handshake
 * @throws {DialError} If the connection could not be made
 * @throws {Error} As {@linkcode Dialer.dial} in all else
 *
 * @example Usage
 * ```ts
 * import { dial, serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve((conn) => conn.send("Hello"), { port: 0 });
 *
 * const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}/ws`);
 * for await (const { data } of conn) assertEquals(data, "Hello");
 * assertEquals((await conn.closed).code, 1000);
 * ```
 */
export function dial(
  url: string | URL,
  options?: DialOptions,
): Promise<DialResult> {
  return defaultDialer.dial(url, options);
}
