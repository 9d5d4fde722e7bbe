// Options and their documentation; hence past 300 lines.

/** The options of `ws`'s client, as those of a Dialer. */

import { Buffer } from "node:buffer";

import { isInstance, nameOf, shown } from "../base/user_values.ts";
import { Dialer, type DialerOptions } from "../client/dialer.ts";
import type { CompressionOptions } from "../deflate/options.ts";
import { UnsupportedError } from "../errors.ts";
import { parseDialURL } from "../handshake/client_url.ts";
import { headerList, isReserved } from "../handshake/headers.ts";
import { ownOptions } from "./options.ts";
import type { Duplex } from "../runtime/sockets/types.ts";

/** The options of `node:zlib`, which is where each is explained. */
export interface ZlibOptions {
  /** The level of compression. Default: zlib's own level. */
  level?: number | undefined;
  /** Takes no effect. Default: none. */
  chunkSize?: number | undefined;
  /** Takes no effect. Default: none. */
  dictionary?: ArrayBufferLike | ArrayBufferView | undefined;
  /** Takes no effect. Default: none. */
  finishFlush?: number | undefined;
  /** Takes no effect. Default: none. */
  flush?: number | undefined;
  /** Takes no effect. Default: none. */
  info?: boolean | undefined;
  /** Takes no effect. Default: none. */
  maxOutputLength?: number | undefined;
  /** Takes no effect. Default: none. */
  memLevel?: number | undefined;
  /** Takes no effect. Default: none. */
  strategy?: number | undefined;
  /** Takes no effect. Default: none. */
  windowBits?: number | undefined;
}

/** How messages are compressed, as `ws` has it. */
export interface PerMessageDeflateOptions {
  /**
   * Whether the server forgets each message before the next.
   *
   * @default {false}
   */
  serverNoContextTakeover?: boolean;
  /**
   * Whether the client forgets each message before the next.
   *
   * @default {false}
   */
  clientNoContextTakeover?: boolean;
  /**
   * The base-2 logarithm of the server's window, 8 to 15.
   *
   * @default {15}
   */
  serverMaxWindowBits?: number;
  /**
   * The base-2 logarithm of the client's window, 8 to 15.
   *
   * @default {15}
   */
  clientMaxWindowBits?: number | boolean;
  /**
   * Bytes under which a message goes out as it is.
   *
   * @default {1024}
   */
  threshold?: number;
  /** Of zlib's options, the level alone is used. Default: zlib's own level. */
  zlibDeflateOptions?: ZlibOptions;
  /** Takes no effect: inflating has nothing to choose. Default: none. */
  zlibInflateOptions?: ZlibOptions;
  /** Takes no effect: zlib's work is shared by turns. Default: none. */
  concurrencyLimit?: number;
}

/** What servers and clients of `ws` have in common. */
export interface CommonOptions {
  /**
   * Whether several events may come in one turn of the event loop.
   *
   * @default {true}
   */
  allowSynchronousEvents?: boolean;
  /**
   * Whether pings are answered.
   *
   * @default {true}
   */
  autoPong?: boolean;
  /**
   * Milliseconds that the closing handshake may take.
   *
   * @default {30_000}
   */
  closeTimeout?: number;
  /**
   * Bytes of one message; 0 is no limit.
   *
   * @default {104_857_600}
   */
  maxPayload?: number;
  /** Compresses messages. Default: on a client `true`, on a server `false`. */
  perMessageDeflate?: boolean | PerMessageDeflateOptions;
  /** Takes no effect: text is always checked. Default: `false`. */
  skipUTF8Validation?: boolean;
}

/** A certificate or a key in PEM, or several. */
export type CertMeta = string | Uint8Array | (string | Uint8Array)[];

/** The options of a client of `ws`. */
export interface ClientOptions extends CommonOptions {
  /** The subprotocols, where they are not an argument. Default: none. */
  protocols?: string | string[];
  /**
   * Whether redirects are followed.
   *
   * @default {false}
   */
  followRedirects?: boolean;
  /**
   * How many redirects are followed.
   *
   * @default {10}
   */
  maxRedirects?: number;
  /**
   * Milliseconds for all of the dial.
   *
   * @default {45_000}
   */
  handshakeTimeout?: number;
  /**
   * The version of the protocol: 13 alone.
   *
   * @default {13}
   */
  protocolVersion?: number;
  /** The value of the header Origin, in the place of one in `headers`. Default: none. */
  origin?: string;
  /**
   * Headers of the upgrade request, each name once, in whatever case: the last one
   * counts, and an array is as many lines. They may be those of another request:
   * what the handshake writes itself, or is for one hop, such as Upgrade or
   * Content-Length, is left out. Default: none.
   */
  headers?: Record<
    string,
    string | number | readonly string[] | undefined
  >;
  /** A user name and a password, with a colon between, for Basic authorization. Default: those of the URL. */
  auth?: string;
  /** Makes the connection of a `ws:` URL. Default: TCP. */
  createConnection?: (options: {
    host: string;
    port: number;
    path?: string;
  }) => Duplex;
  /** The authorities that are trusted, in PEM. Default: the runtime's. */
  ca?: CertMeta;
  /** The client's certificate, in PEM. Default: none. */
  cert?: string | Uint8Array;
  /** The key of the certificate, in PEM. Default: none. */
  key?: string | Uint8Array;
  /** The passphrase of the key. Default: none. */
  passphrase?: string;
  /** The name that the server's certificate must be for. Default: the URL's host. */
  servername?: string;
  /**
   * Whether the server's certificate must be valid.
   *
   * @default {true}
   */
  rejectUnauthorized?: boolean;
}

/** The default of `closeTimeout`, in milliseconds. */
export const CLOSE_TIMEOUT = 30_000;

const MAX_PAYLOAD = 100 * 1024 * 1024;

/** The settings of a connection, of the options that both sides have. */
export function connOptions(
  { maxPayload, closeTimeout }: CommonOptions,
): {
  readLimit: number;
  closeTimeout: number;
  keepAlive: false;
} {
  return {
    readLimit: readLimitOf(maxPayload ?? MAX_PAYLOAD),
    closeTimeout: closeTimeout ?? CLOSE_TIMEOUT,
    keepAlive: false,
  };
}

// What is no number is no reason to have no limit, as `ws` would have it.
function readLimitOf(maxPayload: number): number {
  if (maxPayload === Infinity) return Infinity;
  if (Number.isSafeInteger(maxPayload)) {
    return maxPayload > 0 ? maxPayload : Infinity;
  }
  throw new RangeError(
    `Cannot use maxPayload ${
      shown(maxPayload)
    }: it must be a whole number of bytes, or 0 for no limit`,
  );
}

/** The compression that `perMessageDeflate` asks for. */
export function compressionOf(
  option: boolean | PerMessageDeflateOptions | undefined,
): CompressionOptions | false {
  if (!option) return false;
  const given = ownOptions(option === true ? undefined : option);
  const { clientMaxWindowBits: bits } = given;
  return {
    level: given.zlibDeflateOptions?.level ?? -1,
    threshold: given.threshold ?? 1024,
    serverNoContextTakeover: given.serverNoContextTakeover ?? false,
    clientNoContextTakeover: given.clientNoContextTakeover ?? false,
    serverMaxWindowBits: given.serverMaxWindowBits ?? 15,
    clientMaxWindowBits: typeof bits === "number" ? bits : 15,
  };
}

/** A Dialer of the options. */
export function dialerOf(url: URL, options: ClientOptions): Dialer {
  const { createConnection, handshakeTimeout, perMessageDeflate = true } =
    options;
  const tls: Record<string, unknown> = {};
  for (
    const name of [
      "ca",
      "cert",
      "key",
      "passphrase",
      "servername",
      "rejectUnauthorized",
    ] as const
  ) {
    const value = options[name];
    if (value !== undefined && value !== null && value !== "") {
      tls[name] = value;
    }
  }
  const dialer: Record<string, unknown> = {
    ...connOptions(options),
    enableCompression: compressionOf(perMessageDeflate),
    tls,
  };
  if (handshakeTimeout) dialer["handshakeTimeout"] = handshakeTimeout;
  if (createConnection !== undefined) {
    if (url.protocol === "wss:") {
      throw new UnsupportedError(
        "Cannot use option createConnection of ws with wss: TLS is spoken over what it makes, use a Dialer and its netDial, and toWs()",
      );
    }
    dialer["netDial"] = (
      { hostname, port, path }: {
        hostname: string;
        port: number;
        path?: string;
      },
    ) => {
      const made: unknown = createConnection({
        host: hostname,
        port,
        ...(path === undefined ? {} : { path }),
      });
      return isInstance(made, Promise) ? made.then(connected) : connected(made);
    };
  }
  return new Dialer(dialer as DialerOptions);
}

/** The socket that `createConnection` made, once it is connected. */
function connected(made: unknown): Duplex | Promise<Duplex> {
  const socket = made as Duplex & { readonly connecting?: boolean };
  if (typeof socket?.write !== "function") {
    throw new TypeError(
      `Cannot use what createConnection returned: it must be a socket, got ${
        nameOf(made)
      }`,
    );
  }
  if (socket.connecting !== true) return socket;
  return new Promise((resolve, reject) => {
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

/**
 * The headers of the request. They may be those of somebody else's, which a proxy
 * passes on: the handshake's own are left out, and of what cannot be sent for its
 * name's sake alone, as a Host that is none, the dial tells.
 *
 * @param url The URL, with a user name if it has one
 * @param options The options
 * @param subprotocols The subprotocols, which take the place of a header's
 * @returns The headers, well-formed
 * @throws {TypeError} If one is malformed, or the URL is
 */
export function headersOf(
  url: URL,
  options: ClientOptions,
  subprotocols: readonly string[],
): [string, string][] {
  parseDialURL(bare(url));
  // As node does: names are the same in any case, and the last one counts.
  const byName = new Map<string, [string, string][]>();
  const set = (name: string, value: unknown) => {
    const values = Array.isArray(value) ? value : [value];
    byName.set(
      name.toLowerCase(),
      values.map((one) => [name, String(one)]),
    );
  };
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value === undefined) continue;
    if (isReserved(name, subprotocols.length === 0)) continue;
    set(name, value);
  }
  if (options.origin) set("Origin", options.origin);
  const auth = url.username !== "" || url.password !== ""
    ? `${unescaped(url.username)}:${unescaped(url.password)}`
    : options.auth;
  if (auth && !byName.has("authorization")) {
    const credentials = Buffer.from(auth).toString("base64");
    set("Authorization", `Basic ${credentials}`);
  }
  return headerList([...byName.values()].flat());
}

/** The URL without a user name. */
export function bare(url: URL): URL {
  const copy = new URL(url);
  copy.username = "";
  copy.password = "";
  return copy;
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
