/**
 * Turns the payloads of messages into what the wire carries, and back:
 * permessage-deflate (RFC 7692). Both may be asynchronous; the caller keeps
 * messages in order, and makes no call in a direction before the last one there
 * has finished.
 */
export interface MessageCodec {
  /** The extension as it was agreed on, as the header has it. */
  readonly extension?: string;
  /** The most bytes of a piece to encode: larger messages are cut. */
  readonly maxPiece: number;
  /**
   * Whether the next message should be encoded, with RSV1 on its first frame.
   *
   * @param size Bytes of payload, or UTF-16 units of text; `undefined` for a
   * message that is written in pieces
   */
  encodes(size: number | undefined): boolean;
  /**
   * Encodes a piece of a message at once, if that takes little time.
   *
   * @param data The piece
   * @param last Whether it is the message's last
   * @returns What to send, valid until the next call of any codec; or
   * `undefined`, and then `encode` must be called with the same arguments
   */
  encodeNow(
    data: Uint8Array,
    last: boolean,
  ): Uint8Array<ArrayBuffer> | undefined;
  /**
   * Encodes a piece of a message for which `encodeNow` has no time.
   *
   * @param data The piece, unchanged until the promise settles
   * @param last Whether it is the message's last
   * @returns What to send, valid only in the turn in which the promise fulfils
   */
  encode(data: Uint8Array, last: boolean): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * A key for the form of a prepared message that this codec can send, or
   * `undefined` if the message is sent as it is.
   *
   * @param size Bytes of payload, or UTF-16 units of text
   */
  preparedKey(size: number): string | undefined;
  /**
   * Encodes a whole message so that any codec with the same `preparedKey` can
   * send it. It goes on when this connection ends.
   *
   * @param data The payload, which is never changed
   * @returns What to send, which the caller may keep, or a promise of it
   */
  prepare(
    data: Uint8Array,
  ): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>;
  /** A prepared form is sent: later messages must not refer to earlier ones. */
  prepared(): void;
  /**
   * Decodes a whole message at once, if that takes little time.
   *
   * @param data The message
   * @param limit The most bytes of the message when decoded
   * @returns The message, valid until the next call of any codec; or
   * `undefined`, and then `decode` must be called
   * @throws {ProtocolError} If the data is corrupt
   * @throws {ReadLimitError} If the message exceeds the limit
   */
  decodeNow(
    data: Uint8Array,
    limit: number,
  ): Uint8Array<ArrayBuffer> | undefined;
  /**
   * Decodes a piece of a message.
   *
   * @param data The piece, unchanged until the promise settles; may be empty
   * @param last Whether it is the message's last
   * @param limit The most bytes of the message when decoded
   * @param emit Called with each decoded part, which it may keep; if it returns
   * a promise, no more parts come until that settles. What it throws, `decode`
   * rejects with
   * @throws {ProtocolError} If the data is corrupt
   * @throws {ReadLimitError} If the message exceeds the limit
   */
  decode(
    data: Uint8Array,
    last: boolean,
    limit: number,
    emit: (part: Uint8Array<ArrayBuffer>) => Promise<void> | undefined,
  ): Promise<void>;
  /** Sets the level of compression for the messages to come. */
  setLevel(level: number): void;
  /** Frees what it holds. Pending calls reject. */
  close(): void;
}
