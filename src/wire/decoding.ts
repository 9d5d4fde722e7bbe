import { ProtocolError } from "../peer_errors.ts";
import type { DataType } from "../message.ts";
import { decodeUtf8, Utf8Validator } from "../protocol/utf8.ts";
import type { MessageCodec } from "../transport/codec.ts";

const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);

// Bytes gathered of a message before it is decoded piece by piece.
const GATHER_LIMIT = 65_536;

/** Gets the decoded message, whole or in pieces: a TransportReceiver. */
export interface DecodedReceiver {
  message(type: DataType, data: string | Uint8Array<ArrayBuffer>): void;
  messageStart(type: DataType): void;
  messageData(data: Uint8Array<ArrayBuffer>): void;
  messageEnd(): void;
}

/** What the decoding asks of the incoming half. */
export interface DecodingOwner {
  /** So many bytes have been inflated. */
  inflated(bytes: number): void;
  /** If the reader has no room now, a promise that fulfils when it has. */
  readerBusy(): Promise<void> | undefined;
}

/**
 * A message on its way through the codec. If it is complete before any part of
 * it has been delivered, it is decoded whole; otherwise, piece by piece. Text
 * is validated after the codec.
 */
export class Decoding {
  readonly #codec: MessageCodec;
  readonly #type: DataType;
  readonly #limit: number;
  readonly #receiver: DecodedReceiver;
  readonly #owner: DecodingOwner;
  readonly #validator: Utf8Validator = new Utf8Validator();
  #gathered: Uint8Array<ArrayBuffer> = NOTHING;
  #length = 0;
  #begun = false;

  constructor(
    codec: MessageCodec,
    type: DataType,
    limit: number,
    receiver: DecodedReceiver,
    owner: DecodingOwner,
  ) {
    this.#codec = codec;
    this.#type = type;
    this.#limit = limit;
    this.#receiver = receiver;
    this.#owner = owner;
  }

  /** Takes a piece, which the caller must not use any more. */
  push(data: Uint8Array<ArrayBuffer>): void {
    const length = this.#length + data.length;
    if (this.#length === 0) {
      this.#gathered = data;
    } else {
      if (length > this.#gathered.length) {
        // Doubled, so that a message in single bytes takes linear time.
        const grown = new Uint8Array(Math.max(length, 2 * this.#length));
        grown.set(this.#gathered.subarray(0, this.#length));
        this.#gathered = grown;
      }
      this.#gathered.set(data, this.#length);
    }
    this.#length = length;
  }

  /** Whether enough has been gathered to decode it now. */
  get full(): boolean {
    return this.#length > GATHER_LIMIT;
  }

  /** Decodes what has been gathered; rejects if the message is corrupt. */
  flush(): Promise<void> | undefined {
    return this.#length === 0 ? undefined : this.#decode(this.#take(), false);
  }

  /** Decodes what is left; throws or rejects if the message is corrupt. */
  end(): Promise<void> | undefined {
    const data = this.#take();
    if (!this.#begun) {
      const whole = this.#codec.decodeNow(data, this.#limit);
      if (whole !== undefined) return this.#whole(whole);
    }
    return this.#decode(data, true).then(() => {
      if (this.#type === 1 && !this.#validator.end()) throw notUtf8();
      this.#receiver.messageEnd();
    });
  }

  #take(): Uint8Array<ArrayBuffer> {
    const gathered = this.#gathered;
    // A view costs more than it looks: see `deflate/one_shot.ts`.
    const data = gathered.length === this.#length
      ? gathered
      : gathered.subarray(0, this.#length);
    this.#gathered = NOTHING;
    this.#length = 0;
    return data;
  }

  #whole(data: Uint8Array<ArrayBuffer>): undefined {
    this.#owner.inflated(data.length);
    if (this.#type === 2) {
      this.#receiver.message(2, new Uint8Array(data));
      return;
    }
    const text = decodeUtf8(data);
    if (text === undefined) throw notUtf8();
    this.#receiver.message(1, text);
  }

  #decode(data: Uint8Array, last: boolean): Promise<void> {
    if (!this.#begun) {
      this.#begun = true;
      this.#receiver.messageStart(this.#type);
    }
    return this.#codec.decode(data, last, this.#limit, this.#part);
  }

  readonly #part = (
    part: Uint8Array<ArrayBuffer>,
  ): Promise<void> | undefined => {
    this.#owner.inflated(part.length);
    if (this.#type === 1 && !this.#validator.push(part, 0, part.length)) {
      throw notUtf8();
    }
    if (part.length > 0) this.#receiver.messageData(part);
    return this.#owner.readerBusy();
  };
}

function notUtf8(): ProtocolError {
  return new ProtocolError(
    "Cannot read text message: it is not valid UTF-8",
    1007,
  );
}
