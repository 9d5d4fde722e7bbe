import type { ProxyChooser } from "./choose_proxy.ts";
import type { DialPhase } from "./errors.ts";
import type { DialTarget } from "./handshake/client_url.ts";
import { joinHostPort } from "./handshake/host_port.ts";
import type { ProxyServer } from "./proxy/proxy_url.ts";
import { PulledStream } from "./pulled_stream.ts";
import {
  type ConnectOptions,
  connectTCP,
  connectTLS,
  type NetAddress,
} from "./runtime/node/connect.ts";
import { SocketStream } from "./runtime/node/socket_stream.ts";
import {
  proxyTLSSettings,
  type TLSSettings,
} from "./runtime/node/tls_options.ts";
import type { Duplex } from "./runtime/node/types.ts";
import type { ByteStream } from "./transport/byte_stream.ts";
import { openTunnel } from "./tunnel.ts";
import { untilAborted } from "./until_aborted.ts";
import { GuardedStream } from "./wire/guarded_stream.ts";

/**
 * Makes the connection that a handshake goes over (gorilla's `NetDialContext`):
 * through a tunnel, say, or to another address than the URL's.
 *
 * @param address The host and port of the URL, or of the proxy if there is one
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
  readonly proxy: ProxyChooser | undefined;
}

/** Who is told of how far it has come. */
export interface Progress {
  /** Gives up. */
  readonly signal: AbortSignal;
  /** Is told of the step that begins. */
  readonly onPhase: (phase: DialPhase) => void;
  /** Is told of the proxy that is dialed, as `host:port`. */
  readonly onProxy: (address: string) => void;
}

/** Connects to where a URL points, with TLS for wss. */
export async function openStream(
  target: DialTarget,
  options: StreamOptions,
  progress: Progress,
): Promise<ByteStream> {
  const { url, hostname, port, socketPath, secure } = target;
  let proxy: ProxyServer | undefined;
  if (options.proxy !== undefined && socketPath === undefined) {
    progress.onPhase("proxy");
    proxy = options.proxy(url);
  }
  const address = socketPath === undefined
    ? { hostname, port }
    : { hostname, port, path: socketPath };
  const under = proxy === undefined
    ? await openConnection(address, options, progress)
    : await openTunneled(proxy, target, options, progress);
  if (secure) return connectTLS(under, hostname, options.tls, progress);
  return toStream(under);
}

/** Connects, by the application's function if there is one. */
function openConnection(
  address: NetAddress,
  { netDial }: StreamOptions,
  connect: ConnectOptions,
): Promise<ByteStream | Duplex> {
  if (netDial === undefined) return connectTCP(address, connect);
  connect.onPhase("connect");
  return callNetDial(netDial, address, connect.signal);
}

/** Connects to a proxy, and through it to the target. */
async function openTunneled(
  proxy: ProxyServer,
  target: DialTarget,
  options: StreamOptions,
  { signal, onProxy }: Progress,
): Promise<ByteStream> {
  const { hostname, port } = proxy;
  onProxy(joinHostPort(hostname, port));
  // All of it is one phase.
  const connect: ConnectOptions = { signal, onPhase: () => {} };
  const under = await openConnection({ hostname, port }, options, connect);
  const settings = proxyTLSSettings(options.tls);
  const stream = new PulledStream(
    proxy.secure
      ? await connectTLS(under, hostname, settings, connect)
      : toStream(under),
  );
  try {
    await openTunnel(stream, proxy, target.hostname, target.port, signal);
  } catch (error) {
    stream.destroy();
    throw error;
  }
  return stream;
}

function toStream(under: ByteStream | Duplex): ByteStream {
  return "start" in under ? under : new SocketStream(under);
}

/** What the application's function returns; it may take no heed of the signal. */
async function callNetDial(
  netDial: NetDial,
  address: NetAddress,
  signal: AbortSignal,
): Promise<ByteStream | Duplex> {
  const stream = (async () => checked(await netDial(address, { signal })))();
  try {
    return await untilAborted(stream, signal);
  } catch (error) {
    stream.then((late) => late.destroy(), () => {});
    throw error;
  }
}

function checked(stream: ByteStream | Duplex): ByteStream | Duplex {
  if (typeof stream?.write === "function") {
    return "start" in stream ? new GuardedStream(stream) : stream;
  }
  throw new TypeError(
    "Cannot use what netDial returned: it must be a socket or a ByteStream",
  );
}
