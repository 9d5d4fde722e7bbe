const encoder = new TextEncoder();

/** Text in pieces: a surrogate pair or a UTF-8 sequence may be split between two of the same kind. */
export class TextPieces {
  readonly #validator: TextDecoder = new TextDecoder("utf-8", {
    fatal: true,
    ignoreBOM: true,
  });
  #surrogate = "";
  #missing = 0; // bytes that the last UTF-8 sequence still lacks

  fromString(text: string): Uint8Array<ArrayBuffer> {
    if (this.#missing > 0) {
      throw new TypeError(
        "Cannot send text: a string follows an incomplete UTF-8 sequence",
      );
    }
    let whole = this.#surrogate + text;
    this.#surrogate = "";
    const last = whole.charCodeAt(whole.length - 1);
    if (last >= 0xd800 && last <= 0xdbff) {
      this.#surrogate = whole.slice(-1);
      whole = whole.slice(0, -1);
    }
    if (!whole.isWellFormed()) {
      throw new TypeError(
        "Cannot send text: it has a lone surrogate, which UTF-8 cannot express",
      );
    }
    return encoder.encode(whole);
  }

  fromBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    if (bytes.length === 0) return new Uint8Array(0);
    if (this.#surrogate !== "") {
      throw new TypeError(
        "Cannot send text: bytes follow a lone high surrogate",
      );
    }
    try {
      this.#validator.decode(bytes, { stream: true });
    } catch (cause) {
      throw new TypeError("Cannot send text: the bytes are not UTF-8", {
        cause,
      });
    }
    this.#missing = missingAtEnd(bytes, this.#missing);
    return bytes as Uint8Array<ArrayBuffer>;
  }

  end(): void {
    if (this.#surrogate !== "" || this.#missing > 0) {
      throw new TypeError(
        "Cannot finish text: it ends in the middle of a character",
      );
    }
  }
}

// How many bytes are missing to the last sequence of valid UTF-8, of which
// `before` were missing at the beginning.
function missingAtEnd(bytes: Uint8Array, before: number): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      return (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4) - back;
    }
  }
  return Math.max(0, before - bytes.length);
}
