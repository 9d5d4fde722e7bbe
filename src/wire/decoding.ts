import { ProtocolError } from "../errors.ts";
import type { DataType } from "../message.ts";
import { Utf8Validator } from "../protocol/utf8.ts";
import type { MessageCodec } from "./codec.ts";

const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** A message on its way through the codec; text is checked behind it. */
export class Decoding {
  readonly #codec: MessageCodec;
  readonly #limit: number;
  readonly #validator: Utf8Validator | undefined;
  readonly #receive: (part: Uint8Array<ArrayBuffer>) => void;

  constructor(
    codec: MessageCodec,
    type: DataType,
    limit: number,
    receive: (part: Uint8Array<ArrayBuffer>) => void,
  ) {
    this.#codec = codec;
    this.#limit = limit;
    this.#validator = type === 1 ? new Utf8Validator() : undefined;
    this.#receive = receive;
  }

  /** Decodes a piece; throws or rejects if the message is broken. */
  push(data: Uint8Array): Promise<void> | undefined {
    return this.#codec.decode(data, false, this.#limit, this.#part);
  }

  /** Decodes what the codec has kept to the end. */
  end(): Promise<void> | undefined {
    const done = this.#codec.decode(NOTHING, true, this.#limit, this.#part);
    if (done !== undefined) return done.then(() => this.#checkEnd());
    this.#checkEnd();
    return undefined;
  }

  readonly #part = (part: Uint8Array<ArrayBuffer>): void => {
    if (this.#validator?.push(part, 0, part.length) === false) throw notUtf8();
    if (part.length > 0) this.#receive(part);
  };

  #checkEnd(): void {
    if (this.#validator?.end() === false) throw notUtf8();
  }
}

function notUtf8(): ProtocolError {
  return new ProtocolError(
    "Cannot read text message: it is not valid UTF-8",
    1007,
  );
}
