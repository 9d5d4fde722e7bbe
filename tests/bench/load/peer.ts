/**
 * A client's raw socket. `Bun.connect` costs least of all that the runtimes
 * have, for small messages no more than epoll from C: it hands over what was
 * read in a callback and writes in the same turn, where node sockets go through
 * streams and Deno's through a promise for each read and each write.
 */

import process from "node:process";

import { openStreams } from "./http2_peers.ts";

interface BunSocket {
  write(bytes: Uint8Array): number;
  end(): void;
  terminate(): void;
  setNoDelay(on: boolean): void;
}

interface BunConnect {
  connect(options: {
    hostname: string;
    port: number;
    tls?: { rejectUnauthorized: boolean } | undefined;
    socket: {
      binaryType: "uint8array";
      open(socket: BunSocket): void;
      handshake(socket: BunSocket): void;
      data(socket: BunSocket, chunk: Uint8Array): void;
      drain(socket: BunSocket): void;
      close(socket: BunSocket): void;
      error(socket: BunSocket, error: Error): void;
    };
  }): Promise<BunSocket>;
}

/** Where a {@linkcode Peer} connects to. */
export interface Target {
  /** `ws:` or `wss:` and a name or an address of this machine. */
  readonly url: URL;
  /** The request's bytes. */
  readonly request: Uint8Array;
  /** Whether the answer must agree on permessage-deflate. */
  readonly compressed: boolean;
  /** Whether all connections are streams of one session of HTTP/2. */
  readonly http2: boolean;
}

/** What the generator needs of a connection. */
export interface LoadPeer {
  /** Called with what has been read. */
  receive: (chunk: Uint8Array) => void;
  /** Called when all that was written is with the system. */
  drained: (() => void) | undefined;
  /** Writes, or keeps what cannot go out; whether all went out. */
  write(bytes: Uint8Array): boolean;
  /** Ends the connection. */
  end(): void;
  /** Cuts the connection. */
  terminate(): void;
}

/** One connection of the load generator, behind its opening handshake. */
export class Peer implements LoadPeer {
  /** Called with what has been read. */
  receive: (chunk: Uint8Array) => void = () => {};
  /** Called when all that was written is with the system. */
  drained: (() => void) | undefined;
  readonly #socket: BunSocket;
  #waiting: Uint8Array[] = [];
  #ended = false;

  private constructor(socket: BunSocket) {
    this.#socket = socket;
  }

  /** Connects and upgrades; rejects if the server does not. */
  static open(target: Target): Promise<Peer> {
    const { bun, hostname, port, tls } = addressOf(target.url);
    const opened = Promise.withResolvers<Peer>();
    let peer: Peer | undefined;
    let head = "";
    const fail = (error: Error) => {
      if (peer === undefined) return opened.reject(error);
      if (peer.#ended) return;
      // Nothing that is measured after that means anything, and what a socket's
      // callback throws, Bun prints and goes on.
      console.error(error);
      process.exit(1);
    };
    bun.connect({
      hostname,
      port,
      // A certificate that nobody has signed is as good: it is this machine.
      tls: tls ? { rejectUnauthorized: false } : undefined,
      socket: {
        binaryType: "uint8array",
        open(socket) {
          socket.setNoDelay(true);
          if (!tls) socket.write(target.request);
        },
        // Of TLS: before it nothing can be written.
        handshake(socket) {
          socket.write(target.request);
        },
        data(socket, chunk) {
          if (peer !== undefined) return peer.receive(chunk);
          head += String.fromCharCode(...chunk);
          if (!head.includes("\r\n\r\n")) return;
          if (!head.startsWith("HTTP/1.1 101 ")) {
            return fail(new Error(`The server has answered ${head}`));
          }
          if (target.compressed && !/permessage-deflate/i.test(head)) {
            return fail(new Error("The server does not compress"));
          }
          // Nothing follows: it is this side's turn.
          peer = new Peer(socket);
          opened.resolve(peer);
        },
        drain() {
          if (peer !== undefined) peer.#drain();
        },
        close: () => fail(new Error("The server has closed the connection")),
        error: (_socket, error) => fail(error),
      },
    }).catch(fail);
    return opened.promise;
  }

  /** Writes, or keeps what the socket does not take; whether it took all. */
  write(bytes: Uint8Array): boolean {
    if (this.#waiting.length > 0) {
      this.#waiting.push(bytes);
      return false;
    }
    const written = Math.max(0, this.#socket.write(bytes));
    if (written === bytes.length) return true;
    this.#waiting.push(bytes.subarray(written));
    return false;
  }

  /** Ends the connection. */
  end(): void {
    this.#ended = true;
    this.#socket.end();
  }

  /** Cuts the connection. */
  terminate(): void {
    this.#ended = true;
    this.#socket.terminate();
  }

  #drain(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) this.write(bytes);
    if (this.#waiting.length === 0) this.drained?.();
  }
}

// What is measured is this machine, and nobody else's is put under load.
const LOCAL = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

function addressOf(
  url: URL,
): { bun: BunConnect; hostname: string; port: number; tls: boolean } {
  if (!/^wss?:$/.test(url.protocol) || !LOCAL.test(url.hostname)) {
    throw new TypeError(
      `Cannot put load on ${url}: use ws: or wss: and an address of this machine`,
    );
  }
  const tls = url.protocol === "wss:";
  const { Bun } = globalThis as unknown as { Bun?: BunConnect };
  if (Bun === undefined) {
    throw new TypeError("Cannot make load: the generator runs on Bun");
  }
  return {
    bun: Bun,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || (tls ? 443 : 80)),
    tls,
  };
}

/** Opens so many connections, a hundred at a time. */
export async function openPeers(
  target: Target,
  count: number,
): Promise<LoadPeer[]> {
  if (target.http2) return await openStreams(target, count);
  const peers: LoadPeer[] = [];
  while (peers.length < count) {
    const length = Math.min(100, count - peers.length);
    peers.push(
      ...await Promise.all(Array.from({ length }, () => Peer.open(target))),
    );
  }
  return peers;
}
