import net from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";

import type { ByteStream } from "../../transport/byte_stream.ts";
import { lookupError } from "../permission.ts";
import { cutFailed } from "../quirks/tls_flow.ts";
import { SocketStream } from "./socket_stream.ts";
import { StreamDuplex } from "./stream_duplex.ts";
import type { TLSSettings } from "./tls_options.ts";

/** The steps of connecting. */
export type ConnectPhase = "lookup" | "connect" | "tls";

/** Where a connection goes. */
export interface NetAddress {
  /** A host name or an IP address, an IPv6 address without its brackets. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /**
   * The path of a Unix socket, for URLs of scheme `ws+unix` and `wss+unix`; the
   * host is then `localhost`, and the port has no meaning.
   */
  readonly path?: string;
}

/** Options of `connectTCP` and `connectTLS`. */
export interface ConnectOptions {
  /** Gives up when aborted; the socket is destroyed. */
  readonly signal: AbortSignal;
  /** Called with each step as it begins. */
  readonly onPhase: (phase: ConnectPhase) => void;
}

// RFC 6455 needs HTTP/1.1; a server that only speaks h2 must refuse.
const ALPN = "http/1.1";

// Set explicitly, as runtimes copy the options, and then read those missing
// from `Object.prototype`.
const NO_CREDENTIALS = {
  ca: undefined,
  cert: undefined,
  key: undefined,
  passphrase: undefined,
} as const;

/**
 * Connects by TCP, to the first address of the host that answers; or to a Unix
 * socket.
 *
 * `connect` itself looks up the name, so that Deno asks for the permission of
 * the host, and not of each of its addresses.
 *
 * @param address Where to connect
 * @param options The signal and the callback
 * @returns The socket
 */
export async function connectTCP(
  address: NetAddress,
  options: ConnectOptions,
): Promise<Duplex> {
  const { hostname: host, port } = address;
  const path = Object.hasOwn(address, "path") ? address.path : undefined;
  const named = path === undefined && net.isIP(host) === 0;
  options.onPhase(named ? "lookup" : "connect");
  const socket = path === undefined
    ? net.connect(own({
      host,
      port,
      allowHalfOpen: true,
      autoSelectFamily: true,
    }))
    : net.connect(own({ path, allowHalfOpen: true }));
  socket.on("lookup", (error: Error | null) => {
    if (!error) options.onPhase("connect");
  });
  try {
    await established(socket, "connect", options.signal);
  } catch (error) {
    throw path === undefined ? lookupError(error, host, port) : error;
  }
  return socket;
}

/**
 * Speaks TLS over a socket or a stream, and verifies that the certificate of
 * the server is for the host.
 *
 * @param under The socket; or a stream that has not been started
 * @param hostname The host that was dialed
 * @param settings The application's settings, checked
 * @param options The signal and the callback
 * @returns The stream inside of TLS
 */
export async function connectTLS(
  under: Duplex | ByteStream,
  hostname: string,
  settings: TLSSettings,
  options: ConnectOptions,
): Promise<ByteStream> {
  options.onPhase("tls");
  const { credentials, rejectUnauthorized } = settings;
  // The dot at the end of a fully qualified name is not part of the name in TLS
  // (RFC 6066, section 3), nor in certificates.
  const servername = (settings.servername ?? hostname).replace(/\.$/, "");
  const duplex = under instanceof Duplex ? under : new StreamDuplex(under);
  duplex.on("error", () => {});
  try {
    const socket = tls.connect(own({
      ...NO_CREDENTIALS,
      ...credentials,
      socket: duplex,
      host: servername,
      // RFC 6066, section 3: an IP address must not be sent as a name.
      ...(net.isIP(servername) === 0 ? { servername } : {}),
      rejectUnauthorized,
      ALPNProtocols: [ALPN],
    }));
    await established(socket, "secureConnect", options.signal);
    if (rejectUnauthorized && !socket.authorized) {
      socket.destroy();
      throw socket.authorizationError;
    }
    const { localAddr, remoteAddr } = under instanceof Duplex
      ? {} as Partial<ByteStream>
      : under;
    return new SocketStream(socket, { below: duplex, localAddr, remoteAddr });
  } catch (error) {
    duplex.destroy();
    throw error;
  }
}

/**
 * The error of a peer that ends a connection before its time, where the runtime
 * has none: with the code that node has for it.
 *
 * @param message What it was too early for
 * @returns The error
 */
export function endedEarly(message: string): Error {
  return Object.assign(new Error(message), { code: "ECONNRESET" });
}

/**
 * Options without a prototype, so that nothing on `Object.prototype` adds to
 * them, unless the runtime copies them.
 */
function own<T extends object>(options: T): T {
  return Object.assign(Object.create(null), options);
}

/** Resolves at the event; rejects, and destroys the socket, if it fails. */
function established(
  socket: Duplex,
  event: "connect" | "secureConnect",
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (error: unknown) => {
    socket.destroy();
    reject(error);
  };
  const onAbort = () => fail(signal.reason);
  const onClose = () => {
    fail(endedEarly("The peer ended the connection before it was established"));
  };
  socket.on(event, resolve);
  socket.on("error", fail);
  socket.on("end", onClose);
  socket.on("close", onClose);
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  return promise.finally(() => {
    signal.removeEventListener("abort", onAbort);
    socket.off("end", onClose);
    socket.off("close", onClose);
    // A later error must still find a listener.
    socket.on("error", cutFailed);
    socket.off("error", fail);
  });
}
