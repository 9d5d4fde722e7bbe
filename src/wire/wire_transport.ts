// The port's methods share state with the codec's calls, hence past 300 lines.

import { CloseError, formatCloseMessage, MAX_CLOSE_REASON } from "../close.ts";
import { ReadLimitError } from "../errors.ts";
import { ProtocolError } from "../peer_errors.ts";
import type { DataType } from "../message.ts";
import {
  type PreparedBatch,
  preparedData,
  type PreparedMessage,
  preparedSize,
} from "../prepared.ts";
import { payloadLength } from "../protocol/frame_header.ts";
import type { ConnectionState } from "../protocol/state.ts";
import type { Tuning } from "../protocol/tuning.ts";
import type { BufferPool, ByteStream } from "../transport/byte_stream.ts";
import {
  type Addr,
  type Capabilities,
  COPY_LIMIT,
  type Engine,
  type Side,
  type Transport,
  type TransportCounts,
  type TransportReceiver,
} from "../transport/transport.ts";
import { sharedBuffers } from "./buffers.ts";
import type { MessageCodec } from "../transport/codec.ts";
import { guardedPool } from "./guarded_pool.ts";
import { Input, type InputOwner } from "./input.ts";
import { randomMask } from "./mask_source.ts";
import { joinFrames, prepareFrame, toBytes } from "./prepared_frame.ts";
import { Sender } from "./sender.ts";

/** What a wire connection needs. */
export interface WireOptions {
  readonly side: Side;
  readonly subprotocol: string;
  readonly readLimit: number;
  readonly writeBufferSize: number;
  readonly writeBufferPool: BufferPool | undefined;
  /** The extension agreed on, if any. */
  readonly codec?: MessageCodec | undefined;
  /** Figures of the JavaScript engine. */
  readonly tuning?: Tuning | undefined;
}

/** What the wire engine can do, on every runtime. */
export const WIRE_CAPABILITIES: Capabilities = {
  ping: true,
  controlHandlers: true,
  closeHandler: true,
  streaming: true,
  compression: true,
  readBackpressure: true,
  readLimit: true,
  writeLimit: true,
  closeHandshake: true,
  terminate: true,
};

/** Our own RFC 6455 engine: session, codec and byte stream make a Transport. */
export class WireTransport implements Transport, InputOwner {
  readonly engine: Engine = "wire";
  readonly capabilities: Capabilities = WIRE_CAPABILITIES;
  readonly description: string = "the wire engine";
  readonly subprotocol: string;
  readonly extensions: string;
  readonly #side: Side;
  readonly #stream: ByteStream;
  readonly #state: ConnectionState;
  readonly #input: Input;
  readonly #sender: Sender;
  readonly #codec: MessageCodec | undefined;
  #receiver!: TransportReceiver;
  #compresses = true; // whether the codec may compress the next messages
  #compressing = false; // whether it compresses the message in pieces
  #encoding: Promise<void> | undefined; // the last that took time

  constructor(stream: ByteStream, options: WireOptions) {
    this.subprotocol = options.subprotocol;
    this.extensions = options.codec?.extension ?? "";
    this.#side = options.side;
    this.#stream = stream;
    this.#codec = options.codec;
    this.#input = new Input(
      stream,
      {
        side: options.side,
        mask: randomMask,
        readLimit: options.readLimit,
        rsv1: options.codec !== undefined,
        tuning: options.tuning,
      },
      options.codec,
      this,
    );
    this.#state = this.#input.session.state;
    this.#sender = new Sender(this.#input.session, stream, {
      writeBufferSize: options.writeBufferSize,
      pool: options.writeBufferPool === undefined
        ? sharedBuffers
        : guardedPool(options.writeBufferPool, (error) => {
          // Not in the middle of the write that ran into it.
          queueMicrotask(() => this.broken(error));
        }),
    });
  }

  get localAddr(): Addr | undefined {
    return this.#stream.localAddr;
  }

  get remoteAddr(): Addr | undefined {
    return this.#stream.remoteAddr;
  }

  get bufferedAmount(): number {
    return this.#sender.unsent;
  }

  get taken(): number {
    return this.#sender.taken;
  }

  get received(): number {
    return this.#input.received;
  }

  get counts(): TransportCounts {
    const input = this.#input;
    const sender = this.#sender;
    return {
      bytesReceived: input.payload,
      wireBytesReceived: input.received,
      messagesSent: sender.messages,
      bytesSent: sender.payload,
      wireBytesSent: sender.framed,
    };
  }

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    this.#input.start(receiver);
  }

  pause(): void {
    this.#input.pause();
  }

  resume(): void {
    this.#input.resume();
  }

  flush(): void {
    this.#sender.flush();
  }

  async written(): Promise<void> {
    await this.#encoding;
    await this.#sender.written();
  }

  send(
    type: DataType,
    data: string | Uint8Array,
  ): Promise<void> | undefined {
    const codec = this.#codec;
    return this.#compresses && codec?.encodes(data.length)
      ? this.#encode(codec, type, toBytes(data), true)
      : this.#sender.frame(type, data, true, false);
  }

  sendPrepared(message: PreparedMessage): Promise<void> | undefined {
    const codec = this.#codec;
    const size = preparedData(message).length;
    const key = this.#compresses ? codec?.preparedKey(size) : undefined;
    if (key !== undefined) codec?.prepared();
    const inflated = key === undefined ? undefined : preparedSize(message);
    const send = (form: Uint8Array<ArrayBuffer>) => {
      const { length } = form;
      if (this.#side === "server") {
        const bytes = inflated ?? payloadLength(length, false);
        return this.#sender.encoded(message.type, form, bytes);
      }
      const rsv1 = key !== undefined;
      const sent = this.#sender.frame(message.type, form, true, rsv1);
      this.#sender.payload += (inflated ?? length) - length;
      return sent;
    };
    const form = prepareFrame(message, this.#side, key, codec);
    return form instanceof Promise
      ? this.#encoding = this.#whenEncoded(form, send)
      : send(form);
  }

  sendBatch(batch: PreparedBatch): Promise<void> | undefined | false {
    // A client masks each frame by itself, a codec has forms of its own.
    if (
      this.#side === "client" ||
      this.#compresses && this.#codec !== undefined
    ) return false;
    const { frames, size } = joinFrames(batch);
    return this.#sender.encoded(1, frames, size, batch.messages.length);
  }

  sendFragment(
    type: DataType | 0,
    data: Uint8Array,
    fin: boolean,
  ): Promise<void> | undefined {
    const codec = this.#codec;
    if (type !== 0) {
      this.#compressing = this.#compresses &&
        codec?.encodes(undefined) === true;
    }
    return codec !== undefined && this.#compressing
      ? this.#encode(codec, type, data, fin)
      : this.#sender.frame(type, data, fin, false);
  }

  sendControl(
    type: 9 | 10,
    payload: Uint8Array,
    answer?: boolean,
  ): Promise<void> | undefined {
    return this.#sender.control(type, payload, answer);
  }

  close(code: number, reason: string): Promise<void> | undefined {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#sender.close(formatCloseMessage(code, reason), () => {
      resolve();
      this.#endWhenDone();
    });
    return promise;
  }

  fail(code: number, reason: string): void {
    this.#state.fail();
    this.#codec?.close();
    this.close(code, reason);
    this.#endWhenDone();
    // Unread bytes would make the system answer with RST, which can overtake
    // the close frame.
    this.#input.discard();
  }

  terminate(): void {
    this.#state.fail();
    this.#codec?.close();
    this.#stream.destroy();
    this.#input.discard();
  }

  setReadLimit(bytes: number): void {
    this.#input.setReadLimit(bytes);
  }

  enableWriteCompression(enable: boolean): void {
    this.#compresses = enable;
  }

  setCompressionLevel(level: number): void {
    this.#codec?.setLevel(level);
  }

  // InputOwner

  peerClosed(): void {
    this.#endWhenDone();
  }

  broken(error: Error): void {
    if (this.#state.isFailed) return;
    this.#receiver.failed(error);
    const [code, reason] = closeOf(error);
    this.fail(code, reason);
  }

  ended(): void {
    this.#state.peerEnded();
    // The peer went without a close frame: there is nothing to wait for.
    if (this.#state.receiving === "open") this.#stream.destroy();
    else this.#endWhenDone();
  }

  cut(): void {
    this.#sender.destroy();
  }

  over(error: unknown): void {
    this.#state.over();
    this.#codec?.close();
    this.#receiver.ended(error === undefined ? {} : { cause: error });
  }

  #encode(
    codec: MessageCodec,
    type: DataType | 0,
    data: Uint8Array,
    fin: boolean,
  ): Promise<void> | undefined {
    if (data.length > codec.maxPiece) {
      return this.#encodePieces(codec, type, data, fin);
    }
    // RFC 7692, section 6: RSV1 is set on the first fragment only.
    const send = (payload: Uint8Array) => {
      const sent = this.#sender.frame(type, payload, fin, type !== 0);
      this.#sender.payload += data.length - payload.length;
      return sent;
    };
    const encoded = codec.encodeNow(data, fin);
    if (encoded !== undefined) return send(encoded);
    // The caller may change a small payload once this returns.
    const kept = data.length <= COPY_LIMIT ? new Uint8Array(data) : data;
    const encoding = codec.encode(kept, fin);
    // A part of the message may have been sent, and the rest will not follow.
    encoding.catch((error) => this.broken(error));
    return this.#encoding = this.#whenEncoded(encoding, send);
  }

  // Sends a fragment for each piece, when there is room for it: neither the
  // time in one turn nor the bytes that wait grow with the message.
  async #encodePieces(
    codec: MessageCodec,
    type: DataType | 0,
    data: Uint8Array,
    fin: boolean,
  ): Promise<void> {
    const { maxPiece } = codec;
    for (let start = 0; start < data.length; start += maxPiece) {
      const piece = data.subarray(start, start + maxPiece);
      const last = fin && start + maxPiece >= data.length;
      await this.#encode(codec, start === 0 ? type : 0, piece, last);
    }
  }

  async #whenEncoded(
    encoding: Promise<Uint8Array<ArrayBuffer>>,
    send: (encoded: Uint8Array<ArrayBuffer>) => Promise<void> | undefined,
  ): Promise<void> {
    const encoded = await encoding;
    const { isFailed, sending } = this.#state;
    if (isFailed || sending === "cut") throw new CloseError(1006);
    await send(encoded);
  }

  #endWhenDone(): void {
    if (!this.#state.mayEndStream(this.#side)) return;
    this.#state.streamEnded();
    // Of a connection that has failed, the peer's close frame may come yet.
    this.#stream.end(!this.#state.isFailed);
  }
}

/** The close frame that tells the peer what it did wrong. */
function closeOf(error: Error): [code: number, reason: string] {
  if (error instanceof ReadLimitError) return [1009, ""];
  if (error instanceof ProtocolError) {
    // Our own words, all ASCII.
    return [error.code, error.message.slice(0, MAX_CLOSE_REASON)];
  }
  return [1011, ""];
}
