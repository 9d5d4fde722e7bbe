/**
 * What turns the payloads of messages into what the wire carries, and back:
 * permessage-deflate (RFC 7692). Either way may take its time; the order of
 * messages is kept across it. In each direction, no call is made before the
 * last has finished.
 */
export interface MessageCodec {
  /** The most bytes of a piece to encode: larger messages are cut. */
  readonly maxPiece: number;
  /**
   * Whether the next message is to be encoded, with RSV1 on its first frame.
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
   * @returns What is to be sent, to be used in this turn; or `undefined`: then
   * `encode` is to be called, with the same arguments
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
   * @returns What is to be sent, to be used in the same turn
   */
  encode(data: Uint8Array, last: boolean): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * What names the form of a prepared message that this codec can send, or
   * `undefined` if the message goes as it is.
   *
   * @param size Bytes of payload, or UTF-16 units of text
   */
  preparedKey(size: number): string | undefined;
  /**
   * Encodes a whole message so that it can be sent by any codec of the same
   * `preparedKey`. The end of this connection does not concern it.
   *
   * @param data The payload, which is never changed
   * @returns What is to be sent, the caller's own, or a promise of it
   */
  prepare(
    data: Uint8Array,
  ): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>;
  /**
   * A prepared form is sent: what was kept of earlier messages holds no more.
   */
  prepared(): void;
  /**
   * Decodes a whole message at once, if that takes little time.
   *
   * @param data The message
   * @param limit The most bytes of the message when decoded
   * @returns The message, the receiver's own; or `undefined`: then `decode` is
   * to be called
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
   * @param emit Is called with each decoded part, its receiver's own; a promise
   * asks to wait before there are more. What it throws, `decode` rejects with
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
  /** Frees what it holds. Calls that are under way reject. */
  close(): void;
}
