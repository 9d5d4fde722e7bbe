import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { ByteReceiver, ByteStream } from "../../transport/byte_stream.ts";
import type { Addr } from "../../transport/transport.ts";
import { owned, reclaimer } from "./chunks.ts";
import { cut, startBeneath, stopBeneath } from "./tls_flow.ts";

/** What a socket has beyond a duplex; any of it may be missing. */
type SocketPart = Partial<
  Pick<
    Socket,
    | "setNoDelay"
    | "setTimeout"
    | "localAddress"
    | "localPort"
    | "remoteAddress"
    | "remotePort"
  >
>;

/** What a {@linkcode SocketStream} is made with. */
export interface SocketStreamOptions {
  /** Bytes that were read before, such as an upgrade's `head`. */
  readonly head?: Uint8Array | undefined;
  /** This side's address, where the socket does not know it. */
  readonly localAddr?: Addr | undefined;
  /** The peer's address, where the socket does not know it. */
  readonly remoteAddr?: Addr | undefined;
}

/**
 * The bytes of a `node:net` or `node:tls` socket, the one of an upgrade event
 * included, or of any other node duplex.
 *
 * From the moment that it is made, no error of the socket is unhandled, and the
 * socket is nobody else's.
 */
export class SocketStream implements ByteStream {
  // Listeners are shared by all sockets: an idle connection is to stay small.
  static readonly #of: WeakMap<Duplex, SocketStream> = new WeakMap();

  static #onError(this: Duplex, error: unknown): void {
    const stream = SocketStream.#of.get(this);
    // What comes of our own `destroy` or `reset` is no fault.
    if (stream !== undefined && !stream.#destroyed) stream.#error ??= error;
  }

  static #onData(this: Duplex, chunk: Uint8Array<ArrayBuffer>): void {
    const stream = SocketStream.#of.get(this);
    if (stream !== undefined && !stream.#destroyed) {
      stream.#receiver?.data(owned(this, chunk));
    }
  }

  static #onEnd(this: Duplex): void {
    const stream = SocketStream.#of.get(this);
    if (stream !== undefined) stream.#end();
  }

  static #onClose(this: Duplex): void {
    const stream = SocketStream.#of.get(this);
    if (stream !== undefined) stream.#close();
  }

  readonly localAddr: Addr | undefined;
  readonly remoteAddr: Addr | undefined;
  readonly #socket: Duplex;
  #head: Uint8Array | undefined;
  #receiver: ByteReceiver | undefined;
  #done: ((error?: unknown) => void) | undefined;
  #error: unknown;
  #ended: boolean;
  #reading = false;
  #paused = false;
  #destroyed = false;
  #closed = false;

  /**
   * Takes over a socket.
   *
   * @param socket The socket, connected
   * @param options What was read before, and the addresses
   */
  constructor(socket: Duplex & SocketPart, options: SocketStreamOptions = {}) {
    this.#socket = socket;
    const { head } = options;
    this.#head = head === undefined || head.length === 0 ? undefined : head;
    this.localAddr = options.localAddr ??
      sharedAddress(socket.localAddress, socket.localPort);
    this.remoteAddr = options.remoteAddr ?? remoteAddress(socket);

    this.#ended = socket.readableEnded;
    this.#closed = socket.closed === true;
    SocketStream.#of.set(socket, this);
    socket.on("error", SocketStream.#onError);
    socket.on("end", SocketStream.#onEnd);
    socket.on("close", SocketStream.#onClose);
    // RFC 6455, section 7.1.1: the peer's FIN may come before all is sent.
    socket.allowHalfOpen = true;
    socket.setNoDelay?.(true);
    socket.setTimeout?.(0);
  }

  start(receiver: ByteReceiver): void {
    if (this.#receiver !== undefined) {
      throw new TypeError("Cannot start stream: it has a receiver already");
    }
    this.#receiver = receiver;
    setImmediate(() => this.#begin(receiver));
  }

  pause(): void {
    this.#paused = true;
    if (this.#reading) this.#stop();
  }

  resume(): void {
    this.#paused = false;
    if (!this.#reading) return;
    this.#socket.resume();
    startBeneath(this.#socket);
  }

  write(chunk: Uint8Array, done: (error?: unknown) => void): void {
    if (this.#closed) {
      queueMicrotask(() => done(this.#reason()));
      return;
    }
    this.#done = done;
    // A node stream never calls back before write returns.
    this.#socket.write(chunk, (error) => this.#written(error));
  }

  end(): void {
    if (!this.#destroyed) this.#socket.end();
  }

  destroy(): void {
    this.#destroyed = true;
    cut(this.#socket);
  }

  /** Only where a buffer for each chunk is left to the garbage collector. */
  get free(): ByteStream["free"] {
    return reclaimer(this.#socket);
  }

  /** Ends both directions as a fault does: by RST, where there is TCP. */
  reset(): void {
    this.#destroyed = true;
    const socket: Duplex & Partial<Pick<Socket, "resetAndDestroy">> =
      this.#socket;
    try {
      if (socket.resetAndDestroy !== undefined) socket.resetAndDestroy();
    } catch {
      // A TLS socket of Bun's servers has the method, and refuses.
    }
    cut(socket);
  }

  // Node reports a write that `destroy` has cut off as a success.
  #written(error: unknown): void {
    const done = this.#done;
    this.#done = undefined;
    const failed = error != null || this.#socket.destroyed;
    if (failed) done?.(error ?? this.#reason());
    else done?.();
  }

  #begin(receiver: ByteReceiver): void {
    const head = this.#head;
    this.#head = undefined;
    // The head is a view of what the HTTP parser was given: copied, it keeps
    // nothing else alive.
    if (head !== undefined && !this.#destroyed) {
      receiver.data(new Uint8Array(head));
    }
    this.#reading = true;
    if (this.#ended && !this.#destroyed) receiver.end();
    if (this.#closed) {
      receiver.closed(this.#error);
      return;
    }
    const socket = this.#socket;
    socket.on("data", SocketStream.#onData);
    if (this.#paused) this.#stop();
    else socket.resume();
  }

  #stop(): void {
    this.#socket.pause();
    stopBeneath(this.#socket);
  }

  #end(): void {
    // Bun says so of a socket that this side has destroyed, too.
    if (this.#ended || this.#destroyed) return;
    this.#ended = true;
    if (this.#reading) this.#receiver?.end();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const done = this.#done;
    this.#done = undefined;
    done?.(this.#reason());
    if (this.#reading) this.#receiver?.closed(this.#error);
  }

  #reason(): unknown {
    return this.#error ?? new Error("Cannot write: the socket is closed");
  }
}

/**
 * The stream of a `node:net` or `node:tls` socket, or of any other node duplex,
 * for `connOver()` and for `netDial`. The socket is the stream's from now on.
 *
 * @param socket The socket, connected
 * @param head Bytes that were read before, such as an upgrade's `head`
 * @returns The stream
 *
 * @example Usage
 * ```ts no-assert
 * import net from "node:net";
 * import { connOver, socketStream } from "@silverback/websocket";
 *
 * net.createServer((socket) => {
 *   const conn = connOver(socketStream(socket), { side: "server" });
 *   conn.send("Hello");
 * });
 * ```
 */
export function socketStream(socket: Duplex, head?: Uint8Array): ByteStream {
  return new SocketStream(socket, { head });
}

/** The peer's address, if the duplex is a connected socket. */
export function remoteAddress(socket: Duplex & SocketPart): Addr | undefined {
  return address(socket.remoteAddress, socket.remotePort);
}

let shared: Addr | undefined;

/** An address that most sockets of a process have in common: one object serves them. */
function sharedAddress(
  ip: string | undefined,
  port: number | undefined,
): Addr | undefined {
  const own = address(ip, port);
  if (own?.transport !== "tcp" || shared?.transport !== "tcp") {
    return shared = Object.freeze(own);
  }
  const same = own.hostname === shared.hostname && own.port === shared.port;
  return same ? shared : shared = Object.freeze(own);
}

function address(
  ip: string | undefined,
  port: number | undefined,
): Addr | undefined {
  if (ip === undefined || ip === "") return undefined;
  // An IPv4 peer of a socket that listens on both is told as IPv6.
  const hostname = /^::ffff:(?=\d+\.)/i.test(ip) ? ip.slice(7) : ip;
  return { transport: "tcp", hostname, port: port ?? 0 };
}
