import type { DataType } from "../message.ts";
import type { SessionReceiver } from "../protocol/assembler.ts";
import { Session, type SessionOptions } from "../protocol/session.ts";
import type { ByteReceiver, ByteStream } from "../transport/byte_stream.ts";
import type { TransportReceiver } from "../transport/transport.ts";
import type { MessageCodec } from "./codec.ts";
import { Decoding, type DecodingOwner } from "./decoding.ts";
import { type Flushable, flushLater } from "./macrotask.ts";

/** What the incoming half tells of the connection's end. */
export interface InputOwner {
  /** The peer's close frame has been delivered. */
  peerClosed(): void;
  /** The peer broke a rule, or its data was corrupt. */
  broken(error: Error): void;
  /** The peer has ended its direction; all that came has been delivered. */
  ended(): void;
  /** The stream is over; all that came has been delivered. */
  over(error: unknown): void;
  /** The stream is over: nothing can be sent any more. */
  cut(): void;
}

/**
 * The incoming half of a wire connection: bytes go through the session, compressed messages through the codec, events to the
 * receiver. Input is held while the reader has enough, and while the codec takes its time; the peer is stopped then.
 */
export class Input
  implements ByteReceiver, SessionReceiver, DecodingOwner, Flushable {
  readonly session: Session;
  /** Grows with every chunk. */
  received = 0;
  readonly free: ByteStream["free"];
  readonly #stream: ByteStream;
  readonly #codec: MessageCodec | undefined;
  readonly #owner: InputOwner;
  #receiver!: TransportReceiver;
  #readLimit: number;
  #decoding: Decoding | undefined; // the message in the codec
  #decodingNow = false;
  #last: (() => void) | undefined; // the last event, not told yet
  #proceeding = false;
  #readerPaused = false;
  #readerReady: PromiseWithResolvers<void> | undefined; // who waits for it
  #streamPaused = false;
  #eof = false;
  #eofTold = false;
  #closed: { readonly error: unknown } | undefined;
  #overTold = false;

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
    this.free = stream.free;
    this.session = new Session(options, this);
  }

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    this.#stream.start(this);
  }

  setReadLimit(bytes: number): void {
    this.#readLimit = bytes;
    this.session.setReadLimit(bytes);
  }

  pause(): void {
    // Behind the peer's end nothing more comes: what is left is bounded.
    if (this.#eof || this.#closed !== undefined) return;
    this.#readerPaused = true;
    this.session.hold();
  }

  resume(): void {
    this.#readerPaused = false;
    this.#readerReady?.resolve();
    this.#readerReady = undefined;
    this.#proceed();
  }

  /** Ignores what comes from now on, but lets it come: the end stands behind it. */
  discard(): void {
    // Of what is gathered of a message, nothing may come behind the end.
    this.#decoding = undefined;
    this.session.fail();
    this.#last = undefined;
    this.resume();
  }

  // ByteReceiver

  data(chunk: Uint8Array<ArrayBuffer>): void {
    this.received++;
    try {
      this.session.push(chunk);
      this.#flushDecoding();
    } catch (error) {
      this.#break(error);
    }
    // What comes while input is held waits in the session: one chunk is enough.
    if (this.session.held && !this.#streamPaused) {
      this.#streamPaused = true;
      this.#stream.pause();
    }
  }

  end(): void {
    this.#eof = true;
    this.resume();
  }

  closed(error?: unknown): void {
    this.#closed = { error };
    this.#owner.cut();
    this.resume();
  }

  // SessionReceiver

  message(type: DataType, data: string | Uint8Array<ArrayBuffer>): void {
    this.#receiver.message(type, data);
  }

  messageStart(type: DataType, compressed: boolean): void {
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
      this.#receiver.messageStart(type);
    }
  }

  messageData(bytes: Uint8Array<ArrayBuffer>): boolean {
    const decoding = this.#decoding;
    const freed = this.free !== undefined;
    if (decoding === undefined) {
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
    this.#receiver.ping(payload, false);
  }

  pong(payload: Uint8Array<ArrayBuffer>): void {
    this.#receiver.pong(payload);
  }

  close(code: number, reason: string): void {
    this.#tellLast(() => {
      this.#receiver.closeReceived(code, reason, false);
      this.#owner.peerClosed();
    });
  }

  fail(error: Error): void {
    this.#tellLast(() => this.#owner.broken(error));
  }

  /** Tells the last event. */
  flush(): void {
    const tell = this.#last;
    this.#last = undefined;
    try {
      tell?.();
    } catch (error) {
      this.#break(error);
    }
    this.#proceed();
  }

  // In the next turn: a message that came right before it, or was held with it,
  // is answered first. How TCP cuts what comes must not matter.
  #tellLast(tell: () => void): void {
    this.#decoding = undefined;
    this.#last = tell;
    flushLater(this);
  }

  // A fragment is complete and more may be long in coming: what it holds is
  // decoded now. The rest of a frame is on its way, though.
  #flushDecoding(): void {
    const decoding = this.#decoding;
    if (decoding === undefined || this.session.held || this.session.inFrame) {
      return;
    }
    this.#decode(() => decoding.flush());
  }

  // DecodingOwner

  readerBusy(): Promise<void> | undefined {
    if (!this.#readerPaused) return undefined;
    this.#readerReady ??= Promise.withResolvers();
    return this.#readerReady.promise;
  }

  // Runs the codec; parsing waits for it, so that the order is kept.
  #decode(run: () => Promise<void> | undefined): void {
    let done: Promise<void> | undefined;
    try {
      done = run();
    } catch (error) {
      return this.#break(error);
    }
    if (done === undefined) return;
    this.#decodingNow = true;
    this.session.hold();
    done.catch((error) => this.#break(error)).then(() => {
      this.#decodingNow = false;
      this.#proceed();
    });
  }

  #break(error: unknown): void {
    if (this.#overTold) return;
    this.session.readingOver("fail");
    const fault = error instanceof Error
      ? error
      : new Error("Cannot read message", { cause: error });
    this.#tellLast(() => this.#owner.broken(fault));
  }

  // Goes on with what is held, then with the stream, then to its end.
  #proceed(): void {
    if (
      this.#decodingNow || this.#readerPaused || this.#last !== undefined
    ) return;
    const nested = this.#proceeding;
    this.#proceeding = true;
    try {
      if (this.session.held) this.session.release();
      this.#flushDecoding();
    } catch (error) {
      this.#break(error);
    }
    // Called from inside an event: what is behind it comes first.
    if (nested) return;
    this.#proceeding = false;
    if (this.session.held || this.#last !== undefined) return;
    if (this.#streamPaused) {
      this.#streamPaused = false;
      if (this.#closed === undefined && !this.#eof) this.#stream.resume();
    }
    if (this.#eof && !this.#eofTold) {
      this.#eofTold = true;
      this.#owner.ended();
    }
    if (this.#closed !== undefined && !this.#overTold) {
      this.#overTold = true;
      this.#owner.over(this.#closed.error);
    }
  }
}
