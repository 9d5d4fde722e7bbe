/** How messages are compressed (RFC 7692). */
export interface CompressionOptions {
  /**
   * zlib's level: -2 (Huffman only), -1 (zlib's default), 0 (none) to 9 (best).
   * Native engines have a level of their own.
   *
   * @default {1}
   */
  readonly level?: number;
  /**
   * Bytes of payload from which on a message is compressed: a smaller one
   * gains nothing.
   *
   * @default {512}
   */
  readonly threshold?: number;
  /**
   * Whether the server forgets each message before the next (RFC 7692, section
   * 7.1.1.1). `false` compresses better and holds about 260 KiB for each
   * connection. On a server, `false` allows what the client asks for. Native
   * engines always forget.
   *
   * @default {true}
   */
  readonly serverNoContextTakeover?: boolean;
  /**
   * Whether the client forgets each message before the next (RFC 7692, section
   * 7.1.1.2). Otherwise as `serverNoContextTakeover`.
   *
   * @default {true}
   */
  readonly clientNoContextTakeover?: boolean;
  /**
   * The base-2 logarithm of the server's window, 9 to 15 (RFC 7692, section
   * 7.1.2.1). A smaller window holds less memory and compresses worse. Native
   * engines have a window of their own.
   *
   * @default {15}
   */
  readonly serverMaxWindowBits?: number;
  /**
   * The base-2 logarithm of the client's window, 9 to 15 (RFC 7692, section
   * 7.1.2.2). Otherwise as `serverMaxWindowBits`.
   *
   * @default {15}
   */
  readonly clientMaxWindowBits?: number;
}

/** What {@linkcode CompressionOptions.threshold} is by default. */
export const DEFAULT_THRESHOLD = 512;
