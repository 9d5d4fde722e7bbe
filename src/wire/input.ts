// The reasons for a pause, and the order of events, are one state, hence past
// 300 lines.

import type { DataType } from "../message.ts";
import type { SessionReceiver } from "../protocol/assembler.ts";
import type { FrameDecoder } from "../protocol/decoder.ts";
import { Session, type SessionOptions } from "../protocol/session.ts";
import type {
  ByteReceiver,
  ByteStream,
  OwnStream,
} from "../transport/byte_stream.ts";
import type { TransportReceiver } from "../transport/transport.ts";
import { toError } from "../base/user_values.ts";
import type { MessageCodec } from "../transport/codec.ts";
import { Decoding, type DecodingOwner } from "./decoding.ts";
import {
  countFrames,
  countMessage,
  type Flushable,
  flushLater,
  isTurnOver,
  nextTurn,
} from "../base/turns.ts";

// Why reading is paused. The decoder holds the set of them.
const READER = 1; // the reader has enough
const CODEC = 2; // the codec is at work
const TURN = 4; // this turn of the event loop is over: others are next
const LAST = 8; // the last event waits to be delivered

/** What the incoming half reports of the connection's end. */
export interface InputOwner {
  /** The peer's close frame has been delivered. */
  peerClosed(): void;
  /** The peer broke a rule, or its data was corrupt. */
  broken(error: Error): void;
  /** The peer has ended its direction; everything has been delivered. */
  ended(): void;
  /** The stream is over; everything has been delivered. */
  over(error: unknown): void;
  /** The stream is over: nothing can be sent any more. */
  cut(): void;
}

/**
 * The incoming half of a wire connection: bytes go through the decoder,
 * compressed messages through the codec, events to the receiver. The peer is
 * stopped while there is any reason to pause.
 */
export class Input
  implements ByteReceiver, SessionReceiver, DecodingOwner, Flushable {
  readonly session: Session;
  readonly #decoder: FrameDecoder; // holds the reasons for a pause
  /** Bytes that have come. */
  received = 0;
  /** Bytes of messages that have come, inflated. */
  payload = 0;
  readonly free: OwnStream["free"];
  readonly #stream: ByteStream;
  readonly #codec: MessageCodec | undefined;
  readonly #owner: InputOwner;
  #receiver!: TransportReceiver;
  #readLimit: number;
  #decoding: Decoding | undefined; // the message in the codec
  #deferredEnd: (() => void) | undefined; // delivers the last event
  #readerReady: PromiseWithResolvers<void> | undefined; // once awaited
  #streamPaused = false;
  #streamEnds: (() => void)[] | undefined; // deliver its FIN and its end

  constructor(
    stream: ByteStream,
    options: SessionOptions,
    codec: MessageCodec | undefined,
    owner: InputOwner,
  ) {
    this.#stream = stream;
    this.#codec = codec;
    this.#owner = owner;
    this.#readLimit = options.readLimit;
    const own: Partial<OwnStream> = stream;
    this.free = own.free;
    this.session = new Session(options, this);
    this.#decoder = this.session.decoder;
  }

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    this.#stream.start(this);
  }

  setReadLimit(bytes: number): void {
    this.#readLimit = bytes;
    this.#decoder.setReadLimit(bytes);
  }

  pause(): void {
    // After the peer's end nothing more comes, so what is left is bounded.
    if (this.#isStreamDone) return;
    this.#decoder.pause(READER);
  }

  resume(): void {
    this.#resume(READER);
  }

  /** Reads on to the end, but ignores what comes from now on. */
  discard(): void {
    // Nothing of a message that is being decoded may come after the end.
    this.#decoding = undefined;
    this.session.fail();
    this.#deferredEnd = undefined;
    this.#resume(READER | LAST);
  }

  // ByteReceiver

  data(chunk: Uint8Array<ArrayBuffer>): void {
    this.received += chunk.length;
    if (isTurnOver()) this.#waitForTurn();
    const decoder = this.#decoder;
    try {
      decoder.push(chunk);
      countFrames(decoder.takeFrames());
      this.#flushDecoding();
    } catch (error) {
      this.#break(error);
    }
    if (decoder.telling) return;
    if (decoder.paused === 0) this.#goOn();
    else if (!decoder.over && !this.#streamPaused) {
      // What comes meanwhile waits in the decoder; one chunk is enough.
      this.#streamPaused = true;
      this.#stream.pause();
    }
  }

  end(): void {
    (this.#streamEnds ??= []).push(() => this.#owner.ended());
    this.#resume(READER);
  }

  closed(error?: unknown): void {
    (this.#streamEnds ??= []).push(() => this.#owner.over(error));
    this.#owner.cut();
    this.#resume(READER);
  }

  // SessionReceiver

  message(
    type: DataType,
    data: string | Uint8Array<ArrayBuffer>,
    size: number,
  ): void {
    this.payload += size;
    this.#count(0);
    this.#receiver.message(type, data);
  }

  messageStart(type: DataType, compressed: boolean, size: number): void {
    this.#count(0);
    const codec = this.#codec;
    if (compressed && codec !== undefined) {
      this.#decoding = new Decoding(
        codec,
        type,
        this.#readLimit,
        this.#receiver,
        this,
      );
    } else {
      this.#receiver.messageStart(type, size);
    }
  }

  messageData(bytes: Uint8Array<ArrayBuffer>): boolean {
    const decoding = this.#decoding;
    const freed = this.free !== undefined;
    if (decoding === undefined) {
      this.payload += bytes.length;
      return this.#receiver.messageData(bytes, freed) === true;
    }
    decoding.push(freed ? bytes.slice() : bytes);
    if (decoding.full) this.#decode(() => decoding.flush());
    return true;
  }

  messageEnd(): void {
    const decoding = this.#decoding;
    if (decoding === undefined) return this.#receiver.messageEnd();
    this.#decoding = undefined;
    this.#decode(() => decoding.end());
  }

  ping(payload: Uint8Array<ArrayBuffer>): void {
    this.#count(payload.length);
    this.#receiver.ping(payload, false);
  }

  pong(payload: Uint8Array<ArrayBuffer>): void {
    this.#count(payload.length);
    this.#receiver.pong(payload);
  }

  close(code: number, reason: string): void {
    this.#deferEnd(() => {
      this.#receiver.closeReceived(code, reason, false);
      this.#owner.peerClosed();
    });
  }

  fail(error: Error): void {
    this.#deferEnd(() => this.#owner.broken(error));
  }

  /** Delivers the last event. */
  flush(): void {
    const tell = this.#deferredEnd;
    this.#deferredEnd = undefined;
    try {
      tell?.();
    } catch (error) {
      this.#break(error);
    }
    // Only the end comes now, which is told whether its reader has enough or not.
    if (this.#deferredEnd === undefined) this.#resume(READER | LAST);
  }

  // Counts an event. When this turn's budget is spent, the next events wait for
  // the next turn, and so does the peer.
  #count(size: number): void {
    countMessage(size);
    if (isTurnOver()) this.#waitForTurn();
  }

  #waitForTurn(): void {
    if ((this.#decoder.paused & TURN) !== 0) return;
    this.#decoder.pause(TURN);
    nextTurn().then(() => this.#resume(TURN));
  }

  // Delivers the last event in the next turn, so that a message that came right
  // before it is answered first, however TCP happens to cut the bytes.
  #deferEnd(tell: () => void): void {
    this.#decoding = undefined;
    this.#deferredEnd = tell;
    this.#decoder.pause(LAST);
    flushLater(this);
  }

  // A fragment is complete, and the next may take long: what has been gathered
  // is decoded now. Within a frame it is not, as the rest will come soon.
  #flushDecoding(): void {
    const decoding = this.#decoding;
    if (decoding === undefined) return;
    const { paused, inFrame } = this.#decoder;
    if (paused === 0 && !inFrame) this.#decode(() => decoding.flush());
  }

  // DecodingOwner

  inflated(bytes: number): void {
    this.payload += bytes;
  }

  readerBusy(): Promise<void> | undefined {
    if ((this.#decoder.paused & READER) === 0) return undefined;
    this.#readerReady ??= Promise.withResolvers();
    return this.#readerReady.promise;
  }

  // Runs the codec; the decoder waits for it, so that the order is kept.
  #decode(run: () => Promise<void> | undefined): void {
    let done: Promise<void> | undefined;
    try {
      done = run();
    } catch (error) {
      return this.#break(error);
    }
    if (done === undefined) return;
    this.#decoder.pause(CODEC);
    done.catch((error) => this.#break(error)).then(() => this.#resume(CODEC));
  }

  #break(error: unknown): void {
    if (this.session.state.receiving === "over") return;
    this.session.readingOver("fail");
    const fault = toError(error, "Cannot read message");
    this.#deferEnd(() => this.#owner.broken(fault));
  }

  // Goes on with what waits, unless another reason to pause is left.
  #resume(reasons: number): void {
    const decoder = this.#decoder;
    if ((reasons & READER) !== 0) {
      this.#readerReady?.resolve();
      this.#readerReady = undefined;
    }
    const { telling } = decoder;
    try {
      decoder.resume(reasons);
      countFrames(decoder.takeFrames());
      // Called from within an event: the rest of the chunk comes first.
      if (telling) return;
      this.#flushDecoding();
    } catch (error) {
      this.#break(error);
    }
    if (decoder.paused === 0) this.#goOn();
  }

  // What waited has been delivered: goes on with the stream, then to its end.
  #goOn(): void {
    if (this.#streamPaused) {
      this.#streamPaused = false;
      if (!this.#isStreamDone) this.#stream.resume();
    }
    const ends = this.#streamEnds;
    if (ends === undefined) return;
    this.#streamEnds = undefined;
    for (const tell of ends) tell();
  }

  /** Whether the stream delivers nothing more. */
  get #isStreamDone(): boolean {
    return this.#streamEnds !== undefined || this.session.state.isPeerDone;
  }
}
