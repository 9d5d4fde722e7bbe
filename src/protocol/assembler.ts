import { CloseCode } from "../close.ts";
import type { ReadLimitError } from "../errors.ts";
import { ProtocolError } from "../peer_errors.ts";
import type { ControlType, DataType } from "../message.ts";
import { parseClosePayload } from "./close_payload.ts";
import type { FrameReceiver } from "./frame_receiver.ts";
import { applyMask } from "./mask.ts";
import { PayloadStore } from "./payload_store.ts";
import type { Tuning } from "./tuning.ts";
import { decodeUtf8, Utf8Validator } from "./utf8.ts";

/**
 * What the peer sent, in the order of the wire: control frames come between the
 * pieces of a message where the peer put them. Nothing follows `close` or
 * `fail`. The receiver may keep the bytes; those of different messages may
 * share a buffer.
 */
export interface SessionReceiver {
  /**
   * A whole message that was not compressed: the usual case. Its size is in
   * bytes, of text as well.
   */
  message(
    type: DataType,
    data: string | Uint8Array<ArrayBuffer>,
    size: number,
  ): void;
  /**
   * The beginning of any other message; it may never end. The size is in bytes,
   * as they come; 0 if it is not known.
   */
  messageStart(type: DataType, compressed: boolean, size: number): void;
  /**
   * Bytes of that message, at least one. Those of a text are valid UTF-8 so
   * far; those of a compressed message are still compressed.
   *
   * @returns `true` if nothing refers to the bytes any more; only used if there
   * is a `free`
   */
  messageData(bytes: Uint8Array<ArrayBuffer>): boolean | void;
  /** The end of that message. */
  messageEnd(): void;
  /** A ping. */
  ping(payload: Uint8Array<ArrayBuffer>): void;
  /** A pong. */
  pong(payload: Uint8Array<ArrayBuffer>): void;
  /** The peer's close frame; code 1005 if it was empty. */
  close(code: number, reason: string): void;
  /**
   * The peer broke a rule. The receiver must fail the connection with
   * `Session.fail()`, and send the code of the `ProtocolError`, 1002 or 1007,
   * or 1009 for a `ReadLimitError`.
   */
  fail(error: ProtocolError | ReadLimitError): void;
  /** Takes back a chunk that nothing refers to any more. */
  readonly free?: ((chunk: Uint8Array<ArrayBuffer>) => void) | undefined;
}

/** What must know that nothing more will be read. */
export interface AssemblerOwner {
  /** Called before the receiver's `close` and `fail` are. */
  readingOver(how: "close" | "fail"): void;
}

/**
 * Assembles messages from frames: validates and decodes text (RFC 6455, section
 * 8.1), and parses close frames.
 */
export class MessageAssembler implements FrameReceiver {
  readonly #receiver: SessionReceiver;
  readonly #owner: AssemblerOwner;
  readonly #tuning: Tuning;
  readonly #store: PayloadStore;
  readonly #frees: boolean; // whether to free chunks nothing refers to
  /** For texts in pieces; made for the first one. */
  #validator: Utf8Validator | undefined;
  /** Whether the current message must be validated. */
  #validating = false;

  /**
   * Makes an assembler.
   *
   * @param receiver What is called
   * @param owner Called before `close` and `fail` are
   * @param tuning Figures of the JavaScript engine
   */
  constructor(
    receiver: SessionReceiver,
    owner: AssemblerOwner,
    tuning: Tuning,
  ) {
    this.#receiver = receiver;
    this.#owner = owner;
    this.#tuning = tuning;
    this.#store = new PayloadStore(tuning.slabSize);
    this.#frees = receiver.free !== undefined;
  }

  spent(chunk: Uint8Array<ArrayBuffer>): void {
    if (!this.#store.shared) this.#receiver.free?.(chunk);
    this.#store.shared = false;
  }

  whole(
    type: DataType,
    chunk: Uint8Array<ArrayBuffer>,
    start: number,
    end: number,
    key: number,
  ): void {
    if (type === 2) {
      const data = this.#store.own(chunk, start, end, key);
      this.#receiver.message(2, data, end - start);
      return;
    }
    if (key !== 0) applyMask(chunk, start, end, key, 0);
    const text = decodeUtf8(chunk, start, end, this.#tuning);
    if (text === undefined) this.#failText();
    else this.#receiver.message(1, text, end - start);
  }

  start(type: DataType, compressed: boolean, size: number): void {
    // No reset: after a valid text, the validator is in its initial state.
    this.#validating = type === 1 && !compressed;
    this.#receiver.messageStart(type, compressed, size);
  }

  piece(chunk: Uint8Array<ArrayBuffer>, start: number, end: number): void {
    if (this.#validating && !this.#isValid(chunk, start, end)) {
      this.#failText();
    } else if (!this.#frees) {
      this.#receiver.messageData(this.#store.own(chunk, start, end, 0));
    } else if (!this.#receiver.messageData(chunk.subarray(start, end))) {
      this.#store.shared = true;
    }
  }

  end(): void {
    // Without any piece, there is no text that could be incomplete.
    if (this.#validating && this.#validator?.end() === false) this.#failText();
    else this.#receiver.messageEnd();
  }

  control(type: ControlType, payload: Uint8Array<ArrayBuffer>): void {
    if (type === 9) return this.#receiver.ping(payload);
    if (type === 10) return this.#receiver.pong(payload);
    const close = parseClosePayload(payload);
    if (close instanceof ProtocolError) return this.fail(close);
    this.#owner.readingOver("close");
    this.#receiver.close(close.code, close.reason);
  }

  fail(error: ProtocolError | ReadLimitError): void {
    this.#owner.readingOver("fail");
    this.#receiver.fail(error);
  }

  #isValid(chunk: Uint8Array, start: number, end: number): boolean {
    this.#validator ??= new Utf8Validator();
    return this.#validator.push(chunk, start, end);
  }

  #failText(): void {
    this.fail(
      new ProtocolError(
        "Cannot read text message: it is not valid UTF-8",
        CloseCode.InvalidFramePayloadData,
      ),
    );
  }
}
