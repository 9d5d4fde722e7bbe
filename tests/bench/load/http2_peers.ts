/**
 * Clients that are streams of one session of HTTP/2 (RFC 9113), by frames of our
 * own: `node:http2` on Bun would cut large messages into small ones. Its windows
 * are as wide as a browser's.
 */

import tls from "node:tls";

import type { LoadPeer, Target } from "./peer.ts";

const DATA = 0;
const HEADERS = 1;
const SETTINGS = 4;
const PING = 6;
const WINDOW_UPDATE = 8;
const ACK = 1;
const END_HEADERS = 4;
const INITIAL_WINDOW_SIZE = 4;

const MAX_FRAME = 16_384;
const STREAM_WINDOW = 6 * 2 ** 20;
const SESSION_WINDOW = 15 * 2 ** 20;
/** What has been read before the server is told. */
const READ = 2 ** 20;

/** One stream, behind its opening handshake. */
class Stream implements LoadPeer {
  receive: (chunk: Uint8Array) => void = () => {};
  drained: (() => void) | undefined;
  readonly id: number;
  readonly opened: PromiseWithResolvers<void> = Promise.withResolvers();
  window: number;
  read = 0;
  waiting: Uint8Array[] = [];
  readonly #session: Session;

  constructor(session: Session, id: number, window: number) {
    this.#session = session;
    this.id = id;
    this.window = window;
  }

  write(bytes: Uint8Array): boolean {
    this.waiting.push(bytes);
    this.#session.flush(this);
    return this.waiting.length === 0;
  }

  end(): void {
    this.#session.end();
  }

  terminate(): void {
    this.#session.end();
  }
}

class Session {
  readonly #socket: tls.TLSSocket;
  readonly #streams: Map<number, Stream> = new Map();
  #bytes: Uint8Array = new Uint8Array(0);
  #window = 65_535;
  #streamWindow = 65_535;
  #read = 0;
  #ended = false;

  constructor(socket: tls.TLSSocket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("close", () => {
      // Nothing that is measured after that means anything.
      if (!this.#ended) throw new Error("The server has closed the session");
    });
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    const settings = new Uint8Array(6);
    settings[1] = INITIAL_WINDOW_SIZE;
    settings.set(uint32(STREAM_WINDOW), 2);
    this.#frame(SETTINGS, 0, 0, settings);
    this.#frame(WINDOW_UPDATE, 0, 0, uint32(SESSION_WINDOW - 65_535));
  }

  async open(id: number, path: string): Promise<Stream> {
    const stream = new Stream(this, id, this.#streamWindow);
    this.#streams.set(id, stream);
    const block: number[] = [];
    for (
      const [name, value] of [
        [":method", "CONNECT"],
        [":protocol", "websocket"],
        [":scheme", "https"],
        [":path", path],
        [":authority", "localhost"],
        ["sec-websocket-version", "13"],
      ] as const
    ) {
      // RFC 7541, section 6.2.2; all are shorter than 127 bytes.
      block.push(0, name.length, ...ascii(name), value.length, ...ascii(value));
    }
    this.#frame(HEADERS, END_HEADERS, id, new Uint8Array(block));
    await stream.opened.promise;
    return stream;
  }

  /** Sends what the windows have room for. */
  flush(stream: Stream): void {
    while (stream.waiting.length > 0) {
      const [bytes] = stream.waiting;
      const room = Math.min(MAX_FRAME, this.#window, stream.window);
      if (room <= 0) return;
      const part = bytes!.subarray(0, room);
      this.#window -= part.length;
      stream.window -= part.length;
      this.#frame(DATA, 0, stream.id, part);
      if (part.length === bytes!.length) stream.waiting.shift();
      else stream.waiting[0] = bytes!.subarray(room);
    }
    stream.drained?.();
  }

  end(): void {
    this.#ended = true;
    this.#socket.destroy();
  }

  #frame(type: number, flags: number, id: number, payload: Uint8Array): void {
    const { length } = payload;
    const frame = new Uint8Array(9 + length);
    frame.set([length >> 16, length >> 8, length, type, flags, ...uint32(id)]);
    frame.set(payload, 9);
    this.#socket.write(frame);
  }

  #take(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.#bytes.length > 0) {
      bytes = new Uint8Array(this.#bytes.length + chunk.length);
      bytes.set(this.#bytes);
      bytes.set(chunk, this.#bytes.length);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let start = 0;
    while (bytes.length - start >= 9) {
      const length = view.getUint32(start) >>> 8;
      const end = start + 9 + length;
      if (bytes.length < end) break;
      this.#handle(
        bytes[start + 3]!,
        bytes[start + 4]!,
        view.getUint32(start + 5),
        bytes.subarray(start + 9, end),
      );
      start = end;
    }
    this.#bytes = bytes.slice(start);
  }

  #handle(type: number, flags: number, id: number, payload: Uint8Array): void {
    const stream = this.#streams.get(id);
    if (type === DATA && stream !== undefined) {
      this.#read += payload.length;
      stream.read += payload.length;
      if (this.#read >= READ) {
        this.#frame(WINDOW_UPDATE, 0, 0, uint32(this.#read));
        this.#read = 0;
      }
      if (stream.read >= READ) {
        this.#frame(WINDOW_UPDATE, 0, id, uint32(stream.read));
        stream.read = 0;
      }
      stream.receive(payload);
    } else if (type === HEADERS && stream !== undefined) {
      // RFC 7541, section 6.3: what may come before the status.
      const status = payload.find((byte) => (byte & 0xe0) !== 0x20);
      if (status === 0x88) stream.opened.resolve();
      else stream.opened.reject(new Error("The server has refused a stream"));
    } else if (type === SETTINGS && (flags & ACK) === 0) {
      for (let at = 0; at + 6 <= payload.length; at += 6) {
        if (payload[at + 1] !== INITIAL_WINDOW_SIZE) continue;
        this.#streamWindow = fromUint32(payload.subarray(at + 2));
      }
      this.#frame(SETTINGS, ACK, 0, new Uint8Array(0));
    } else if (type === PING && (flags & ACK) === 0) {
      this.#frame(PING, ACK, 0, payload);
    } else if (type === WINDOW_UPDATE) {
      if (stream !== undefined) {
        stream.window += fromUint32(payload);
        this.flush(stream);
      } else if (id === 0) {
        this.#window += fromUint32(payload);
        for (const stream of this.#streams.values()) this.flush(stream);
      }
    }
  }
}

/** Opens so many streams of one session. */
export async function openStreams(
  { url }: Target,
  count: number,
): Promise<LoadPeer[]> {
  const socket = tls.connect({
    host: url.hostname,
    port: Number(url.port),
    // A certificate that nobody has signed is as good: it is this machine.
    rejectUnauthorized: false,
    ALPNProtocols: ["h2"],
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("secureConnect", () => resolve());
  socket.once("error", reject);
  await promise;
  const session = new Session(socket);
  const peers: LoadPeer[] = [];
  for (let i = 0; i < count; i++) {
    peers.push(await session.open(2 * i + 1, url.pathname));
  }
  return peers;
}

function ascii(text: string): number[] {
  return Array.from(text, (char) => char.charCodeAt(0));
}

function uint32(value: number): Uint8Array {
  return new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value]);
}

function fromUint32([a = 0, b = 0, c = 0, d = 0]: Uint8Array): number {
  return (a * 256 + b << 16 | c << 8 | d) >>> 0;
}
