import { turnBegan } from "../base/turns.ts";
import { unshared } from "../base/user_values.ts";
import { CloseError } from "../close.ts";
import { ReadLimitError, UnsupportedError } from "../errors.ts";
import type { DataType } from "../message.ts";
import { preparedData, type PreparedMessage } from "../prepared.ts";
import type {
  Capabilities,
  Engine,
  Transport,
  TransportCounts,
  TransportEnd,
  TransportReceiver,
} from "../transport/transport.ts";

/** What the WebSocket of browsers can do, and cannot. */
const CAPABILITIES: Capabilities = Object.freeze({
  ping: false,
  controlHandlers: false,
  closeHandler: true,
  streaming: false,
  compression: false,
  readBackpressure: false,
  readLimit: false,
  writeLimit: true,
  closeHandshake: true,
  terminate: false,
});

const DESCRIPTION = "the platform's WebSocket";

// Milliseconds between two looks at what is unsent: nothing else tells of it.
const FIRST_DELAY = 1;
const MAX_DELAY = 50;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The WebSocket of the platform as a transport. */
export class BrowserTransport implements Transport {
  readonly engine: Engine = "native";
  readonly capabilities: Capabilities = CAPABILITIES;
  readonly description: string = DESCRIPTION;
  readonly localAddr: undefined = undefined;
  readonly remoteAddr: undefined = undefined;
  received = 0;
  readonly counts: Writable<TransportCounts> = {
    bytesReceived: 0,
    wireBytesReceived: undefined,
    messagesSent: 0,
    bytesSent: 0,
    wireBytesSent: undefined,
  };
  readonly #socket: WebSocket;
  readonly #highWaterMark: number;
  #readLimit: number;
  #receiver: TransportReceiver | undefined; // until the end
  // What has come before the connection was made; never more than a turn's.
  #early: (() => void)[] | undefined = [];
  readonly #unopened: (string | Uint8Array<ArrayBuffer>)[] = []; // sent before it opens
  #unopenedSize = 0;
  #deaf = false; // no more messages: the connection has been failed
  #isClosing = false; // by this side
  #sent = 0; // bytes, or UTF-16 units
  #draining: PromiseWithResolvers<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Takes over a socket, with all that it tells from now on.
   *
   * @param socket The socket
   * @param readLimit Bytes of one received message
   * @param highWaterMark Bytes that may wait in it before a `send` waits
   */
  constructor(socket: WebSocket, readLimit: number, highWaterMark: number) {
    this.#socket = socket;
    this.#readLimit = readLimit;
    this.#highWaterMark = highWaterMark;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      for (const data of this.#unopened.splice(0)) socket.send(data);
      this.#unopenedSize = 0;
    });
    socket.addEventListener(
      "message",
      ({ data }) => this.#tell(() => this.#message(data)),
    );
    socket.addEventListener(
      "close",
      ({ code, reason, wasClean }) =>
        this.#tell(() => this.#closed(code, reason, wasClean)),
    );
  }

  get subprotocol(): string {
    return this.#socket.protocol;
  }

  get extensions(): string {
    return this.#socket.extensions;
  }

  get bufferedAmount(): number {
    return this.#unopenedSize + this.#socket.bufferedAmount;
  }

  get taken(): number {
    return this.#sent - this.bufferedAmount;
  }

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    if (this.#socket.readyState === CLOSED) {
      this.#tell(() => this.#end({}));
    }
    // Its caller has a turn to set handlers.
    setTimeout(() => {
      const early = this.#early!;
      this.#early = undefined;
      for (const tell of early) tell();
    }, 0);
  }

  pause(): void {}

  resume(): void {}

  flush(): void {}

  send(
    type: DataType,
    data: string | Uint8Array,
  ): Promise<void> | undefined {
    // Strings are sent as text, and bytes as binary.
    const whole = type === 1
      ? typeof data === "string" ? data : decoder.decode(data)
      : typeof data === "string"
      ? encoder.encode(data)
      : unshared(data);
    this.#sent += whole.length;
    this.counts.messagesSent++;
    this.counts.bytesSent += sizeOf(whole);
    const { readyState } = this.#socket;
    if (readyState === CONNECTING) {
      this.#unopened.push(typeof whole === "string" ? whole : whole.slice());
      this.#unopenedSize += whole.length;
      return this.#drain(this.#highWaterMark);
    }
    // What is sent to a socket that is closing is dropped without a word.
    if (readyState !== OPEN) throw new CloseError(1006);
    // Copies the data.
    this.#socket.send(whole);
    return this.#drain(this.#highWaterMark);
  }

  sendPrepared(message: PreparedMessage): Promise<void> | undefined {
    return this.send(message.type, preparedData(message));
  }

  sendFragment(): never {
    throw unsupported("send fragment", "it sends whole messages");
  }

  sendControl(): never {
    throw unsupported("send ping or pong", "it has none");
  }

  checkClose(code: number): void {
    if (isPlatformCode(code)) return;
    throw unsupported(
      `close with code ${code}`,
      "use 1000, 1005 for none, or 3000 to 4999",
    );
  }

  close(code: number, reason: string): Promise<void> | undefined {
    if (this.#isClosing) return undefined;
    this.#isClosing = true;
    // An answer with a code that pages may not send goes without one.
    if (code === 1005 || !isPlatformCode(code)) this.#socket.close();
    else this.#socket.close(code, reason);
    return this.#drain(0);
  }

  fail(code: number, reason: string): void {
    this.#deaf = true;
    this.close(code, reason);
  }

  // A page cannot cut a connection: ours ends, and the socket is asked to.
  terminate(): void {
    this.fail(1005, "");
    this.#end({});
  }

  setReadLimit(bytes: number): void {
    this.#readLimit = bytes;
  }

  enableWriteCompression(): void {}

  setCompressionLevel(): void {}

  #tell(event: () => void): void {
    if (this.#early !== undefined) this.#early.push(event);
    else event();
  }

  #message(data: string | ArrayBuffer): void {
    const receiver = this.#receiver;
    if (this.#deaf || receiver === undefined) return;
    this.received++;
    // Each message is a task of its own, and a flood of them may come before that of
    // a channel: a reader that keeps up must not wait for it.
    turnBegan();
    const size = sizeOf(data);
    this.counts.bytesReceived += size;
    if (size > this.#readLimit) {
      receiver.failed(new ReadLimitError(this.#readLimit));
      this.fail(1009, "");
    } else if (typeof data === "string") receiver.message(1, data);
    else receiver.message(2, new Uint8Array(data));
  }

  #closed(code: number, reason: string, wasClean: boolean): void {
    if (wasClean && !this.#deaf) {
      this.#receiver?.closeReceived(code, reason, true);
    }
    this.#end({});
  }

  #end(end: TransportEnd): void {
    const receiver = this.#receiver;
    if (receiver === undefined) return;
    this.#receiver = undefined;
    clearTimeout(this.#timer);
    receiver.ended(end);
    this.#draining?.reject(new CloseError(1006));
  }

  /** Waits until so much is unsent at most. */
  #drain(mark: number): Promise<void> | undefined {
    if (this.bufferedAmount <= mark) return undefined;
    if (this.#draining === undefined) {
      this.#draining = Promise.withResolvers();
      this.#draining.promise.catch(() => {});
    }
    clearTimeout(this.#timer);
    const look = (delay: number) => {
      this.#timer = setTimeout(() => {
        if (this.bufferedAmount > mark) {
          return look(Math.min(2 * delay, MAX_DELAY));
        }
        this.#draining?.resolve();
        this.#draining = undefined;
      }, delay);
    };
    look(FIRST_DELAY);
    return this.#draining.promise;
  }
}

/** Whether pages may close with a code. */
function isPlatformCode(code: number): boolean {
  return code === 1000 || code === 1005 || code >= 3000;
}

function unsupported(action: string, wayOut: string): UnsupportedError {
  return new UnsupportedError(`Cannot ${action} by ${DESCRIPTION}: ${wayOut}`);
}

/** The bytes of a message. */
function sizeOf(data: string | ArrayBuffer | Uint8Array): number {
  return typeof data === "string"
    ? encoder.encode(data).length
    : data.byteLength;
}
