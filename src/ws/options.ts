/** How the options of `ws` are read: each by its name, and an unknown one is an error. */

import {
  type Home,
  type Names,
  type OptionsOf,
  readOptions,
} from "../base/options.ts";
import { UnsupportedError } from "../errors.ts";
import type {
  ClientOptions,
  CommonOptions,
  PerMessageDeflateOptions,
  ZlibOptions,
} from "./client_options.ts";
import type { ServerOptions } from "./websocket_server.ts";

const CHOSEN = "the runtime chooses it";
const BY_PEM = "give ca, cert and key in PEM";
const BY_SOCKET = "connect by createConnection";

// Options of `ws`'s clients, and those that it hands to node, which would go
// unnoticed and change whom is talked to, or how.
const UNSUPPORTED: Readonly<Record<string, string>> = {
  agent: "dial through a proxy by a Dialer and its proxy, and use toWs()",
  generateMask: "masks are the engine's to make",
  finishRequest: "give headers as the option headers",
  pfx: "give cert and key in PEM",
  ciphers: "the runtime chooses them",
  checkServerIdentity: "give servername",
  localAddress: BY_SOCKET,
  localPort: BY_SOCKET,
  family: BY_SOCKET,
  lookup: BY_SOCKET,
  blockList: BY_SOCKET,
  socket: BY_SOCKET,
  signal: "call terminate()",
  crl: BY_PEM,
  secureContext: BY_PEM,
  privateKeyEngine: BY_PEM,
  privateKeyIdentifier: BY_PEM,
  pskCallback: BY_PEM,
  minVersion: CHOSEN,
  maxVersion: CHOSEN,
  secureProtocol: CHOSEN,
  secureOptions: CHOSEN,
  ecdhCurve: CHOSEN,
  sigalgs: CHOSEN,
  dhparam: CHOSEN,
  minDHSize: CHOSEN,
};

// Those of `ws` that have no effect here, and those of node's http.request(),
// net.connect() and tls.connect() that `ws` sets itself, or that only tune.
const CLIENT_IGNORED = [
  "ALPNProtocols",
  "allowHalfOpen",
  "allowPartialTrustChain",
  "autoSelectFamily",
  "autoSelectFamilyAttemptTimeout",
  "clientCertEngine",
  "defaultPort",
  "enableTrace",
  "highWaterMark",
  "hints",
  "honorCipherOrder",
  "host",
  "hostname",
  "insecureHTTPParser",
  "joinDuplicateHeaders",
  "keepAlive",
  "keepAliveInitialDelay",
  "maxHeaderSize",
  "method",
  "noDelay",
  "onread",
  "path",
  "port",
  "protocol",
  "requestOCSP",
  "session",
  "sessionIdContext",
  "sessionTimeout",
  "setDefaultHeaders",
  "setHost",
  "socketPath",
  "ticketKeys",
  "timeout",
  "uniqueHeaders",
];
const COMMON_IGNORED = [
  "maxBufferedChunks",
  "maxFragments",
  "maxPendingAutoPongs",
];
const ZLIB: OptionsOf<ZlibOptions> = {
  what: "zlib",
  use: "{ … }",
  names: {
    level: true,
    chunkSize: true,
    dictionary: true,
    finishFlush: true,
    flush: true,
    info: true,
    maxOutputLength: true,
    memLevel: true,
    strategy: true,
    windowBits: true,
  },
};

const DEFLATE: OptionsOf<PerMessageDeflateOptions> = {
  what: "perMessageDeflate of ws",
  use: "{ perMessageDeflate: { … } }",
  names: {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    serverMaxWindowBits: true,
    clientMaxWindowBits: true,
    threshold: true,
    zlibDeflateOptions: true,
    zlibInflateOptions: true,
    concurrencyLimit: true,
  },
  within: { zlibDeflateOptions: ZLIB.names },
};

const COMMON: Readonly<Record<keyof CommonOptions, true>> = withOthers({
  allowSynchronousEvents: true,
  autoPong: true,
  closeTimeout: true,
  maxPayload: true,
  perMessageDeflate: true,
  skipUTF8Validation: true,
}, COMMON_IGNORED);

const SERVER: OptionsOf<ServerOptions> = {
  what: "WebSocketServer of ws",
  use: "new WebSocketServer({ … })",
  names: withOthers({
    ...COMMON,
    port: true,
    host: true,
    backlog: true,
    server: true,
    noServer: true,
    path: true,
    clientTracking: true,
    verifyClient: true,
    handleProtocols: true,
    WebSocket: true,
  }, COMMON_IGNORED),
  within: { perMessageDeflate: DEFLATE.names },
};

const CLIENT: OptionsOf<ClientOptions> = {
  what: "WebSocket of ws",
  use: "new WebSocket(url, { … })",
  names: withOthers({
    ...COMMON,
    protocols: true,
    followRedirects: true,
    maxRedirects: true,
    handshakeTimeout: true,
    protocolVersion: true,
    origin: true,
    headers: true,
    auth: true,
    createConnection: true,
    ca: true,
    cert: true,
    key: true,
    passphrase: true,
    servername: true,
    rejectUnauthorized: true,
  }, [...COMMON_IGNORED, ...CLIENT_IGNORED, ...Object.keys(UNSUPPORTED)]),
  within: { perMessageDeflate: DEFLATE.names },
};

// Names that are known as well, but that no error's message offers.
function withOthers<T extends Names>(names: T, others: readonly string[]): T {
  const all = { ...names };
  for (const name of others) {
    Object.defineProperty(all, name, { value: true });
  }
  return all;
}

/**
 * The options of a client.
 *
 * @param options What the user passed
 * @returns Its options; it has no prototype
 * @throws {UnsupportedError} If one cannot be met
 * @throws {RangeError} If the version of the protocol is unknown
 * @throws {TypeError} If one is unknown, or no function where it must be
 */
export function readClientOptions(
  options: ClientOptions | null | undefined,
): ClientOptions {
  const read = readCommon(withoutSignal(options ?? undefined), CLIENT);
  checkFunction(read, "createConnection", CLIENT);
  const given = read as Record<string, unknown>;
  for (const [name, wayOut] of Object.entries(UNSUPPORTED)) {
    const value = given[name];
    if (value === undefined || value === null || value === false) continue;
    throw new UnsupportedError(`Cannot use option ${name} of ws: ${wayOut}`);
  }
  const protocolVersion = read.protocolVersion ?? 13;
  if (protocolVersion === 13) return read;
  if (protocolVersion === 8) {
    throw new UnsupportedError(
      "Cannot use option protocolVersion of ws: 8 is no version of a standard, use 13",
    );
  }
  throw new RangeError(
    `Unsupported protocol version: ${protocolVersion} (supported versions: 13)`,
  );
}

/**
 * The options of a server, as {@linkcode readClientOptions}.
 *
 * @param options What the user passed
 * @returns Its options; it has no prototype
 * @throws {TypeError} If one is unknown, or no function where it must be
 */
export function readServerOptions(
  options: ServerOptions | undefined,
): ServerOptions {
  const read = readCommon(options, SERVER);
  checkFunction(read, "verifyClient", SERVER);
  checkFunction(read, "handleProtocols", SERVER);
  checkFunction(read, "WebSocket", SERVER);
  return read;
}

// `null` is no signal, as with node; any other cannot be met.
function withoutSignal<T extends object>(
  options: T | undefined,
): T | undefined {
  return (options as { signal?: unknown } | undefined)?.signal === null
    ? Object.create(options!, { signal: { value: undefined } })
    : options;
}

const NONE = Object.freeze(Object.create(null));

/**
 * An object's own properties, for options that are read by their names alone.
 *
 * @param options What the user passed
 * @returns A copy without a prototype
 */
export function ownOptions<T extends object>(
  options: T | null | undefined,
): Readonly<T> {
  return options ? Object.assign(Object.create(null), options) : NONE;
}

function readCommon<T extends CommonOptions>(
  options: T | undefined,
  home: OptionsOf<NoInfer<T>>,
): T {
  const read: T = readOptions(options, home);
  const deflate = read.perMessageDeflate as unknown;
  if (deflate === undefined || deflate === null) return read;
  if (typeof deflate === "boolean") return read;
  const within = readOptions<PerMessageDeflateOptions>(deflate, DEFLATE);
  const { zlibDeflateOptions: zlib } = within;
  if (zlib) within.zlibDeflateOptions = readOptions(zlib, ZLIB);
  read.perMessageDeflate = within;
  return read;
}

// One that is off, as by `condition && verify`, counts as left out.
function checkFunction<T extends object>(
  options: T,
  name: string & keyof T,
  { what, use }: Pick<Home, "what" | "use">,
): void {
  const value: unknown = options[name];
  if (typeof value === "function") return;
  if (value === undefined || value === null || value === false) {
    delete options[name];
    return;
  }
  throw new TypeError(
    `Cannot use option ${name} of ${what}: it must be a function, as ${
      use.replace("…", name)
    }, not ${typeof value === "object" ? "an object" : `a ${typeof value}`}`,
  );
}
