/**
 * The kinds of message, by their opcodes on the wire (RFC 6455, section 5.2).
 *
 * @example Usage
 * ```ts
 * import { MessageType } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(MessageType.Text, 1);
 * assertEquals(MessageType.Binary, 2);
 * ```
 */
export const MessageType: {
  /** A text message, UTF-8 on the wire. */
  readonly Text: 1;
  /** A binary message. */
  readonly Binary: 2;
  /**
   * A close control message: two bytes of close code, then a UTF-8 reason; or
   * empty.
   */
  readonly Close: 8;
  /** A ping control message with up to 125 bytes of payload. */
  readonly Ping: 9;
  /** A pong control message with up to 125 bytes of payload. */
  readonly Pong: 10;
} = { Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 };

/** One of the values of the constant of the same name. */
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/** The message types that carry application data: text (1) and binary (2). */
export type DataType = 1 | 2;

/**
 * The message types that carry control payloads: close (8), ping (9), pong
 * (10).
 */
export type ControlType = 8 | 9 | 10;

/** A text message as it is read. */
export interface TextMessage {
  /** {@linkcode MessageType.Text}. */
  readonly type: 1;
  /** The text. */
  readonly data: string;
}

/** A binary message as it is read. */
export interface BinaryMessage {
  /** {@linkcode MessageType.Binary}. */
  readonly type: 2;
  /**
   * The bytes, which you may keep and change. Their `ArrayBuffer` may hold
   * other messages, too: `slice()` them before you transfer it elsewhere.
   */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** A data message as it is read: `type` says what `data` is. */
export type Message = TextMessage | BinaryMessage;

/** The longest payload of a control frame, in bytes (RFC 6455, section 5.5). */
export const MAX_CONTROL_PAYLOAD = 125;
