import { Buffer } from "node:buffer";

import {
  ReadLimitError,
  UnsupportedError,
  WriteLimitError,
} from "../../errors.ts";
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
import { failureOf } from "./failures.ts";
import { clampLimit, type ServerLimits } from "./limits.ts";
import type { BunWebSocket } from "./types.ts";

/** What the sockets of `Bun.serve` can do, and cannot. */
export const BUN_CAPABILITIES: Capabilities = Object.freeze({
  ping: true,
  controlHandlers: true,
  closeHandler: true,
  streaming: false,
  compression: true,
  readBackpressure: true,
  readLimit: true,
  writeLimit: true,
  closeHandshake: false,
  terminate: true,
});

/** What error messages call this engine. */
export const BUN_DESCRIPTION = "the native engine on Bun";

/** What a {@linkcode BunTransport} is made with. */
export interface BunTransportOptions {
  /** The peer's address. */
  readonly remoteAddr: Addr | undefined;
  /** The subprotocol, or an empty string. */
  readonly subprotocol: string;
  /** Bytes of one received message. */
  readonly readLimit: number;
  /** Bytes that may wait in the socket before a `send` waits. */
  readonly highWaterMark: number;
  /** Bytes from which on a message is compressed; `Infinity` for never. */
  readonly threshold: number;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * A socket of `Bun.serve` as a transport: what `server.upgrade()` is given as
 * `data`, so that the server's one `websocket` object finds it.
 */
export class BunTransport implements Transport {
  readonly engine: Engine = "native";
  readonly capabilities: Capabilities = BUN_CAPABILITIES;
  readonly description: string = BUN_DESCRIPTION;
  readonly subprotocol: string;
  readonly localAddr: undefined = undefined;
  readonly remoteAddr: Addr | undefined;
  received = 0;
  readonly #highWaterMark: number;
  readonly #threshold: number;
  #compress = true;
  #readLimit: number;
  #ws: BunWebSocket | undefined; // while it is open
  #over = false;
  #limits: ServerLimits | undefined;
  #receiver: TransportReceiver | undefined; // until the end
  #deaf = false; // no more messages: the connection has been failed
  #ending: TransportEnd | undefined; // what this side's end is reported as
  #draining: PromiseWithResolvers<void> | undefined;

  /**
   * Makes a transport without its socket, which `opened` brings.
   *
   * @param options The handshake's outcome and the limits
   */
  constructor(options: BunTransportOptions) {
    this.subprotocol = options.subprotocol;
    this.remoteAddr = options.remoteAddr;
    this.#readLimit = options.readLimit;
    this.#highWaterMark = options.highWaterMark;
    this.#threshold = options.threshold;
  }

  /** The limits of the server's `websocket` object, once that is known. */
  get limits(): ServerLimits | undefined {
    return this.#limits;
  }

  get bufferedAmount(): number {
    return this.#ws?.getBufferedAmount() ?? 0;
  }

  // To be called in the turn of the upgrade, in which Bun calls `opened`; what
  // else comes, comes later.
  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    if (this.#over) queueMicrotask(() => this.closed(1006, ""));
  }

  pause(): void {
    this.#ws?.pause();
  }

  resume(): void {
    this.#ws?.resume();
  }

  flush(): void {}

  send(
    type: DataType,
    data: string | Uint8Array,
  ): Promise<void> | undefined {
    const ws = this.#ws;
    if (ws === undefined) return gone();
    // Bun sends strings as text and bytes as binary.
    const whole = type === 1
      ? typeof data === "string" ? data : decoder.decode(data)
      : typeof data === "string"
      ? encoder.encode(data)
      : data as Uint8Array<ArrayBuffer>;
    const compress = this.#compress && data.length >= this.#threshold;
    // Copies what it cannot write at once.
    const sent = ws.send(whole, compress);
    if (sent > 0) return undefined;
    if (sent === 0 && this.#isDropped(data.length)) return this.#overflow();
    if (ws.getBufferedAmount() <= this.#highWaterMark) return undefined;
    this.#draining ??= Promise.withResolvers();
    return this.#draining.promise;
  }

  sendPrepared(message: PreparedMessage): Promise<void> | undefined {
    return this.send(message.type, preparedData(message));
  }

  sendFragment(): never {
    throw new UnsupportedError(
      `Cannot send fragment: ${BUN_DESCRIPTION} sends whole messages`,
    );
  }

  sendControl(type: 9 | 10, payload: Uint8Array): Promise<void> | undefined {
    const ws = this.#ws;
    if (ws === undefined) return gone();
    const bytes = payload as Uint8Array<ArrayBuffer>;
    const sent = type === 9 ? ws.ping(bytes) : ws.pong(bytes);
    if (sent === 0 && this.#isDropped(bytes.length)) return this.#overflow();
    return undefined;
  }

  close(code: number, reason: string): void {
    // There is no closing handshake: what is sent stands for the answer.
    this.#ending ??= { code, reason };
    // Calls `closed` before it returns. 1005 makes an empty frame.
    this.#ws?.close(code, reason);
  }

  fail(code: number, reason: string): void {
    this.#deaf = true;
    this.#ending = {};
    this.#ws?.close(code, reason);
  }

  terminate(): void {
    this.#deaf = true;
    this.#ending = {};
    // Without a socket, Bun has opened it for somebody else.
    if (this.#ws === undefined) this.closed(1006, "");
    else this.#ws.terminate();
  }

  setReadLimit(bytes: number): void {
    const limit = this.#limits?.readLimit ?? Infinity;
    if (clampLimit(bytes) > limit) {
      throw new UnsupportedError(
        `Cannot raise read limit to ${bytes} bytes: ${BUN_DESCRIPTION} has one of ${limit} for all connections of a server, ` +
          "set the readLimit of the Upgrader whose websocket Bun.serve was given",
      );
    }
    this.#readLimit = bytes;
  }

  enableWriteCompression(enable: boolean): void {
    this.#compress = enable;
  }

  setCompressionLevel(): void {}

  // What the server's `websocket` object calls

  opened(ws: BunWebSocket, limits: ServerLimits): void {
    ws.binaryType = "uint8array";
    this.#ws = ws;
    this.#limits = limits;
  }

  message(data: string | Uint8Array<ArrayBuffer>): void {
    this.received++;
    const receiver = this.#receiver;
    if (this.#deaf || receiver === undefined) return;
    if (sizeExceeds(data, this.#readLimit)) {
      this.#deaf = true;
      receiver.failed(new ReadLimitError(this.#readLimit));
      this.fail(1009, "");
    } else {
      receiver.message(typeof data === "string" ? 1 : 2, data);
    }
  }

  pinged(payload: Uint8Array): void {
    this.received++;
    if (!this.#deaf) this.#receiver?.ping(new Uint8Array(payload), true);
  }

  ponged(payload: Uint8Array): void {
    this.received++;
    if (!this.#deaf) this.#receiver?.pong(new Uint8Array(payload));
  }

  drained(): void {
    const draining = this.#draining;
    if (draining === undefined || this.bufferedAmount > this.#highWaterMark) {
      return;
    }
    this.#draining = undefined;
    draining.resolve();
  }

  closed(code: number, reason: string): void {
    const receiver = this.#receiver;
    this.#ws = undefined;
    this.#over = true;
    if (receiver === undefined) return;
    this.#receiver = undefined;
    if (this.#ending === undefined) {
      if (code === 1006) {
        // No peer can send that code.
        const limit = this.#limits?.readLimit ?? this.#readLimit;
        const failure = failureOf(reason, limit);
        if (failure !== undefined) receiver.failed(failure);
      } else {
        receiver.closeReceived(code, reason, true);
      }
    }
    receiver.ended(this.#ending ?? {});
    this.#draining?.reject(new Error("Cannot send: the socket is closed"));
  }

  // Bun says 0 for a dropped message, and for an empty one that was sent.
  #isDropped(size: number): boolean {
    return size > 0 || this.bufferedAmount > (this.#limits?.writeLimit ?? 0);
  }

  // A close frame would be dropped as well.
  #overflow(): Promise<void> | undefined {
    const limit = this.#limits?.writeLimit ?? 0;
    // Bun closes no sooner than it says so: then the end is on the way.
    if (this.#ws?.readyState !== 1) return gone();
    const error = new WriteLimitError(limit);
    this.#receiver?.failed(error);
    this.terminate();
    return rejected(error);
  }
}

function sizeExceeds(
  data: string | Uint8Array<ArrayBuffer>,
  limit: number,
): boolean {
  if (data.length > limit) return true;
  // UTF-8 has one to three bytes for each unit of UTF-16.
  return typeof data === "string" && data.length * 3 > limit &&
    Buffer.byteLength(data) > limit;
}

function gone(): Promise<void> {
  return rejected(new Error("Cannot send: the socket is closed"));
}

function rejected(error: Error): Promise<void> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}
