// One socket in all its states, hence past 300 lines.

import { Buffer } from "node:buffer";

import { CloseError } from "../../close.ts";
import { ReadLimitError, UnsupportedError } from "../../errors.ts";
import type { DataType } from "../../message.ts";
import { preparedData, type PreparedMessage } from "../../prepared.ts";
import type {
  Addr,
  Capabilities,
  Engine,
  Transport,
  TransportCounts,
  TransportEnd,
  TransportReceiver,
} from "../../transport/transport.ts";
import { unshared } from "../../base/user_values.ts";
import { Drain } from "./drain.ts";
import { causeOf, cutWhileClosing, failureOf } from "./failures.ts";

/** What the sockets of `Deno.upgradeWebSocket` can and cannot do. */
export const DENO_CAPABILITIES: Capabilities = Object.freeze({
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

/** What error messages call this engine. */
export const DENO_DESCRIPTION = "the native engine on Deno";

/** What a {@linkcode DenoTransport} needs. */
export interface DenoTransportOptions {
  /** The peer's address. */
  readonly remoteAddr: Addr | undefined;
  /** The subprotocol, or an empty string. */
  readonly subprotocol: string;
  /** Milliseconds until the socket must be open. */
  readonly handshakeTimeout: number;
  /** Called with the error if it is not open then: its handler has erred. */
  readonly lost?: ((error: Error) => void) | undefined;
  /** Milliseconds of silence after which Deno gives up the peer. */
  readonly idleTimeout: number | undefined;
  /** Milliseconds in which Deno must report an end that it has begun. */
  readonly closeTimeout: number;
  /** Bytes of one received message. */
  readonly readLimit: number;
  /** Bytes that may wait in the socket before a `send` waits. */
  readonly highWaterMark: number;
}

// Deno's message when its `idleTimeout` ends a connection.
const NO_PONG = "No response from ping frame.";

interface CloseToSend {
  readonly code: number;
  readonly reason: string;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** The socket of `Deno.upgradeWebSocket` as a transport. */
export class DenoTransport implements Transport {
  readonly engine: Engine = "native";
  readonly capabilities: Capabilities = DENO_CAPABILITIES;
  readonly description: string = DENO_DESCRIPTION;
  readonly subprotocol: string;
  readonly localAddr: undefined = undefined;
  readonly remoteAddr: Addr | undefined;
  received = 0;
  #bytesReceived = 0;
  #messagesSent = 0;
  #bytesSent = 0;
  readonly #socket: WebSocket;
  readonly #options: DenoTransportOptions;
  readonly #drain: Drain;
  readonly #emptied: Drain; // after the close frame: all has gone out
  #readLimit: number;
  #receiver: TransportReceiver | undefined; // until the end
  #deaf = false; // failed: messages are ignored
  #open = false;
  #opening: ReturnType<typeof setTimeout> | undefined;
  #vanishing: ReturnType<typeof setTimeout> | undefined;
  // Deno's socket accepts nothing before it is open.
  #early: (string | Uint8Array<ArrayBuffer>)[] = [];
  #earlySize = 0;
  #sent = 0; // bytes, or UTF-16 units
  #closeSent: CloseToSend | undefined;
  #cause: unknown; // what the error event said

  /**
   * Takes over a socket that is not open yet.
   *
   * @param socket The socket
   * @param options The handshake's outcome and the limits
   */
  constructor(socket: WebSocket, options: DenoTransportOptions) {
    this.#socket = socket;
    this.#options = options;
    this.subprotocol = options.subprotocol;
    this.remoteAddr = options.remoteAddr;
    this.#readLimit = options.readLimit;
    this.#drain = new Drain(() => this.bufferedAmount, options.highWaterMark);
    this.#emptied = new Drain(() => this.bufferedAmount, 0);
    socket.binaryType = "arraybuffer";
  }

  get bufferedAmount(): number {
    return this.#earlySize + this.#socket.bufferedAmount;
  }

  get taken(): number {
    return this.#sent - this.bufferedAmount;
  }

  get counts(): TransportCounts {
    return {
      bytesReceived: this.#bytesReceived,
      wireBytesReceived: undefined,
      messagesSent: this.#messagesSent,
      bytesSent: this.#bytesSent,
      wireBytesSent: undefined,
    };
  }

  // Must be called in the turn of the upgrade: the socket opens, and events
  // come, only after the response has been returned.
  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    const socket = this.#socket;
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#message(event.data);
    socket.onerror = (event) => {
      this.#cause ??= causeOf(event);
    };
    socket.onclose = (event) => this.#closed(event.code, event.reason);
    const { handshakeTimeout, lost } = this.#options;
    this.#opening = setTimeout(() => {
      const cause = new DOMException(
        `Cannot open connection: nothing came of the upgrade for ${handshakeTimeout} ms; ` +
          "return the response of upgrade() or of the handler, with no middleware that " +
          "throws or answers otherwise, and pass it the Request that Deno.serve passed, not a copy",
        "TimeoutError",
      );
      this.#end({ cause });
      lost?.(cause);
    }, handshakeTimeout);
  }

  pause(): void {}

  resume(): void {}

  flush(): void {
    if (this.#open && this.#socket.readyState !== WebSocket.OPEN) {
      this.#vanish();
    }
  }

  send(
    type: DataType,
    data: string | Uint8Array,
  ): Promise<void> | undefined {
    // Deno sends strings as text and bytes as binary.
    const whole = type === 1
      ? typeof data === "string" ? data : decoder.decode(data)
      : typeof data === "string"
      ? encoder.encode(data)
      : unshared(data); // Deno's socket refuses shared memory.
    if (this.#receiver === undefined) throw new CloseError(1006);
    this.#sent += data.length;
    if (!this.#open) {
      this.#countSent(whole);
      return this.#sendEarly(whole);
    }
    // A closing socket drops what is sent, without an error.
    if (this.#socket.readyState !== WebSocket.OPEN) {
      this.#vanish();
      throw new CloseError(1006);
    }
    // Deno copies the data.
    this.#socket.send(whole);
    this.#countSent(whole);
    return this.#drain.wait(maxSize(whole));
  }

  sendPrepared(message: PreparedMessage): Promise<void> | undefined {
    return this.send(message.type, preparedData(message));
  }

  sendFragment(): never {
    throw new UnsupportedError(
      `Cannot send fragment: ${DENO_DESCRIPTION} sends whole messages`,
    );
  }

  sendControl(): never {
    throw new UnsupportedError(
      `Cannot send ping or pong: ${DENO_DESCRIPTION} has none`,
    );
  }

  close(code: number, reason: string): Promise<void> | undefined {
    if (this.#closeSent !== undefined) return undefined;
    this.#closeSent = { code, reason };
    if (this.#open) this.#sendClose();
    return this.#emptied.wait(Infinity);
  }

  fail(code: number, reason: string): void {
    this.#deaf = true;
    this.close(code, reason);
  }

  // Deno cannot cut a connection: ours ends, and the socket is told to close.
  terminate(): void {
    this.fail(1011, "");
    this.#end({});
  }

  setReadLimit(bytes: number): void {
    this.#readLimit = bytes;
  }

  enableWriteCompression(): void {}

  setCompressionLevel(): void {}

  #countSent(data: string | Uint8Array): void {
    this.#messagesSent++;
    this.#bytesSent += byteLength(data);
  }

  #sendEarly(
    data: string | Uint8Array<ArrayBuffer>,
  ): Promise<void> | undefined {
    this.#early.push(typeof data === "string" ? data : data.slice());
    this.#earlySize += data.length;
    return this.#drain.wait(maxSize(data));
  }

  #sendClose(): void {
    const { code, reason } = this.#closeSent!;
    // Deno would send a reason without a code in place of the code.
    if (code === 1005) this.#socket.close();
    else this.#socket.close(code, reason);
  }

  #opened(): void {
    clearTimeout(this.#opening);
    this.#open = true;
    for (const data of this.#early) this.#socket.send(data);
    this.#early = [];
    this.#earlySize = 0;
    // Also after our connection has ended: the socket must not stay open.
    if (this.#closeSent === undefined && this.#receiver === undefined) {
      this.#closeSent = { code: 1011, reason: "" };
    }
    if (this.#closeSent !== undefined) this.#sendClose();
  }

  #message(data: string | ArrayBuffer): void {
    if (this.#deaf || this.#receiver === undefined) return;
    this.received++;
    if (sizeExceeds(data, this.#readLimit)) {
      this.#deaf = true;
      this.#receiver.failed(new ReadLimitError(this.#readLimit));
      this.close(1009, "");
      return;
    }
    this.#bytesReceived += byteLength(data);
    if (typeof data === "string") this.#receiver.message(1, data);
    else this.#receiver.message(2, new Uint8Array(data));
  }

  // By its idleTimeout, Deno gives up a peer that takes nothing, but reports
  // that only once the peer has taken what was sent, so perhaps never.
  #vanish(): void {
    if (this.#closeSent !== undefined || this.#receiver === undefined) return;
    this.#vanishing ??= setTimeout(() => {
      this.#receiver?.failed(this.#silence());
      this.#end({});
    }, this.#options.closeTimeout);
  }

  #silence(): DOMException {
    return new DOMException(
      `Cannot keep connection: the peer has been silent for ${this.#options.idleTimeout} ms`,
      "TimeoutError",
    );
  }

  // Deno may call this twice for one end.
  #closed(code: number, reason: string): void {
    const receiver = this.#receiver;
    if (receiver === undefined) return;
    const cause = this.#cause;
    if (code === 1001 && reason === NO_PONG && cause !== undefined) {
      receiver.failed(this.#silence());
    } else if (code === 0 || this.#isCut(code)) {
      const failure = cause instanceof Error
        ? failureOf(cause.message)
        : undefined;
      if (failure !== undefined) receiver.failed(failure);
      else if (this.#closeSent !== undefined) this.#cause ??= cutWhileClosing();
    } else if (!this.#deaf) {
      receiver.closeReceived(code, reason, true);
      this.#cause = undefined;
    }
    this.#end(this.#cause === undefined ? {} : { cause: this.#cause });
  }

  // While closing, Deno reports an end without a close frame like an empty
  // close frame. We believe it only if ours was empty, too.
  #isCut(code: number): boolean {
    return code === 1005 && this.#closeSent !== undefined &&
      this.#closeSent.code !== 1005;
  }

  #end(end: TransportEnd): void {
    const receiver = this.#receiver;
    if (receiver === undefined) return;
    this.#receiver = undefined;
    this.#deaf = true;
    clearTimeout(this.#opening);
    clearTimeout(this.#vanishing);
    this.#early = [];
    this.#earlySize = 0;
    receiver.ended(end);
    const reason = end.cause ?? new Error("Cannot send: the socket is closed");
    this.#drain.end(reason);
    this.#emptied.end(reason);
  }
}

function sizeExceeds(data: string | ArrayBuffer, limit: number): boolean {
  if (typeof data !== "string") return data.byteLength > limit;
  // UTF-8 takes one to three bytes for each UTF-16 unit.
  if (data.length > limit) return true;
  return data.length * 3 > limit && Buffer.byteLength(data) > limit;
}

function byteLength(data: string | ArrayBuffer | Uint8Array): number {
  return typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
}

// UTF-8 takes at most three bytes for each UTF-16 unit.
function maxSize(data: string | Uint8Array): number {
  return typeof data === "string" ? data.length * 3 : data.length;
}
