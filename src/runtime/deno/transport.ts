import { Buffer } from "node:buffer";

import { ReadLimitError, UnsupportedError } from "../../errors.ts";
import type { DataType } from "../../message.ts";
import { preparedData, type PreparedMessage } from "../../prepared.ts";
import type {
  Addr,
  Capabilities,
  Engine,
  Transport,
  TransportEnd,
  TransportReceiver,
} from "../../transport/transport.ts";
import { Drain } from "./drain.ts";
import { causeOf, cutWhileClosing, failureOf } from "./failures.ts";

/** What `Deno.upgradeWebSocket` can do, and cannot. */
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

/** What a {@linkcode DenoTransport} is made with. */
export interface DenoTransportOptions {
  /** The peer's address. */
  readonly remoteAddr: Addr | undefined;
  /** The subprotocol, or an empty string. */
  readonly subprotocol: string;
  /** Milliseconds until the socket must be open. */
  readonly handshakeTimeout: number;
  /** Milliseconds of silence after which Deno gives the peer up. */
  readonly idleTimeout: number | undefined;
  /** Bytes of one received message. */
  readonly readLimit: number;
  /** Bytes that may wait in the socket before a `send` waits. */
  readonly highWaterMark: number;
}

// How Deno words the end by its `idleTimeout`.
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
  readonly #socket: WebSocket;
  readonly #options: DenoTransportOptions;
  readonly #drain: Drain;
  #readLimit: number;
  #receiver: TransportReceiver | undefined; // until the end
  #deaf = false; // no more messages: the connection has been failed
  #open = false;
  #opening: ReturnType<typeof setTimeout> | undefined;
  // Deno's socket takes nothing before it is open.
  #early: (string | Uint8Array<ArrayBuffer>)[] = [];
  #earlySize = 0;
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
    socket.binaryType = "arraybuffer";
  }

  get bufferedAmount(): number {
    return this.#earlySize + this.#socket.bufferedAmount;
  }

  // To be called in the turn of the upgrade: the socket opens, and events come,
  // only after the response has been returned.
  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    const socket = this.#socket;
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#message(event.data);
    socket.onerror = (event) => {
      this.#cause ??= causeOf(event);
    };
    socket.onclose = (event) => this.#closed(event.code, event.reason);
    const { handshakeTimeout } = this.#options;
    this.#opening = setTimeout(() => {
      this.#end({
        cause: new DOMException(
          `Cannot open connection: nothing came of the upgrade for ${handshakeTimeout} ms; ` +
            "return the response of upgrade(), and give it the Request that Deno.serve gave, not a copy",
          "TimeoutError",
        ),
      });
    }, handshakeTimeout);
  }

  pause(): void {}

  resume(): void {}

  flush(): void {}

  send(
    type: DataType,
    data: string | Uint8Array,
  ): Promise<void> | undefined {
    // Deno sends strings as text and bytes as binary.
    const whole = type === 1
      ? typeof data === "string" ? data : decoder.decode(data)
      : typeof data === "string"
      ? encoder.encode(data)
      : data as Uint8Array<ArrayBuffer>;
    if (!this.#open) return this.#sendEarly(whole);
    try {
      // Copies the data.
      this.#socket.send(whole);
    } catch (error) {
      // Its close event is on the way.
      return Promise.reject(error);
    }
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

  close(code: number, reason: string): void {
    if (this.#closeSent !== undefined) return;
    this.#closeSent = { code, reason };
    if (this.#open) this.#sendClose();
  }

  fail(code: number, reason: string): void {
    this.#deaf = true;
    this.close(code, reason);
  }

  // Deno cannot cut a connection: ours ends, and the socket is asked to.
  terminate(): void {
    this.fail(1011, "");
    this.#end({});
  }

  setReadLimit(bytes: number): void {
    this.#readLimit = bytes;
  }

  enableWriteCompression(): void {}

  setCompressionLevel(): void {}

  #sendEarly(
    data: string | Uint8Array<ArrayBuffer>,
  ): Promise<void> | undefined {
    this.#early.push(typeof data === "string" ? data : data.slice());
    this.#earlySize += data.length;
    return this.#drain.wait(maxSize(data));
  }

  #sendClose(): void {
    const { code, reason } = this.#closeSent!;
    // A reason without a code would be sent in the place of the code.
    if (code === 1005) this.#socket.close();
    else this.#socket.close(code, reason);
  }

  #opened(): void {
    clearTimeout(this.#opening);
    this.#open = true;
    for (const data of this.#early) this.#socket.send(data);
    this.#early = [];
    this.#earlySize = 0;
    // Also for a connection that has ended before: the socket shall go.
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
    } else if (typeof data === "string") {
      this.#receiver.message(1, data);
    } else {
      this.#receiver.message(2, new Uint8Array(data));
    }
  }

  // Deno may call it twice for one end.
  #closed(code: number, reason: string): void {
    const receiver = this.#receiver;
    if (receiver === undefined) return;
    const cause = this.#cause;
    if (code === 1001 && reason === NO_PONG && cause !== undefined) {
      receiver.failed(
        new DOMException(
          `Cannot keep connection: the peer has been silent for ${this.#options.idleTimeout} ms`,
          "TimeoutError",
        ),
      );
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

  // While it closes, Deno reports an end without a close frame as an empty one.
  // It is believed only as the echo of an empty one.
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
    this.#early = [];
    this.#earlySize = 0;
    receiver.ended(end);
    this.#drain.end(
      end.cause ?? new Error("Cannot send: the socket is closed"),
    );
  }
}

function sizeExceeds(data: string | ArrayBuffer, limit: number): boolean {
  if (typeof data !== "string") return data.byteLength > limit;
  // UTF-8 has one to three bytes for each unit of UTF-16.
  if (data.length > limit) return true;
  return data.length * 3 > limit && Buffer.byteLength(data) > limit;
}

// UTF-8 has at most three bytes for a unit of UTF-16.
function maxSize(data: string | Uint8Array): number {
  return typeof data === "string" ? data.length * 3 : data.length;
}
