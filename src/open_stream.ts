import type { DialTarget } from "./handshake/client_url.ts";
import {
  type ConnectOptions,
  connectTCP,
  connectTLS,
  type NetAddress,
} from "./runtime/node/connect.ts";
import { SocketStream } from "./runtime/node/socket_stream.ts";
import type { TLSSettings } from "./runtime/node/tls_options.ts";
import type { Duplex } from "./runtime/node/types.ts";
import type { ByteStream } from "./transport/byte_stream.ts";

/**
 * Makes the connection that a handshake goes over (gorilla's `NetDialContext`):
 * through a tunnel, say, or to another address than the URL's.
 *
 * @param address The host and port of the URL
 * @param options A signal: the dial has been given up, or its time is over; a
 * stream that comes after that is destroyed
 * @returns A connected node socket, or a stream that has not been started; it is
 * the Dialer's from then on
 */
export type NetDial = (
  address: NetAddress,
  options: NetDialOptions,
) => ByteStream | Duplex | Promise<ByteStream | Duplex>;

/** Options of a {@linkcode NetDial}. */
export interface NetDialOptions {
  /** Aborted when the dial is given up. */
  readonly signal: AbortSignal;
}

/** How a stream is opened. */
export interface StreamOptions {
  readonly netDial: NetDial | undefined;
  readonly tls: TLSSettings;
}

/** Connects to where a URL points, with TLS for wss. */
export async function openStream(
  target: DialTarget,
  options: StreamOptions,
  connect: ConnectOptions,
): Promise<ByteStream> {
  const { hostname, port, secure } = target;
  const address = { hostname, port };
  const under = options.netDial === undefined
    ? await connectTCP(address, connect)
    : await callNetDial(options.netDial, address, connect);
  if (secure) return connectTLS(under, hostname, options.tls, connect);
  return "start" in under ? under : new SocketStream(under);
}

/** What the application's function returns; it may take no heed of the signal. */
async function callNetDial(
  netDial: NetDial,
  address: NetAddress,
  { signal, onPhase }: ConnectOptions,
): Promise<ByteStream | Duplex> {
  onPhase("connect");
  const given = Promise.withResolvers<never>();
  const giveUp = () => given.reject(signal.reason);
  signal.addEventListener("abort", giveUp);
  const stream = (async () => checked(await netDial(address, { signal })))();
  try {
    return await Promise.race([stream, given.promise]);
  } catch (error) {
    stream.then((late) => late.destroy(), () => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

function checked(stream: ByteStream | Duplex): ByteStream | Duplex {
  if (typeof stream?.write === "function") return stream;
  throw new TypeError(
    "Cannot use what netDial returned: it must be a socket or a ByteStream",
  );
}
