import { CloseError, formatCloseMessage, MAX_CLOSE_REASON } from "../close.ts";
import { ProtocolError, ReadLimitError } from "../errors.ts";
import type { DataType } from "../message.ts";
import type { PreparedMessage } from "../prepared.ts";
import type { Tuning } from "../protocol/tuning.ts";
import type { BufferPool, ByteStream } from "../transport/byte_stream.ts";
import type {
  Addr,
  Capabilities,
  Engine,
  Side,
  Transport,
  TransportReceiver,
} from "../transport/transport.ts";
import { sharedBuffers } from "./buffers.ts";
import type { MessageCodec } from "./codec.ts";
import { Encoding } from "./encoding.ts";
import { guardedPool } from "./guarded_pool.ts";
import { Input, type InputOwner } from "./input.ts";
import { randomMask } from "./mask_source.ts";
import { Sender } from "./sender.ts";

/** What a wire connection is made with. */
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
  readonly #side: Side;
  readonly #stream: ByteStream;
  readonly #input: Input;
  readonly #sender: Sender;
  readonly #encoding: Encoding;
  readonly #codec: MessageCodec | undefined;
  #receiver!: TransportReceiver;
  #closeWritten = false;
  #peerDone = false; // its close frame has come, or it has failed
  #failed = false;
  #eof = false;
  #endCalled = false;

  constructor(stream: ByteStream, options: WireOptions) {
    this.subprotocol = options.subprotocol;
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
    this.#sender = new Sender(this.#input.session, stream, {
      writeBufferSize: options.writeBufferSize,
      pool: options.writeBufferPool === undefined
        ? sharedBuffers
        : guardedPool(options.writeBufferPool, (error) => {
          // Not in the midst of the write that has met it.
          queueMicrotask(() => this.broken(error));
        }),
    });
    this.#encoding = new Encoding(
      options.side,
      this.#sender,
      options.codec,
      this,
    );
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

  get received(): number {
    return this.#input.received;
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

  send(
    type: DataType,
    data: string | Uint8Array,
  ): Promise<void> | undefined {
    return this.#encoding.send(type, data);
  }

  sendPrepared(message: PreparedMessage): Promise<void> | undefined {
    return this.#encoding.sendPrepared(message);
  }

  sendFragment(
    type: DataType | 0,
    data: Uint8Array,
    fin: boolean,
  ): Promise<void> | undefined {
    return this.#encoding.sendFragment(type, data, fin);
  }

  sendControl(
    type: 9 | 10,
    payload: Uint8Array,
    answer?: boolean,
  ): Promise<void> | undefined {
    return this.#sender.control(type, payload, answer);
  }

  close(code: number, reason: string): void {
    this.#sender.close(formatCloseMessage(code, reason), () => {
      this.#closeWritten = true;
      this.#endWhenDone();
    });
  }

  fail(code: number, reason: string): void {
    this.#failed = true;
    this.#peerDone = true;
    this.#encoding.stop();
    this.#codec?.close();
    this.close(code, reason);
    this.#endWhenDone();
    // Unread bytes would make the system answer with RST, which can overtake
    // the close frame.
    this.#input.discard();
  }

  terminate(): void {
    this.#failed = true;
    this.#encoding.stop();
    this.#codec?.close();
    this.#stream.destroy();
    this.#input.discard();
  }

  setReadLimit(bytes: number): void {
    this.#input.setReadLimit(bytes);
  }

  enableWriteCompression(enable: boolean): void {
    this.#encoding.enable(enable);
  }

  setCompressionLevel(level: number): void {
    this.#codec?.setLevel(level);
  }

  // InputOwner

  peerClosed(): void {
    this.#peerDone = true;
    this.#endWhenDone();
  }

  broken(error: Error): void {
    if (this.#failed) return;
    this.#receiver.failed(error);
    const [code, reason] = closeOf(error);
    this.fail(code, reason);
  }

  ended(): void {
    this.#eof = true;
    // The peer went without a close frame, or there is nothing to wait for.
    if (!this.#peerDone) this.#stream.destroy();
    else this.#endWhenDone();
  }

  cut(): void {
    this.#encoding.stop();
    this.#sender.destroy(new CloseError(1006));
  }

  over(error: unknown): void {
    this.#failed = true;
    this.#codec?.close();
    this.#receiver.ended(error === undefined ? {} : { cause: error });
  }

  // RFC 6455, section 7.1.1: the server ends TCP first; a client waits for it,
  // unless it has failed the connection.
  #endWhenDone(): void {
    if (!this.#closeWritten || !this.#peerDone || this.#endCalled) return;
    if (this.#side === "client" && !this.#failed && !this.#eof) return;
    this.#endCalled = true;
    this.#stream.end();
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
