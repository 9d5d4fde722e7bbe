/**
 * What turns the payloads of messages into what the wire carries, and back:
 * permessage-deflate (RFC 7692). Either way may take its time; the order of
 * messages is kept across it, and no call is made before the last has
 * finished.
 */
export interface MessageCodec {
  /**
   * Whether the next message is to be encoded, with RSV1 on its first frame.
   *
   * @param size Bytes of payload, or UTF-16 units of text; `undefined` for a
   * message that is written in pieces
   */
  encodes(size: number | undefined): boolean;
  /**
   * Encodes a piece of a message.
   *
   * @param data The piece, unchanged until the result is there
   * @param last Whether it is the message's last
   * @returns What is to be sent, its receiver's own
   */
  encode(
    data: Uint8Array,
    last: boolean,
  ): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>;
  /**
   * What names the form of a prepared message that this codec can send, or
   * `undefined` if the message goes as it is.
   *
   * @param size Bytes of payload, or UTF-16 units of text
   */
  preparedKey(size: number): string | undefined;
  /**
   * Encodes a whole message so that it can be sent by any codec of the same
   * `preparedKey`.
   *
   * @param data The payload
   * @returns What is to be sent
   */
  prepare(data: Uint8Array): Uint8Array<ArrayBuffer>;
  /** A prepared form has been sent: what was kept of earlier messages holds no more. */
  prepared(): void;
  /**
   * Decodes a piece of a message.
   *
   * @param data The piece
   * @param last Whether it is the message's last; then `data` is empty
   * @param limit The most bytes of the message when decoded
   * @param emit Is called with each decoded part, its receiver's own
   * @returns `undefined` if it is done, or a promise of that
   * @throws {ProtocolError} Or rejects, if the data is corrupt
   * @throws {ReadLimitError} Or rejects, if the message exceeds the limit
   */
  decode(
    data: Uint8Array,
    last: boolean,
    limit: number,
    emit: (part: Uint8Array<ArrayBuffer>) => void,
  ): Promise<void> | undefined;
  /** Sets the level of compression for the messages to come. */
  setLevel(level: number): void;
  /** Frees what it holds. Calls that are under way reject. */
  close(): void;
}
