import type { Conn } from "./conn/conn.ts";
import {
  type ConnOptions,
  type ConnSettings,
  connSettings,
  milliseconds,
} from "./conn/options.ts";
import { DeflateCodec } from "./deflate/codec.ts";
import { formatOffer, verifyAnswer } from "./deflate/negotiation.ts";
import {
  type CompressionOptions,
  type CompressionSettings,
  compressionSettings,
} from "./deflate/options.ts";
import {
  type ProxyChooser,
  proxyChooser,
  proxyFromEnvironment,
  type ProxyFunction,
} from "./choose_proxy.ts";
import type { CookieJar } from "./cookies/cookie_jar.ts";
import { attemptDial } from "./dial_attempt.ts";
import type { HandshakeResponse } from "./errors.ts";
import { generateKey } from "./handshake/accept.ts";
import { buildClientRequest } from "./handshake/client_request.ts";
import { parseDialURL } from "./handshake/client_url.ts";
import { headerList, type HeadersLike } from "./handshake/headers.ts";
import { checkSubprotocols } from "./handshake/subprotocol.ts";
import type { NetDial } from "./open_stream.ts";
import { wireConn } from "./over.ts";
import {
  type TLSOptions,
  type TLSSettings,
  tlsSettings,
} from "./runtime/node/tls_options.ts";

const HANDSHAKE_TIMEOUT = 45_000;

/** What a {@linkcode Dialer} is made with (gorilla's `Dialer`). */
export interface DialerOptions extends ConnOptions {
  /**
   * Makes the connection in place of TCP (gorilla's `NetDialContext`). For
   * `wss:` URLs, TLS is spoken over what it returns; to bring a connection that
   * is encrypted already, dial a `ws:` URL. With a proxy it dials the proxy.
   * Default: TCP, to the first of the host's addresses that answers.
   */
  readonly netDial?: NetDial;
  /**
   * The proxy to dial through: its URL, or a function that chooses one for each
   * dial, such as {@linkcode proxyFromEnvironment}. The scheme is `http` or
   * `https` (HTTP's CONNECT, over TLS for `https`), `socks5` or `socks5h`
   * (SOCKS5; the proxy looks up the name in either case). A user name and a
   * password in the URL, percent-encoded, are sent to the proxy: by Basic
   * authorization, if there is a password, or by SOCKS5.
   *
   * The proxy sees the host and the port of the URL that is dialed, and of
   * `wss:` URLs nothing else. Unix sockets are dialed without one.
   *
   * @default {undefined}, no proxy; `null` is none, too
   */
  readonly proxy?: URL | string | ProxyFunction | null;
  /**
   * How TLS is spoken for `wss:` URLs, and with `https:` proxies: those are
   * verified to be for the proxy's host, by the same authorities, and are not
   * shown the client's certificate. Default: the runtime's authorities, and no
   * certificate of the client.
   */
  readonly tls?: TLSOptions;
  /**
   * Where cookies are taken from for each request, and put from each answer, of
   * a refused handshake as well: a {@linkcode MemoryCookieJar}, say. They are
   * joined with those of a Cookie header among the dial's headers, which count
   * where both name a cookie. Default: no jar.
   */
  readonly jar?: CookieJar;
  /**
   * Milliseconds for the whole of a dial: the jar, lookup, connection, proxy,
   * TLS and the handshake together. `Infinity` is no limit.
   *
   * @default {45_000}
   */
  readonly handshakeTimeout?: number;
  /**
   * The subprotocols to offer, most wanted first (RFC 6455, section 1.9). The
   * connection's `subprotocol` is what the server has chosen of them, or an
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
   * Headers of the upgrade request, such as Authorization, Cookie or Origin; of
   * a record and of an array, case and order are kept. `Host` replaces the
   * value of the Host header alone: what is dialed, and whom the certificate
   * must be for, is the URL's host. Those of the handshake itself are refused.
   * Default: none.
   */
  readonly headers?: HeadersLike;
  /**
   * Gives up the dial; it rejects with the signal's reason. It has no effect on
   * a connection that has been made. Default: none.
   */
  readonly signal?: AbortSignal;
}

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
 * The answer is verified always: the accept key, and that the server has chosen
 * no subprotocol and no extension that was not offered. Redirects are not
 * followed. TLS offers `http/1.1` alone and verifies the dialed host.
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
 * const dialer = new Dialer({ subprotocols: ["chat"], handshakeTimeout: 5_000 });
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
   * @param options Limits, times, TLS and subprotocols; all have defaults
   * @throws {RangeError} If a limit or a time is out of range
   * @throws {TypeError} If a subprotocol is no token or stands twice, `netDial`
   * is no function, `proxy` is no proxy's URL, `jar` is no jar, or a certificate
   * or key of `tls` cannot be read
   */
  constructor(options: DialerOptions = {}) {
    const {
      handshakeTimeout = HANDSHAKE_TIMEOUT,
      subprotocols = [],
      netDial,
      jar,
      tls = {},
    } = options;
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
    this.#settings = connSettings(options, "client");
    this.#netDial = netDial;
    this.#proxy = proxyChooser(options.proxy);
    this.#jar = jar;
    this.#tls = tlsSettings(tls);
    this.#timeout = handshakeTimeout === Infinity
      ? Infinity
      : milliseconds("handshakeTimeout", handshakeTimeout);
    this.#subprotocols = [...subprotocols];
    this.#compression = compressionSettings(options.enableCompression);
  }

  /**
   * Connects to a server and does the opening handshake.
   *
   * @param url A `ws:` or `wss:` URL, without user info and fragment; for a unix
   * socket, `ws+unix:/path/of/socket:/request/path`, or `wss+unix:`, for which
   * Deno wants the permissions to read and to write beside that of the net
   * @param options Headers to send, and a signal to give up
   * @returns The connection, and the server's answer
   * @throws {BadHandshakeError} If the server refused the handshake or answered
   * it wrongly; the answer is in it, a redirect or a 401 for one, with at most
   * 1024 bytes of body
   * @throws {DialError} If the lookup, the connection, the proxy, TLS or the
   * exchange itself failed; it tells which, and the address
   * @throws {DOMException} `TimeoutError` if it took longer than
   * `handshakeTimeout`; the signal's reason, `AbortError` by default
   * @throws {TypeError} If the URL or a header is malformed, or may not be
   * dialed with or sent
   */
  async dial(
    url: string | URL,
    options: DialOptions = {},
  ): Promise<DialResult> {
    const compression = this.#compression;
    const target = parseDialURL(url);
    const given = {
      key: generateKey(),
      subprotocols: this.#subprotocols,
      extensions: compression === undefined
        ? undefined
        : formatOffer(compression),
      headers: headerList(options.headers ?? []),
    };
    const buildRequest = (cookies: string) =>
      buildClientRequest(target, { ...given, cookies });
    // What may not be sent is refused before anything is done.
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
      signal: options.signal,
    });
    const settings = this.#settings;
    const codec = extension !== undefined && compression !== undefined
      ? new DeflateCodec("client", extension, compression)
      : undefined;
    const conn = wireConn(stream, "client", subprotocol, settings, codec);
    return { conn, response };
  }
}

/**
 * The Dialer of {@linkcode dial} (gorilla's `DefaultDialer`): the defaults, and
 * {@linkcode proxyFromEnvironment}.
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
  options: DialOptions = {},
): Promise<DialResult> {
  return defaultDialer.dial(url, options);
}
