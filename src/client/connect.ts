import type { ProxyChooser } from "./choose_proxy.ts";
import type { DialPhase } from "../errors.ts";
import type { DialTarget } from "../handshake/client_url.ts";
import { joinHostPort } from "../handshake/host_port.ts";
import type { ProxyServer } from "../proxy/proxy_url.ts";
import { checkBytes, claim } from "../runtime/sockets/claim.ts";
import { HandshakeStream } from "../streams/handshake_stream.ts";
import {
  type ConnectOptions,
  connectTCP,
  connectTLS,
  type NetAddress,
} from "../runtime/sockets/connect.ts";
import { SocketStream } from "../runtime/sockets/socket_stream.ts";
import {
  proxyTLSSettings,
  type TLSSettings,
} from "../runtime/sockets/tls_options.ts";
import type { Duplex } from "../runtime/sockets/types.ts";
import type { ByteStream } from "../transport/byte_stream.ts";
import { openTunnel } from "./proxy_tunnel.ts";
import { untilAborted } from "./abortable.ts";
import { GuardedStream } from "../streams/guarded_stream.ts";

/**
 * Makes the connection that the handshake runs over (gorilla's
 * `NetDialContext`): through a tunnel, for example, or to an address other than
 * the URL's.
 *
 * @param address The host and port of the URL, or of the proxy if there is one
 * @param options A signal, aborted when the dial is given up or has timed out;
 * a stream that is returned after that is destroyed
 * @returns A connected node socket that nobody else uses and that has no
 * encoding set, or a stream that has not been started; it belongs to the Dialer
 * from then on
 */
export type NetDial = (
  address: NetAddress,
  options: NetDialOptions,
) => ByteStream | Duplex | Promise<ByteStream | Duplex>;

/** Options of a {@linkcode NetDial}. */
export interface NetDialOptions {
  /** Aborted when the dial is given up or has timed out. */
  readonly signal: AbortSignal;
}

/** How a stream is opened. */
export interface StreamOptions {
  readonly netDial: NetDial | undefined;
  readonly tls: TLSSettings;
  readonly proxy: ProxyChooser | undefined;
}

/** Progress callbacks; they fill the error if the dial fails. */
export interface Progress {
  /** Gives up. */
  readonly signal: AbortSignal;
  /** Called with each step as it begins; for `DialError.phase`. */
  readonly onPhase: (phase: DialPhase) => void;
  /** Called with the proxy that is dialed, as `host:port`. */
  readonly onProxy: (address: string) => void;
}

/** Connects to the host of a URL, with TLS for `wss:`. */
export async function openStream(
  target: DialTarget,
  options: StreamOptions,
  progress: Progress,
): Promise<ByteStream> {
  const { url, hostname, port, socketPath, secure } = target;
  let proxy: ProxyServer | undefined;
  if (options.proxy !== undefined && socketPath === undefined) {
    progress.onPhase("proxy");
    proxy = await untilAborted(options.proxy(url), progress.signal);
  }
  const address: NetAddress = socketPath === undefined
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
  // Errors report everything up to the open tunnel as one phase.
  const connect: ConnectOptions = { signal, onPhase: () => {} };
  const under = await openConnection({ hostname, port }, options, connect);
  const settings = proxyTLSSettings(options.tls);
  const stream = new HandshakeStream(
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
  return stream.release();
}

function toStream(under: ByteStream | Duplex): ByteStream {
  return "start" in under ? under : new SocketStream(under);
}

/** Calls the application's function, which may ignore the signal. */
async function callNetDial(
  netDial: NetDial,
  address: NetAddress,
  signal: AbortSignal,
): Promise<ByteStream | Duplex> {
  const stream = (async () => checked(await netDial(address, { signal })))();
  try {
    return await untilAborted(stream, signal);
  } catch (error) {
    stream.then((late) => late.destroy()).catch(() => {});
    throw error;
  }
}

function checked(stream: ByteStream | Duplex): ByteStream | Duplex {
  if (typeof stream?.write === "function") {
    if (stream instanceof SocketStream) return stream;
    if ("start" in stream) return new GuardedStream(stream);
    claim(stream);
    try {
      checkBytes(stream);
    } catch (error) {
      stream.destroy();
      throw error;
    }
    return stream;
  }
  throw new TypeError(
    "Cannot use what netDial returned: it must be a socket or a ByteStream",
  );
}
