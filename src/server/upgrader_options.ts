import { nameOf } from "../base/user_values.ts";
import {
  CONN_OPTIONS,
  type ConnOptions,
  KEEP_ALIVE_OPTIONS,
} from "../conn/options.ts";
import { MESSAGE_LIMIT_OPTIONS } from "../conn/message_limit.ts";
import {
  COMPRESSION_OPTIONS,
  type CompressionOptions,
} from "../deflate/options.ts";
import type { HandshakeError } from "../peer_errors.ts";
import type { Authorized } from "../handshake/authorized.ts";
import { checkSubprotocols } from "../handshake/subprotocol.ts";
import { declareOptions, type OptionsOf } from "../base/options.ts";
import type { Addr, Capability } from "../transport/transport.ts";
import { TRUST_PROXY_OPTIONS, type TrustProxyOptions } from "./client_addr.ts";

/** What is known of an upgrade request beside the request itself. */
export interface UpgradeInfo {
  /**
   * The peer's address, where the engine knows it; behind a proxy, the proxy's.
   */
  readonly remoteAddr: Addr | undefined;
  /**
   * The client's address: what the proxies of the option `trustProxy` say, else
   * `remoteAddr`. Its port is 0 where they do not tell it.
   */
  readonly clientAddr: Addr | undefined;
}

/**
 * Options of an `Upgrader`. `new Upgrader()` works without any.
 *
 * @typeParam Data What `authorize` hands over
 */
export interface UpgraderOptions<Data = unknown> extends ConnOptions {
  /**
   * Milliseconds from the upgrade request to the 101, including the time that
   * the callbacks take. A request that takes longer is answered with 503,
   * without calling `error`, as that may be what takes so long. On the wire
   * engine, `serve()` allows the same time for the head of a request, and for
   * the client to take a part of an answer; twice the time for what the client
   * sends after an answer; and 30 times for a whole request.
   *
   * @default {10_000}
   */
  readonly handshakeTimeout?: number;
  /**
   * The subprotocols that the server speaks (RFC 6455, section 1.9): the first
   * of the client's offers that is among them is chosen. Or a function that
   * chooses one of the offers, or `undefined` for none; if it throws or returns
   * one that was not offered, the answer is 500 and `onError` is called. With
   * none in common, the connection is made without a subprotocol; browsers then
   * fail it. Default: none.
   */
  readonly subprotocols?:
    | readonly string[]
    | ((
      offered: readonly string[],
      request: Request,
    ) => string | undefined | Promise<string | undefined>);
  /**
   * Makes the answer to a refused request, with a status of 200 or above. If it
   * fails, `onError` is called and the default answer is sent. To only observe
   * refusals, use `onRefused`. Default: the status and its text, without the
   * reason.
   */
  readonly error?: (
    request: Request,
    status: number,
    reason: HandshakeError,
  ) => Response | Promise<Response>;
  /**
   * Whether a request may come from the page that its Origin header names; any
   * value but `true` is answered with 403. Browsers send cookies with the
   * upgrade requests of every page, so a server that relies on cookies must
   * check the origin (RFC 6455, section 10.2). If it throws, the answer is 500
   * and `onError` is called. Default, as in gorilla: accepts a request without
   * an Origin header, or with one whose host and port are those of the Host
   * header.
   */
  readonly checkOrigin?: (
    request: Request,
    info: UpgradeInfo,
  ) => boolean | Promise<boolean>;
  /**
   * Agrees to permessage-deflate (RFC 7692) with clients that offer it. By
   * default, each message is compressed by itself, so that an idle connection
   * holds no memory for it; with context takeover, one holds up to 400 KiB.
   * Compressing secrets together with what an attacker has chosen may reveal
   * them. The native engine on Deno does not compress.
   *
   * @default {false}
   */
  readonly enableCompression?: boolean | CompressionOptions;
  /**
   * Has the last word before the 101. A `Response` that it returns is sent
   * instead. Of `{ data, headers }`, both of which may be left out, `data` is
   * the connection's `data` from then on, and `headers`, such as Set-Cookie, are
   * added to the 101. If it throws, or returns anything else, such as headers
   * alone, the answer is 500 and `onError` is called. Default: every request
   * that has passed the other checks may connect.
   *
   * With its parameter's type written, `(request: Request) => …`, TypeScript
   * knows the type of `conn.data` in the handler of `serve()` beside it.
   */
  readonly authorize?: (
    request: Request,
    info: UpgradeInfo,
  ) =>
    | Response
    | Authorized<Data>
    | void
    | Promise<Response | Authorized<Data> | void>;
  /**
   * The proxies that are believed when they say whose connection it is, and by
   * which header. `clientAddr` in `authorize`'s second argument and on the
   * `Conn` is then the rightmost address of the header that is none of theirs.
   * Default: nobody is believed, as every client can send such headers.
   */
  readonly trustProxy?: TrustProxyOptions;
  /**
   * The most connections of one address at a time, over all servers of the
   * Upgrader; one more is answered with 429. IPv6 addresses are counted by /64.
   * Clients of the proxies in `trustProxy` are counted by their own addresses;
   * those whose address the proxy does not tell share the proxy's. A place is
   * taken before any callback is asked, and is free again when the upgrade is
   * refused or the connection has ended. A callback that outlives
   * `handshakeTimeout` holds it until it settles, so that no address has more of
   * them running: give what it waits for a timeout of its own. A connection
   * whose address is not known is not counted: one on a unix socket, one of a
   * `Deno.serve` handler that passes no `info`, or of `upgradeSocket()` on a
   * duplex that is not a socket. Nor is what has not asked for an upgrade: see
   * `maxConns` of `serve()`. On the native engine on Deno a socket may outlive its connection.
   * `Infinity` is no limit; 0 is a `RangeError`.
   *
   * @default {Infinity}
   */
  readonly maxConnsPerAddress?: number;
  /**
   * What the engine must be able to do. Where it cannot, `serve()`, `handler()`
   * and the like throw an `UnsupportedError`, rather than a later call on a
   * connection.
   *
   * @default {[]}
   */
  readonly require?: readonly Capability[];
}

/** The options of an Upgrader. */
export const UPGRADER_OPTIONS: OptionsOf<UpgraderOptions> = declareOptions({
  what: "an Upgrader",
  use: "new Upgrader({ … })",
  names: {
    ...CONN_OPTIONS,
    handshakeTimeout: true,
    subprotocols: true,
    error: true,
    checkOrigin: true,
    enableCompression: true,
    authorize: true,
    trustProxy: true,
    maxConnsPerAddress: true,
    require: true,
  },
  within: {
    trustProxy: TRUST_PROXY_OPTIONS.names,
    keepAlive: KEEP_ALIVE_OPTIONS.names,
    messageLimit: MESSAGE_LIMIT_OPTIONS.names,
    enableCompression: COMPRESSION_OPTIONS.names,
  },
});

// The type makes the compiler reject a list with a capability missing.
const KNOWN: Record<Capability, true> = {
  ping: true,
  controlHandlers: true,
  closeHandler: true,
  streaming: true,
  compression: true,
  readBackpressure: true,
  readLimit: true,
  writeLimit: true,
  closeHandshake: true,
  terminate: true,
};

/**
 * Checks the options that are the Upgrader's own, not a connection's.
 *
 * @param options The options
 * @throws {TypeError} If a callback is not a function, a subprotocol is not a
 * token, or a required capability is unknown
 */
export function checkUpgraderOptions(options: UpgraderOptions): void {
  const { subprotocols, require = [] } = options;
  checkCallbacks(options, ["error", "checkOrigin", "authorize"]);
  if (Array.isArray(subprotocols)) {
    checkSubprotocols(subprotocols);
  } else if (
    subprotocols !== undefined && typeof subprotocols !== "function"
  ) {
    throw new TypeError(
      "Cannot use option subprotocols: it must be an array or a function",
    );
  }
  for (const name of require) {
    if (!Object.hasOwn(KNOWN, name)) {
      throw new TypeError(
        `Cannot require capability ${JSON.stringify(name)}: use ${
          Object.keys(KNOWN).join(", ")
        }`,
      );
    }
  }
}

/**
 * Checks the options that are called.
 *
 * @param options The options
 * @param names Which of them are called
 * @throws {TypeError} If one is not a function
 */
export function checkCallbacks<T extends object>(
  options: T,
  names: readonly (keyof T & string)[],
): void {
  for (const name of names) {
    const callback: unknown = options[name];
    if (callback === undefined || typeof callback === "function") continue;
    throw new TypeError(
      `Cannot use option ${name}: it must be a function, got ${
        nameOf(callback)
      }`,
    );
  }
}
