import { CloseError } from "../close.ts";
import type { DataType } from "../message.ts";
import {
  preparedData,
  type PreparedForm,
  preparedForm,
  type PreparedMessage,
} from "../prepared.ts";
import { encodeFrame } from "../protocol/encoder.ts";
import { COPY_LIMIT, type Side } from "../transport/transport.ts";
import type { MessageCodec } from "./codec.ts";
import type { Sender } from "./sender.ts";

const encoder = new TextEncoder();

/** What the messages on their way tell of the connection's end. */
export interface EncodingOwner {
  /** A message cannot be finished. */
  broken(error: Error): void;
}

/**
 * Messages on their way to the sender, through the codec where there is one
 * that wants them. One at a time; the sender's promises are passed on.
 */
export class Encoding {
  readonly #side: Side;
  readonly #sender: Sender;
  readonly #codec: MessageCodec | undefined;
  readonly #owner: EncodingOwner;
  #enabled = true;
  #fragments = false; // of the message that is written in pieces: encoded
  #stopped = false;

  constructor(
    side: Side,
    sender: Sender,
    codec: MessageCodec | undefined,
    owner: EncodingOwner,
  ) {
    this.#side = side;
    this.#sender = sender;
    this.#codec = codec;
    this.#owner = owner;
  }

  /** Whether the messages to come may be encoded. */
  enable(enable: boolean): void {
    this.#enabled = enable;
  }

  /** Nothing more goes to the sender: what is under way rejects. */
  stop(): void {
    this.#stopped = true;
  }

  send(
    type: DataType,
    data: string | Uint8Array,
  ): Promise<void> | undefined {
    if (this.#enabled && this.#codec?.encodes(data.length)) {
      return this.#encode(this.#codec, type, toBytes(data), true);
    }
    return this.#sender.frame(type, data, true, false);
  }

  /** Sends a fragment: `type` with the first of a message, 0 with the others. */
  sendFragment(
    type: DataType | 0,
    data: Uint8Array,
    fin: boolean,
  ): Promise<void> | undefined {
    const codec = this.#codec;
    if (type !== 0) {
      this.#fragments = this.#enabled && codec?.encodes(undefined) === true;
    }
    if (codec !== undefined && this.#fragments) {
      return this.#encode(codec, type, data, fin);
    }
    return this.#sender.frame(type, data, fin, false);
  }

  sendPrepared(message: PreparedMessage): Promise<void> | undefined {
    const size = preparedData(message).length;
    const codec = this.#codec;
    const key = this.#enabled ? codec?.preparedKey(size) : undefined;
    const rsv1 = key !== undefined;
    if (rsv1) codec?.prepared();
    const form = prepare(message, this.#side, key, codec);
    return form instanceof Promise
      ? form.then((bytes) => {
        this.#check();
        return this.#sendForm(message.type, bytes, rsv1);
      })
      : this.#sendForm(message.type, form, rsv1);
  }

  #sendForm(
    type: DataType,
    form: Uint8Array<ArrayBuffer>,
    rsv1: boolean,
  ): Promise<void> | undefined {
    // A client masks each frame with a key of its own (RFC 6455, section 5.3).
    return this.#side === "client"
      ? this.#sender.frame(type, form, true, rsv1)
      : this.#sender.encoded(form);
  }

  #check(): void {
    if (this.#stopped) throw new CloseError(1006);
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
    const encoded = codec.encodeNow(data, fin);
    // RFC 7692, section 6: RSV1 is set on the first fragment only.
    const rsv1 = type !== 0;
    if (encoded !== undefined) {
      return this.#sender.frame(type, encoded, fin, rsv1);
    }
    // Small payloads are the caller's again when this returns.
    const kept = data.length <= COPY_LIMIT ? new Uint8Array(data) : data;
    return codec.encode(kept, fin).then(
      (payload) => {
        this.#check();
        return this.#sender.frame(type, payload, fin, rsv1);
      },
      (error) => {
        // A part of the message may be out, and the rest will not come.
        this.#owner.broken(error);
        throw error;
      },
    );
  }

  // A fragment for each piece, as there is room for it: neither the time that
  // one piece takes nor what waits to be sent grows with the message.
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
}

/** The form in which a side sends the message: a server's whole frame, a client's payload. */
function prepare(
  message: PreparedMessage,
  side: Side,
  key: string | undefined,
  codec: MessageCodec | undefined,
): PreparedForm {
  const payload = (): PreparedForm =>
    preparedForm(
      message,
      key ?? "plain",
      (data) =>
        key === undefined ? toBytes(data) : codec!.prepare(toBytes(data)),
    );
  if (side === "client") return payload();
  const frame = (bytes: Uint8Array<ArrayBuffer>) =>
    encodeFrame(message.type, bytes, true, key !== undefined, undefined);
  return preparedForm(message, `frame ${key ?? "plain"}`, () => {
    const bytes = payload();
    return bytes instanceof Promise ? bytes.then(frame) : frame(bytes);
  });
}

function toBytes<T extends Uint8Array>(
  data: string | T,
): T | Uint8Array<ArrayBuffer> {
  return typeof data === "string" ? encoder.encode(data) : data;
}
