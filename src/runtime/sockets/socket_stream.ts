import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type {
  ByteReceiver,
  ByteStream,
  OwnStream,
} from "../../transport/byte_stream.ts";
import type { Addr } from "../../transport/transport.ts";
import { owned, reclaimer } from "../quirks/chunks.ts";
import {
  cut,
  pauseTCPBelowTLS,
  resumeTCPBelowTLS,
} from "../quirks/tls_flow.ts";
import { type AddressPart, localAddress, remoteAddress } from "./address.ts";
import { checkBytes, checkHead, claim } from "./claim.ts";
import { type Below, belowOf, whenTaken } from "./early_writes.ts";
import { cancelStream, endStream, isHttp2Stream } from "./http2_stream.ts";
import {
  after,
  hasEnded,
  isClosed,
  isDestroyed,
  type SocketState,
} from "./socket_state.ts";

/** What a socket has in addition to a duplex; any of it may be missing. */
interface SocketPart extends AddressPart {
  setNoDelay?(noDelay: boolean): unknown;
  setTimeout?(milliseconds: number): unknown;
}

/** Options of a {@linkcode SocketStream}. */
export interface SocketStreamOptions {
  /** Bytes that have already been read, such as an upgrade's `head`. */
  readonly head?: Uint8Array | undefined;
  /** What TLS is spoken over. */
  readonly below?: Duplex | undefined;
  /** This side's address, if the socket does not know it. */
  readonly localAddr?: Addr | undefined;
  /** The peer's address, if the socket does not know it. */
  readonly remoteAddr?: Addr | undefined;
}

/**
 * A `node:net` or `node:tls` socket as a byte stream, including that of an
 * upgrade event; or any other node duplex.
 *
 * Once it has been made, no error of the socket is unhandled, and nobody else
 * may use the socket.
 */
export class SocketStream implements OwnStream {
  // All sockets share the listeners: 260 bytes less of an idle connection on
  // V8, 210 on JSC, than with listeners of their own.
  static readonly #of: WeakMap<Duplex, SocketStream> = new WeakMap();

  static #onError(this: Duplex, error: unknown): void {
    const stream = SocketStream.#of.get(this);
    // An error after our own `destroy` or `reset` is not a fault.
    if (stream === undefined || isDestroyed(stream.#state)) return;
    stream.#error ??= error;
    // After a broken record, a TLS socket of Deno neither closes nor stops to
    // read, and keeps all that comes.
    stream.#cut();
  }

  static #onData(this: Duplex, chunk: Uint8Array<ArrayBuffer>): void {
    const stream = SocketStream.#of.get(this);
    if (stream === undefined || isDestroyed(stream.#state)) return;
    if (chunk instanceof Uint8Array) stream.#receiver?.data(owned(this, chunk));
    else stream.#refuse(chunk);
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
  readonly #below: Below | undefined; // what takes the writes, if they are early
  #head: Uint8Array | undefined;
  #receiver: ByteReceiver | undefined;
  #done: ((error?: unknown) => void) | undefined;
  #error: unknown;
  #state: SocketState = "open";
  #reading = false; // whether the receiver gets what comes
  #paused = false;

  /**
   * Takes over a socket.
   *
   * @param socket The socket, connected
   * @param options What has already been read, and the addresses
   */
  constructor(socket: Duplex & SocketPart, options: SocketStreamOptions = {}) {
    this.#socket = socket;
    this.#below = belowOf(socket, options.below);
    const { head } = options;
    this.#head = head === undefined || head.length === 0 ? undefined : head;
    this.localAddr = options.localAddr ?? localAddress(socket);
    this.remoteAddr = options.remoteAddr ?? remoteAddress(socket);

    if (socket.readableEnded) this.#state = after(this.#state, "end");
    if (socket.closed) this.#state = after(this.#state, "close");
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

  /** See {@linkcode OwnStream}. */
  restart(head: Uint8Array<ArrayBuffer>): void {
    this.#socket.off("data", SocketStream.#onData);
    this.#stop();
    if (head.length > 0) this.#head = head;
    this.#receiver = undefined;
    this.#reading = false;
    this.#paused = false;
  }

  pause(): void {
    this.#paused = true;
    if (this.#reading) this.#stop();
  }

  resume(): void {
    this.#paused = false;
    if (!this.#reading) return;
    this.#socket.resume();
    resumeTCPBelowTLS(this.#socket);
  }

  write(chunk: Uint8Array, done: (error?: unknown) => void): void {
    if (isClosed(this.#state)) {
      queueMicrotask(() => done(this.#reason()));
      return;
    }
    this.#done = done;
    // A node stream never calls back before write returns.
    this.#socket.write(chunk, (error) => {
      const below = this.#below;
      if (error != null || below === undefined) this.#written(error);
      else whenTaken(below, () => this.#written(undefined));
    });
  }

  end(isLast: boolean = false): void {
    if (isDestroyed(this.#state)) return;
    if (isLast && isHttp2Stream(this.#socket)) endStream(this.#socket);
    else this.#socket.end();
  }

  destroy(): void {
    this.#state = after(this.#state, "destroy");
    this.#cut();
  }

  /** Present where freeing a chunk is better than garbage collection. */
  get free(): OwnStream["free"] {
    return reclaimer(this.#socket);
  }

  /** Ends both directions as a fault does: by RST, where there is TCP. */
  reset(): void {
    this.#state = after(this.#state, "destroy");
    const socket: Duplex & Partial<Pick<Socket, "resetAndDestroy">> =
      this.#socket;
    try {
      if (socket.resetAndDestroy !== undefined) socket.resetAndDestroy();
    } catch {
      // A TLS socket of Bun's servers has the method, but it throws.
    }
    this.destroy();
  }

  #cut(): void {
    if (isHttp2Stream(this.#socket)) cancelStream(this.#socket);
    else cut(this.#socket);
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
    // The head is a view of the HTTP parser's chunk; a copy does not keep that
    // alive.
    if (head !== undefined && !isDestroyed(this.#state)) {
      receiver.data(new Uint8Array(head));
    }
    this.#reading = true;
    if (hasEnded(this.#state)) receiver.end();
    if (isClosed(this.#state)) {
      receiver.closed(this.#error);
      return;
    }
    this.#socket.on("data", SocketStream.#onData);
    if (this.#paused) this.#stop();
    else this.resume();
  }

  // The socket's encoding has been set meanwhile, or it is in object mode.
  #refuse(chunk: unknown): void {
    this.#error ??= new TypeError(
      `Cannot read from socket: it gives a ${typeof chunk}, not bytes, do not call setEncoding()`,
    );
    this.destroy();
  }

  #stop(): void {
    this.#socket.pause();
    pauseTCPBelowTLS(this.#socket);
  }

  #end(): void {
    // Bun reports an `end` for a fault as well.
    if (this.#error !== undefined) return;
    const before = this.#state;
    this.#state = after(before, "end");
    if (this.#state === before) return;
    if (this.#reading) this.#receiver?.end();
  }

  #close(): void {
    if (isClosed(this.#state)) return;
    this.#state = after(this.#state, "close");
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
 * Makes a stream of a `node:net` or `node:tls` socket, or of any other node
 * duplex, for `connOver()` and `netDial`. The stream owns the socket from now
 * on.
 *
 * @param socket The socket, connected
 * @param head Bytes that have already been read, such as an upgrade's `head`
 * @returns The stream
 * @throws {DOMException} `InvalidStateError` if the socket already belongs to
 * another stream or connection
 * @throws {TypeError} If the socket is none or has an encoding, or `head` is not
 * bytes
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
  checkBytes(socket);
  checkHead(head);
  claim(socket);
  return new SocketStream(socket, { head });
}
