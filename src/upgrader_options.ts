import type { ConnOptions } from "./conn/options.ts";
import { milliseconds } from "./conn/options.ts";
import type { CompressionOptions } from "./deflate/options.ts";
import type { HandshakeError } from "./errors.ts";
import type { HeadersLike } from "./handshake/headers.ts";
import { checkSubprotocols } from "./handshake/subprotocol.ts";
import type { Addr, Capability } from "./transport/transport.ts";

/** What is known of an upgrade request beside the request itself. */
export interface UpgradeInfo {
  /**
   * The client's address, where the engine knows it; behind a proxy, the
   * proxy's.
   */
  readonly remoteAddr: Addr | undefined;
}

/** Options of an `Upgrader`. `new Upgrader()` works without any. */
export interface UpgraderOptions extends ConnOptions {
  /**
   * Milliseconds from the upgrade request to the 101, what the callbacks take
   * included. A request that takes longer is answered with 503, without asking
   * the `error` callback, which may be what takes so long.
   *
   * @default {10_000}
   */
  readonly handshakeTimeout?: number;
  /**
   * The subprotocols that the server speaks (RFC 6455, section 1.9): the first
   * of the client's offers that is among them is chosen. Or a function that
   * chooses one of the offers, or `undefined` for none; the name of one that was
   * not offered, or a throw, answers 500. Without a common one, the connection
   * is made without a subprotocol; browsers then fail it. Default: none.
   */
  readonly subprotocols?:
    | readonly string[]
    | ((
      offered: readonly string[],
      request: Request,
    ) => string | undefined | Promise<string | undefined>);
  /**
   * Makes the answer to a refused request, of a status from 200 on. Default: the
   * status and its text, without the reason.
   */
  readonly error?: (
    request: Request,
    status: number,
    reason: HandshakeError,
  ) => Response | Promise<Response>;
  /**
   * Whether a request may come from the page that its Origin header names; any
   * other value than `true` answers 403. Browsers send cookies along with the
   * upgrade requests of every page, so that a server that relies on cookies
   * must check it (RFC 6455, section 10.2). A throw answers 500. Default: a
   * request without an Origin header, or with one whose host and port are those
   * of the Host header, as gorilla has it.
   */
  readonly checkOrigin?: (
    request: Request,
    info: UpgradeInfo,
  ) => boolean | Promise<boolean>;
  /**
   * Agrees to permessage-deflate (RFC 7692) with clients that offer it. By
   * default each message is compressed alone, so that an idle connection holds
   * no memory for it; with context takeover one holds up to 400 KiB. Compressing
   * secrets together with what an attacker has chosen may reveal them. The
   * native engine on Deno does not compress.
   *
   * @default {false}
   */
  readonly enableCompression?: boolean | CompressionOptions;
  /**
   * The last word before the 101: a `Response` is sent instead of it, headers
   * are added to it, such as Set-Cookie. A throw answers 500. Default: whoever
   * has come so far may connect.
   */
  readonly authorize?: (
    request: Request,
    info: UpgradeInfo,
  ) => Response | HeadersLike | void | Promise<Response | HeadersLike | void>;
  /**
   * What the engine must be able to do. One that cannot throws an
   * `UnsupportedError` where it is chosen, not where it is needed.
   *
   * @default {[]}
   */
  readonly require?: readonly Capability[];
}

const CALLBACKS = ["error", "checkOrigin", "authorize"] as const;

// Of all capabilities: a missing one does not compile.
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
 * Checks the options that are not a connection's.
 *
 * @param options The options
 * @throws {RangeError} If a time is out of range
 * @throws {TypeError} If a callback is no function, a subprotocol no token, or a
 * required capability unknown
 */
export function checkUpgraderOptions(options: UpgraderOptions): void {
  const { handshakeTimeout, subprotocols, require = [] } = options;
  if (handshakeTimeout !== undefined) {
    milliseconds("handshakeTimeout", handshakeTimeout);
  }
  for (const name of CALLBACKS) {
    const callback: unknown = options[name];
    if (callback !== undefined && typeof callback !== "function") {
      throw new TypeError(
        `Cannot use option ${name}: it must be a function, got ${typeof callback}`,
      );
    }
  }
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
