import { CloseSentError } from "../errors.ts";
import {
  type AssemblerOwner,
  MessageAssembler,
  type SessionReceiver,
} from "./assembler.ts";
import { FrameDecoder } from "./decoder.ts";
import { encodeFrame, encodeFrameInto } from "./encoder.ts";
import { type Opcode, type Side, writeFrameHeader } from "./frame_header.ts";
import { InputGate } from "./input_gate.ts";
import type { MaskSource } from "./mask.ts";
import {
  afterCloseReceived,
  afterCloseSent,
  afterFailure,
  maySendClose,
  maySendData,
  type SessionState,
} from "./state.ts";
import { type Tuning, V8_TUNING } from "./tuning.ts";

/** What a {@linkcode Session} is made with. */
export interface SessionOptions {
  /** Which side this is: clients mask what they send, servers do not. */
  readonly side: Side;
  /** Where masking keys come from. Needed on clients, unused on servers. */
  readonly mask?: MaskSource | undefined;
  /**
   * The most payload bytes of a received message; `Infinity` for none.
   * Compressed messages are not counted here, but by their codec.
   */
  readonly readLimit: number;
  /** Whether an extension that uses RSV1 was negotiated. Default false. */
  readonly rsv1?: boolean | undefined;
  /** Figures of the JavaScript engine. Default V8's. */
  readonly tuning?: Tuning | undefined;
}

/**
 * One side of a WebSocket connection behind its opening handshake (RFC 6455,
 * sections 5 to 7): bytes in, events out; frames in, bytes out. It is
 * synchronous and does no I/O. No input makes it throw; what a receiver throws
 * passes through, and the next `push` or `release` goes on behind that event.
 */
export class Session implements AssemblerOwner {
  /** Which side this is. */
  readonly side: Side;
  readonly #mask: MaskSource | undefined;
  readonly #tuning: Tuning;
  readonly #decoder: FrameDecoder;
  readonly #gate: InputGate;
  #state: SessionState = "open";

  /**
   * Makes the session of a connection whose opening handshake is done.
   *
   * @param options Side, mask source and limits
   * @param receiver What is called with what the peer sends
   * @throws {TypeError} If a client has no mask source
   */
  constructor(options: SessionOptions, receiver: SessionReceiver) {
    const { side, mask, readLimit, rsv1 = false, tuning = V8_TUNING } = options;
    if (side === "client" && mask === undefined) {
      throw new TypeError("Cannot make client session: it needs a mask source");
    }
    this.side = side;
    this.#tuning = tuning;
    this.#mask = side === "client" ? mask : undefined;
    const assembler = new MessageAssembler(receiver, this, tuning);
    // RFC 6455, section 5.1: each side expects of the other what it does not
    // do itself.
    const masked = side === "server";
    this.#decoder = new FrameDecoder({ masked, rsv1, readLimit }, assembler);
    this.#gate = new InputGate(this.#decoder, receiver.free && assembler);
  }

  /** Where the connection stands; see the predicates beside the type. */
  get state(): SessionState {
    return this.#state;
  }

  /** Whether input is held. */
  get held(): boolean {
    return this.#gate.held;
  }

  /** Whether a part of a data frame's payload has not come yet. */
  get inFrame(): boolean {
    return this.#decoder.inFrame;
  }

  /**
   * Takes bytes from the peer, cut anywhere. Events come before this returns,
   * unless input is held or this is called from inside an event: then the
   * chunk waits its turn. Ignored once reading is over.
   *
   * @param chunk The bytes; not the caller's any more
   * @throws {InvalidStateError} If a receiver has transferred the buffer of a
   * message away while the chunk that it lies in was held
   */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    this.#gate.push(chunk);
  }

  /** Delivers nothing more, behind the event that this is called from. */
  hold(): void {
    this.#gate.hold();
  }

  /**
   * Delivers what was held, and goes on.
   *
   * @throws {InvalidStateError} If a receiver has transferred the buffer of a
   * message away while the chunk that it lies in was held
   */
  release(): void {
    this.#gate.release();
  }

  /**
   * Sets the read limit of the messages that begin later.
   *
   * @param bytes The most payload bytes; `Infinity` for none
   */
  setReadLimit(bytes: number): void {
    this.#decoder.setReadLimit(bytes);
  }

  /**
   * Encodes a frame into a buffer; `maxFrameLength` tells how much room is
   * always enough. A close frame changes the state.
   *
   * @param target The buffer
   * @param offset Index of the frame's first byte
   * @param opcode The opcode; 0 continues a message
   * @param data The payload: bytes, which stay unchanged, or a well-formed string
   * @param fin Whether this is the last frame of its message
   * @param rsv1 Whether this is the first frame of a compressed message
   * @returns The index behind the frame, or -1 if there is not enough room
   * @throws {CloseSentError} If the state does not allow the frame
   */
  encodeInto(
    target: Uint8Array<ArrayBufferLike>,
    offset: number,
    opcode: Opcode,
    data: string | Uint8Array,
    fin = true,
    rsv1 = false,
  ): number {
    this.#check(opcode);
    const end = encodeFrameInto(
      target,
      offset,
      opcode,
      data,
      fin,
      rsv1,
      this.#mask,
      this.#tuning,
    );
    if (opcode === 8 && end >= 0) this.closeSent();
    return end;
  }

  /**
   * Encodes a frame into a buffer of its own. A close frame changes the state.
   *
   * @param opcode The opcode; 0 continues a message
   * @param data The payload: bytes, which stay unchanged, or a well-formed string
   * @param fin Whether this is the last frame of its message
   * @param rsv1 Whether this is the first frame of a compressed message
   * @returns The frame
   * @throws {CloseSentError} If the state does not allow the frame
   */
  encode(
    opcode: Opcode,
    data: string | Uint8Array,
    fin = true,
    rsv1 = false,
  ): Uint8Array<ArrayBuffer> {
    this.#check(opcode);
    const frame = encodeFrame(opcode, data, fin, rsv1, this.#mask);
    if (opcode === 8) this.closeSent();
    return frame;
  }

  /**
   * Writes the header of a data frame whose payload goes out by reference,
   * behind it. For servers: a client's payload must be masked.
   *
   * @param target The buffer; it must have room for 10 bytes
   * @param offset Index of the header's first byte
   * @param opcode The opcode; 0 continues a message
   * @param payloadLength Bytes of payload
   * @param fin Whether this is the last frame of its message
   * @param rsv1 Whether this is the first frame of a compressed message
   * @returns The index behind the header
   * @throws {CloseSentError} If the state does not allow the frame
   * @throws {TypeError} If this is a client
   */
  encodeHeaderInto(
    target: Uint8Array<ArrayBufferLike>,
    offset: number,
    opcode: 0 | 1 | 2,
    payloadLength: number,
    fin = true,
    rsv1 = false,
  ): number {
    if (this.#mask !== undefined) {
      throw new TypeError(
        "Cannot send payload by reference: a client must mask it",
      );
    }
    this.#check(opcode);
    return writeFrameHeader(
      target,
      offset,
      opcode,
      payloadLength,
      fin,
      rsv1,
      undefined,
    );
  }

  /** Records a close frame that was encoded elsewhere. */
  closeSent(): void {
    this.#state = afterCloseSent(this.#state);
  }

  /**
   * Fails the connection (RFC 6455, section 7.1.7), by this side's own will or
   * after the event `fail`: nothing more is read, and nothing but one close
   * frame may be sent.
   */
  fail(): void {
    this.readingOver("fail");
    this.#state = afterFailure(this.#state);
  }

  /**
   * Nothing more is read. For the assembler: behind a broken rule it is the
   * receiver who fails the connection, as it may send before what it owes to
   * what came before.
   *
   * @param how By the peer's close frame, or by a failure
   */
  readingOver(how: "close" | "fail"): void {
    this.#decoder.stop();
    this.#gate.clear();
    if (how === "close") this.#state = afterCloseReceived(this.#state);
  }

  #check(opcode: Opcode): void {
    if (opcode === 8 ? maySendClose(this.#state) : maySendData(this.#state)) {
      return;
    }
    throw new CloseSentError();
  }
}
