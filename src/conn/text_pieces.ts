const encoder = new TextEncoder();

/**
 * Text in pieces: a surrogate pair may be split between two strings, a UTF-8
 * sequence between two byte arrays.
 */
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
    // A lone surrogate becomes U+FFFD.
    return encoder.encode(whole);
  }

  fromBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    if (bytes.length === 0) return new Uint8Array(0);
    try {
      this.#validator.decode(bytes, { stream: true });
    } catch (cause) {
      throw new TypeError("Cannot send text: the bytes are not UTF-8", {
        cause,
      });
    }
    this.#missing = missingAtEnd(bytes, this.#missing);
    return joined(this.#takeSurrogate(), bytes as Uint8Array<ArrayBuffer>);
  }

  /** The end of the text: returns what is left to send. */
  end(): Uint8Array<ArrayBuffer> {
    if (this.#missing > 0) {
      throw new TypeError(
        "Cannot finish text: its bytes end in the middle of a character",
      );
    }
    return this.#takeSurrogate();
  }

  // A high surrogate without a low one after it is sent as U+FFFD.
  #takeSurrogate(): Uint8Array<ArrayBuffer> {
    const surrogate = this.#surrogate;
    this.#surrogate = "";
    return encoder.encode(surrogate);
  }
}

function joined(
  first: Uint8Array<ArrayBuffer>,
  second: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

// How many bytes the last UTF-8 sequence still lacks after these bytes, if one
// lacked `before` bytes ahead of them.
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
