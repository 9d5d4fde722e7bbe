// One object that both Bun and the connection call, which share its state,
// hence past 300 lines.

import { Buffer } from "node:buffer";

import { brandOf, isBranded } from "../../base/brands.ts";
import { CloseError } from "../../close.ts";
import {
  ReadLimitError,
  UnsupportedError,
  WriteLimitError,
} from "../../errors.ts";
import type { DataType } from "../../message.ts";
import {
  type PreparedBatch,
  preparedData,
  type PreparedMessage,
} from "../../prepared.ts";
import type {
  Addr,
  Capabilities,
  Engine,
  Transport,
  TransportCounts,
  TransportEnd,
  TransportReceiver,
} from "../../transport/transport.ts";
import { failureOf } from "./failures.ts";
import { clampLimit, type ServerLimits } from "./limits.ts";
import type { BunWebSocket } from "./types.ts";

/** What the sockets of `Bun.serve` can and cannot do. */
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

/** What a {@linkcode BunTransport} needs. */
export interface BunTransportOptions {
  /** The peer's address. */
  readonly remoteAddr: Addr | undefined;
  /** The subprotocol, or an empty string. */
  readonly subprotocol: string;
  /** The most bytes of one received message. */
  readonly readLimit: number;
  /** Bytes that may wait in the socket before a `send` waits. */
  readonly highWaterMark: number;
  /**
   * Messages of at least so many bytes are compressed; `Infinity` for none.
   */
  readonly threshold: number;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

const BRAND = brandOf("BunTransport");

/**
 * The transport of a socket, from any copy of the package: `bun --hot` replaces
 * the handlers, but not the connections.
 *
 * @param ws The socket
 * @returns Its transport, or `undefined` if we did not upgrade it
 */
export function transportOf(ws: BunWebSocket): BunTransport | undefined {
  return isBranded(ws.data, BRAND) ? ws.data as BunTransport : undefined;
}

/**
 * A socket of `Bun.serve` as a transport. It is passed to `server.upgrade()` as
 * `data`, so that the server's one `websocket` object finds it.
 */
export class BunTransport implements Transport {
  static {
    Object.defineProperty(this.prototype, BRAND, { value: true });
  }

  readonly engine: Engine = "native";
  readonly capabilities: Capabilities = BUN_CAPABILITIES;
  readonly description: string = BUN_DESCRIPTION;
  readonly subprotocol: string;
  readonly localAddr: undefined = undefined;
  readonly remoteAddr: Addr | undefined;
  received = 0;
  #bytesReceived = 0;
  #messagesSent = 0;
  #bytesSent = 0;
  readonly #highWaterMark: number;
  readonly #threshold: number;
  #compress = true;
  #sent = 0; // bytes, or UTF-16 units
  #readLimit: number;
  #ws: BunWebSocket | undefined; // while it is open
  #state: "open" | "failed" | "over" = "open"; // failed: ignores what comes
  #limits: ServerLimits | undefined;
  #receiver: TransportReceiver | undefined; // until the end
  #ending: TransportEnd | undefined; // what to report, if we end it
  #draining: PromiseWithResolvers<void> | undefined;

  /**
   * Makes a transport whose socket comes later, by `opened`.
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

  /** The limits of the server's `websocket` object, once they are known. */
  get limits(): ServerLimits | undefined {
    return this.#limits;
  }

  get bufferedAmount(): number {
    return this.#ws?.getBufferedAmount() ?? 0;
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

  // Must be called in the turn of the upgrade, in which Bun calls `opened`; all
  // other events come later.
  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    if (this.#state === "over") queueMicrotask(() => this.closed(1006, ""));
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
    if (ws === undefined) throw gone();
    // Bun sends strings as text and bytes as binary.
    const whole = type === 1
      ? typeof data === "string" ? data : decoder.decode(data)
      : typeof data === "string"
      ? encoder.encode(data)
      : data as Uint8Array<ArrayBuffer>;
    this.#sent += data.length;
    const compress = this.#compress && data.length >= this.#threshold;
    // Bun copies what it cannot write at once.
    const sent = ws.send(whole, compress);
    if (sent <= 0) {
      if (ws.readyState !== 1) throw gone();
      if (sent === 0 && this.#isDropped(data.length)) return this.#overflow();
    }
    this.#messagesSent++;
    this.#bytesSent += byteLength(whole);
    if (sent > 0) return undefined;
    if (ws.getBufferedAmount() <= this.#highWaterMark) return undefined;
    this.#draining ??= Promise.withResolvers();
    return this.#draining.promise;
  }

  sendPrepared(message: PreparedMessage): Promise<void> | undefined {
    return this.send(message.type, preparedData(message));
  }

  // Bun writes all that is sent within `cork` at once.
  sendBatch(batch: PreparedBatch): Promise<void> | undefined {
    const [first, second] = batch.messages;
    if (first !== undefined && second === undefined) {
      return this.sendPrepared(first);
    }
    const ws = this.#ws;
    if (ws === undefined) throw gone();
    let wait: Promise<void> | undefined;
    ws.cork(() => {
      for (const message of batch.messages) {
        // Over its limit it has ended, which `wait` tells.
        if (this.#ws === undefined) break;
        wait = this.sendPrepared(message) ?? wait;
      }
    });
    return wait;
  }

  sendFragment(): never {
    throw new UnsupportedError(
      `Cannot send fragment: ${BUN_DESCRIPTION} sends whole messages`,
    );
  }

  sendControl(type: 9 | 10, payload: Uint8Array): Promise<void> | undefined {
    const ws = this.#ws;
    if (ws === undefined) throw gone();
    const bytes = payload as Uint8Array<ArrayBuffer>;
    // With the header (RFC 6455, section 5.2), as Bun counts it, too.
    this.#sent += bytes.length + 2;
    const sent = type === 9 ? ws.ping(bytes) : ws.pong(bytes);
    if (sent > 0) return undefined;
    if (ws.readyState !== 1) throw gone();
    if (sent === 0 && this.#isDropped(bytes.length)) return this.#overflow();
    return undefined;
  }

  close(code: number, reason: string): undefined {
    // Bun has no closing handshake, so what we send is reported as the answer.
    this.#ending ??= { code, reason };
    // Bun calls `closed` before this returns. 1005 sends an empty frame.
    this.#ws?.close(code, reason);
  }

  fail(code: number, reason: string): void {
    this.#ignoreInput();
    this.#ending = {};
    this.#ws?.close(code, reason);
  }

  terminate(): void {
    this.#ignoreInput();
    this.#ending = {};
    // Without a socket, Bun has opened the connection for another handler.
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
    if (this.#state !== "open" || receiver === undefined) return;
    if (sizeExceeds(data, this.#readLimit)) {
      this.#ignoreInput();
      receiver.failed(new ReadLimitError(this.#readLimit));
      this.fail(1009, "");
    } else {
      this.#bytesReceived += byteLength(data);
      receiver.message(typeof data === "string" ? 1 : 2, data);
    }
  }

  pinged(payload: Uint8Array): void {
    this.received++;
    if (this.#state !== "open") return;
    this.#receiver?.ping(new Uint8Array(payload), true);
  }

  ponged(payload: Uint8Array): void {
    this.received++;
    if (this.#state !== "open") return;
    this.#receiver?.pong(new Uint8Array(payload));
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
    this.#state = "over";
    if (receiver === undefined) return;
    this.#receiver = undefined;
    if (this.#ending === undefined) {
      if (code === 1006) {
        // No peer can send 1006.
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

  #ignoreInput(): void {
    if (this.#state === "open") this.#state = "failed";
  }

  // Bun returns 0 for a dropped message, but also for an empty one it sent.
  #isDropped(size: number): boolean {
    return size > 0 || this.bufferedAmount > (this.#limits?.writeLimit ?? 0);
  }

  // Bun would drop a close frame as well, so the connection is cut.
  #overflow(): Promise<void> | undefined {
    const error = new WriteLimitError(this.#limits?.writeLimit ?? 0);
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
  // UTF-8 takes one to three bytes for each UTF-16 unit.
  return typeof data === "string" && data.length * 3 > limit &&
    Buffer.byteLength(data) > limit;
}

function byteLength(data: string | Uint8Array): number {
  return typeof data === "string" ? Buffer.byteLength(data) : data.length;
}

function gone(): CloseError {
  return new CloseError(1006);
}

function rejected(error: Error): Promise<void> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}
