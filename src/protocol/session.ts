import { CloseSentError } from "../errors.ts";
import {
  type AssemblerOwner,
  MessageAssembler,
  type SessionReceiver,
} from "./assembler.ts";
import { FrameDecoder } from "./decoder.ts";
import { encodeFrame, encodeFrameInto } from "./encoder.ts";
import type { Opcode, Side } from "./frame_header.ts";
import { LargeFrame } from "./large_frame.ts";
import type { MaskSource } from "./mask.ts";
import { ConnectionState } from "./state.ts";
import { type Tuning, V8_TUNING } from "./tuning.ts";

/** What a {@linkcode Session} is made with. */
export interface SessionOptions {
  /** Which side this is: clients mask what they send, servers do not. */
  readonly side: Side;
  /** Where masking keys come from. Needed on clients, unused on servers. */
  readonly mask?: MaskSource | undefined;
  /**
   * The most payload bytes of a received message; `Infinity` for none. The
   * inflated bytes of compressed messages are counted by their codec.
   */
  readonly readLimit: number;
  /** Whether an extension that uses RSV1 was negotiated. Default false. */
  readonly rsv1?: boolean | undefined;
  /** Figures of the JavaScript engine. Default V8's. */
  readonly tuning?: Tuning | undefined;
}

/**
 * One side of a WebSocket connection after its opening handshake (RFC 6455,
 * sections 5 to 7): bytes in, events out; frames in, bytes out. It is
 * synchronous and does no I/O. No input makes it throw.
 */
export class Session implements AssemblerOwner {
  /** Which side this is. */
  readonly side: Side;
  /** Where the connection stands. */
  readonly state: ConnectionState = new ConnectionState();
  /** What takes the peer's bytes, and calls the receiver. */
  readonly decoder: FrameDecoder;
  readonly #mask: MaskSource | undefined;
  readonly #tuning: Tuning;

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
    this.decoder = new FrameDecoder({ masked, rsv1, readLimit }, assembler);
  }

  /**
   * Encodes a frame into a buffer; `maxFrameLength` says how much room is
   * always enough. A close frame changes the state.
   *
   * @param target The buffer
   * @param offset Index of the frame's first byte
   * @param opcode The opcode; 0 continues a message
   * @param data The payload: bytes, which stay unchanged, or a well-formed
   * string
   * @param fin Whether this is the last frame of its message
   * @param rsv1 Whether this is the first frame of a compressed message
   * @returns The index after the frame, or -1 if there is not enough room
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
    this.check(opcode);
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
    if (opcode === 8 && end >= 0) this.state.closeSent();
    return end;
  }

  /**
   * Encodes a frame into a buffer of its own. A close frame changes the state.
   *
   * @param opcode The opcode; 0 continues a message
   * @param data The payload: bytes, which stay unchanged, or a well-formed
   * string
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
    this.check(opcode);
    const frame = encodeFrame(opcode, data, fin, rsv1, this.#mask);
    if (opcode === 8) this.state.closeSent();
    return frame;
  }

  /**
   * Encodes a data frame that is too large for a buffer, to be sent in slices.
   *
   * @param opcode The opcode; 0 continues a message
   * @param payload The payload, unchanged until the last slice has been sent
   * @param fin Whether this is the last frame of its message
   * @param rsv1 Whether this is the first frame of a compressed message
   * @returns The frame
   * @throws {CloseSentError} If the state does not allow the frame
   */
  encodeLarge(
    opcode: 0 | 1 | 2,
    payload: Uint8Array,
    fin = true,
    rsv1 = false,
  ): LargeFrame {
    this.check(opcode);
    return LargeFrame.of(opcode, payload, fin, rsv1, this.#mask);
  }

  /**
   * Checks whether a frame may be sent, for frames that many sessions share.
   * The other methods do this themselves.
   *
   * @param opcode The opcode
   * @throws {CloseSentError} If the state does not allow the frame
   */
  check(opcode: Opcode): void {
    const { state } = this;
    const allowed = opcode === 8 ? state.maySendClose : state.maySendData;
    if (!allowed) throw new CloseSentError();
  }

  /**
   * Fails the connection (RFC 6455, section 7.1.7), on this side's own decision
   * or after the event `fail`: nothing more is read, and only one close frame
   * may be sent.
   */
  fail(): void {
    this.readingOver("fail");
    this.state.fail();
  }

  /**
   * Nothing more is read. For the assembler: after a broken rule, the receiver
   * fails the connection itself, as it may first have to answer what came
   * before.
   *
   * @param how Whether by the peer's close frame, or by a failure
   */
  readingOver(how: "close" | "fail"): void {
    this.decoder.stop();
    if (how === "close") this.state.closeReceived();
  }
}
