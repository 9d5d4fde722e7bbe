import net from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";

import type { ByteStream } from "../../transport/byte_stream.ts";
import { SocketStream } from "./socket_stream.ts";
import { StreamDuplex } from "./stream_duplex.ts";
import type { TLSSettings } from "./tls_options.ts";

/** How a {@linkcode ConnectError} failed. */
export type ConnectPhase = "lookup" | "connect" | "tls";

/** Where a connection goes. */
export interface NetAddress {
  /** A host name or an IP address, an IPv6 address without its brackets. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /**
   * The path of a unix socket, for URLs of scheme `ws+unix` and `wss+unix`; the
   * host is `localhost` then, and the port means nothing.
   */
  readonly path?: string;
}

/** What both steps of connecting take. */
export interface ConnectOptions {
  /** Gives up; the socket is destroyed. */
  readonly signal: AbortSignal;
  /** Is told of the step that begins. */
  readonly onPhase: (phase: ConnectPhase) => void;
}

// RFC 6455 is spoken over HTTP/1.1; a server that would choose h2 must say no.
const ALPN = "http/1.1";

/**
 * Connects by TCP, to the first address of the host that answers; or to a unix
 * socket.
 *
 * The name is looked up by `connect` itself: Deno asks for the permission of
 * the host then, and not of each of its addresses.
 *
 * @param address Where to
 * @param options The signal and the callback
 * @returns The socket
 */
export async function connectTCP(
  address: NetAddress,
  options: ConnectOptions,
): Promise<Duplex> {
  const { hostname: host, port, path } = address;
  const named = path === undefined && net.isIP(host) === 0;
  options.onPhase(named ? "lookup" : "connect");
  const socket = path === undefined
    ? net.connect({ host, port, allowHalfOpen: true, autoSelectFamily: true })
    : net.connect({ path, allowHalfOpen: true });
  socket.on("lookup", (error: Error | null) => {
    if (!error) options.onPhase("connect");
  });
  await established(socket, "connect", options.signal);
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
  const servername = settings.servername ?? hostname;
  const duplex = under instanceof Duplex ? under : new StreamDuplex(under);
  duplex.on("error", () => {});
  try {
    const socket = tls.connect({
      ...credentials,
      socket: duplex,
      host: servername,
      // RFC 6066, section 3: an address is not sent as a name.
      ...(net.isIP(servername) === 0 ? { servername } : {}),
      rejectUnauthorized,
      ALPNProtocols: [ALPN],
    });
    await established(socket, "secureConnect", options.signal);
    if (rejectUnauthorized && !socket.authorized) {
      socket.destroy();
      throw socket.authorizationError;
    }
    return new SocketStream(
      socket,
      under instanceof Duplex ? {} : under,
    );
  } catch (error) {
    duplex.destroy();
    throw error;
  }
}

/** Resolves at the event; destroys the socket if that cannot come any more. */
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
  const onClose = () => fail(new Error("The socket was closed"));
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
    // An error that comes later still finds a listener.
    socket.on("error", () => {});
    socket.off("error", fail);
  });
}
