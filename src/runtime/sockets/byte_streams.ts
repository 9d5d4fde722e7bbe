import { checkAttached } from "../../base/user_values.ts";
import type { ByteReceiver, ByteStream } from "../../transport/byte_stream.ts";
import { socketStream } from "./socket_stream.ts";
import type { Duplex } from "./types.ts";

// What is read ahead while nobody reads, in bytes.
const READ_AHEAD = 65_536;

/** Both directions of a socket. */
export interface ByteStreams {
  /**
   * What comes. It closes at the peer's FIN, and errors where the socket fails;
   * canceling it destroys the socket. A reset of TLS on Deno, and a broken record
   * at a server of Bun, cannot be told from a FIN: let what is sent say its end.
   */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * What goes: a write is done when the system has taken it. Closing it sends the FIN,
   * aborting it destroys the socket, and so does a chunk that is not bytes, or whose
   * bytes have been transferred away: its write rejects with a `TypeError`.
   */
  readonly writable: WritableStream<Uint8Array>;
}

/**
 * The bytes of a `node:net` or `node:tls` socket, or of any other node duplex, as
 * streams of the platform, to be piped from and to `conn.bytes` and `conn.writable`.
 *
 * A reader that waits stops the peer, and a peer that reads nothing lets the writer
 * wait, as soon as the buffers of the system are full; `Readable.toWeb()` and
 * `Writable.toWeb()` take whatever comes on some runtimes. The socket belongs to the
 * streams from then on.
 *
 * They are the platform's own streams: unlike those of a `Conn`, what is called on them
 * has to be awaited or caught. A `read()`, `write()` or `close()` that nobody waits for
 * is an unhandled rejection where the peer resets the connection. Pipes, as below, need
 * it for the pipe alone.
 *
 * @param socket The socket
 * @returns Both directions, which end apart
 * @throws {DOMException} `InvalidStateError` if the socket is another stream's or
 * connection's already
 * @throws {TypeError} If the socket is none, or has an encoding
 *
 * @example A WebSocket in front of a TCP server
 * ```ts
 * import net, { type AddressInfo } from "node:net";
 * import { once } from "node:events";
 * import { byteStreams, dial, serve } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const echo = net.createServer((socket) => socket.pipe(socket));
 * await once(echo.listen(0, "127.0.0.1"), "listening");
 * const { port } = echo.address() as AddressInfo;
 *
 * await using server = await serve(async (conn) => {
 *   const { readable, writable } = byteStreams(net.connect(port, "127.0.0.1"));
 *   // Either's end ends both; what was sent before it still goes out.
 *   readable.pipeTo(conn.writable, { preventCancel: true }).catch(() => {});
 *   await conn.bytes.pipeTo(writable);
 * }, { port: 0 });
 *
 * const { conn } = await dial(`ws://127.0.0.1:${server.addr.port}`);
 * await conn.send("Hello");
 * const { data } = await conn.readMessage();
 * assertEquals(new TextDecoder().decode(data as Uint8Array), "Hello");
 * await conn.close();
 * await once(echo.close(), "close");
 * ```
 */
export function byteStreams(socket: Duplex): ByteStreams {
  return new Bytes(socketStream(socket));
}

/** A byte stream as both. */
class Bytes implements ByteStreams, ByteReceiver {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<Uint8Array>;
  #incoming!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  #outgoing!: WritableStreamDefaultController;
  #isEnded = false; // the peer's direction, or nobody reads it

  constructor(stream: ByteStream) {
    this.readable = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        this.#incoming = controller;
      },
      pull: () => stream.resume(),
      cancel: () => {
        this.#isEnded = true;
        stream.destroy();
      },
    }, new ByteLengthQueuingStrategy({ highWaterMark: READ_AHEAD }));
    this.writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        this.#outgoing = controller;
        // The sink's `abort` waits for a write that a peer may keep for ever.
        controller.signal.addEventListener("abort", () => stream.destroy(), {
          once: true,
        });
      },
      write: (chunk) => write(stream, chunk),
      close: () => stream.end(),
    });
    stream.start({
      data: (chunk) => {
        this.data(chunk);
        if (!this.#isEnded && this.#incoming.desiredSize! <= 0) stream.pause();
      },
      end: () => this.end(),
      closed: (error) => this.closed(error),
    });
  }

  data(chunk: Uint8Array<ArrayBuffer>): void {
    if (!this.#isEnded && chunk.length > 0) this.#incoming.enqueue(chunk);
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#incoming.close();
  }

  closed(error?: unknown): void {
    const reason = error ?? new Error("The socket was closed");
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.#incoming.error(reason);
    }
    // Without effect on one that is closed.
    this.#outgoing.error(reason);
  }
}

function write(stream: ByteStream, chunk: unknown): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  try {
    checkChunk(chunk);
  } catch (error) {
    stream.destroy();
    throw error;
  }
  if (chunk.length === 0) resolve();
  else {
    stream.write(
      chunk,
      (error) => error === undefined ? resolve() : reject(error),
    );
  }
  return promise;
}

function checkChunk(chunk: unknown): asserts chunk is Uint8Array {
  if (!(chunk instanceof Uint8Array)) {
    throw new TypeError(
      `Cannot write a ${typeof chunk} to a socket: it must be a Uint8Array`,
    );
  }
  checkAttached(chunk, "write chunk");
}
