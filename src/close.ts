// The close codes, and the errors and payloads that carry them; past 300 lines
// because of their documentation.

import { brand } from "./base/brands.ts";
import { type OptionsOf, readOptions } from "./base/options.ts";
import { isInstance, shown } from "./base/user_values.ts";
import { visible } from "./base/visible.ts";

/**
 * The close codes of RFC 6455, section 7.4.1, and of IANA's registry. Codes
 * 3000 to 3999 are for libraries and frameworks, 4000 to 4999 for applications.
 *
 * @example Usage
 * ```ts
 * import { CloseCode } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(CloseCode.NormalClosure, 1000);
 * ```
 */
export const CloseCode: {
  /** 1000: the purpose of the connection is fulfilled. */
  readonly NormalClosure: 1000;
  /** 1001: the server is shutting down, or the browser leaves the page. */
  readonly GoingAway: 1001;
  /** 1002: the peer broke the protocol. */
  readonly ProtocolError: 1002;
  /** 1003: the endpoint cannot accept this type of data. */
  readonly UnsupportedData: 1003;
  /** 1005: reported where a close frame had no code; never sent. */
  readonly NoStatusReceived: 1005;
  /**
   * 1006: reported where the connection ended without a close frame; never
   * sent.
   */
  readonly AbnormalClosure: 1006;
  /**
   * 1007: the payload does not fit its type, such as text that is not UTF-8.
   */
  readonly InvalidFramePayloadData: 1007;
  /** 1008: the message violates the endpoint's policy. */
  readonly PolicyViolation: 1008;
  /** 1009: the message is too big to process. */
  readonly MessageTooBig: 1009;
  /**
   * 1010: the client expected an extension that the server did not negotiate.
   */
  readonly MandatoryExtension: 1010;
  /** 1011: the server met an unexpected condition. */
  readonly InternalServerErr: 1011;
  /** 1012: the service is restarting. */
  readonly ServiceRestart: 1012;
  /** 1013: the client should try again later. */
  readonly TryAgainLater: 1013;
  /** 1015: reported where the TLS handshake failed; never sent. */
  readonly TLSHandshake: 1015;
} = {
  NormalClosure: 1000,
  GoingAway: 1001,
  ProtocolError: 1002,
  UnsupportedData: 1003,
  NoStatusReceived: 1005,
  AbnormalClosure: 1006,
  InvalidFramePayloadData: 1007,
  PolicyViolation: 1008,
  MessageTooBig: 1009,
  MandatoryExtension: 1010,
  InternalServerErr: 1011,
  ServiceRestart: 1012,
  TryAgainLater: 1013,
  TLSHandshake: 1015,
};

/**
 * One of the values of the constant of the same name. Applications' own codes
 * are plain numbers.
 */
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];

/**
 * The longest close reason in bytes of UTF-8: a control payload less the code.
 */
export const MAX_CLOSE_REASON = 123;

/**
 * Whether a close frame may carry the code (RFC 6455, section 7.4): 1000 to
 * 1003, 1007 to 1014 (IANA's registry has 1012 to 1014) and 3000 to 4999. All
 * other codes are reserved, or reported but never sent.
 *
 * @param code The close code
 * @returns Whether it is valid on the wire
 */
export function isSendableCloseCode(code: number): boolean {
  return Number.isInteger(code) &&
    (code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 ||
      code >= 3000 && code <= 4999);
}

/** How a connection ended. */
export interface CloseInfo {
  /**
   * The code of the peer's close frame (RFC 6455, section 7.1.5): 1005 if the
   * frame had none, 1006 if there was no frame.
   */
  readonly code: number;
  /** The reason in the peer's close frame, or an empty string. */
  readonly reason: string;
  /** Whether both sides sent their close frames before the connection ended. */
  readonly wasClean: boolean;
  /**
   * Who ended it: this side (by `close()`, `terminate()`, or because the peer
   * exceeded a limit), the peer by its close frame, or the network, which cut
   * the connection.
   */
  readonly initiator: "local" | "remote" | "network";
  /** The error that led to an end without a close frame, if one is known. */
  readonly cause?: unknown;
}

// gorilla's names, so that logs read the same.
const CODE_NAMES: ReadonlyMap<number, string> = new Map([
  [1000, "normal"],
  [1001, "going away"],
  [1002, "protocol error"],
  [1003, "unsupported data"],
  [1005, "no status"],
  [1006, "abnormal closure"],
  [1007, "invalid payload data"],
  [1008, "policy violation"],
  [1009, "message too big"],
  [1010, "mandatory extension missing"],
  [1011, "internal server error"],
  [1012, "service restart"],
  [1013, "try again later"],
  [1014, "bad gateway"],
  [1015, "TLS handshake error"],
]);

/** Options of {@linkcode CloseError}. */
export interface CloseErrorOptions {
  /** What ended the connection, if it is known. Default: none. */
  readonly cause?: unknown;
}

const CLOSE_ERROR_OPTIONS: OptionsOf<CloseErrorOptions> = {
  what: "CloseError",
  use: "new CloseError(code, reason, { … })",
  names: { cause: true },
};

/**
 * The error of reads after the connection has ended: the code and reason of the
 * peer's close frame, or code 1006 if there was none.
 *
 * @example Usage
 * ```ts
 * import { CloseError } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new CloseError(1001, "moving");
 * assertEquals(error.message, 'Connection closed: 1001 (going away) "moving"');
 * ```
 */
export class CloseError extends Error {
  /**
   * The close code: the peer's, 1005 if its frame had none, 1006 if there was
   * no frame.
   */
  readonly code: number;
  /** The peer's reason, or an empty string. */
  readonly reason: string;
  /** `"CloseError"`. */
  declare readonly name: string;

  static {
    brand(this, "CloseError");
  }

  /**
   * Makes the error of a close code and reason.
   *
   * @param code The close code
   * @param reason The reason, quoted in the message
   * @param options The cause, if it is known
   * @throws {TypeError} If an option is unknown
   */
  constructor(code: number, reason?: string, options?: CloseErrorOptions) {
    if (reason === undefined) reason = "";
    const name = CODE_NAMES.get(code);
    super(
      `Connection closed: ${code}${name ? ` (${name})` : ""}${
        reason === "" ? "" : ` ${visible(JSON.stringify(reason))}`
      }`,
      readOptions(options, CLOSE_ERROR_OPTIONS),
    );
    this.code = code;
    this.reason = reason;
  }
}

/**
 * Whether the error is a {@linkcode CloseError} with one of the codes
 * (gorilla's `IsCloseError`).
 *
 * @param error Any value, as a `catch` clause has it
 * @param codes The close codes to look for
 * @returns Whether the code is listed
 *
 * @example Usage
 * ```ts
 * import { CloseError, isCloseError } from "@silverback/websocket";
 * import { assert } from "@std/assert";
 *
 * assert(isCloseError(new CloseError(1001), 1000, 1001));
 * ```
 */
export function isCloseError(error: unknown, ...codes: number[]): boolean {
  return isInstance(error, CloseError) && codes.includes(error.code);
}

/**
 * Whether the error is a {@linkcode CloseError} whose code is not in the list
 * (gorilla's `IsUnexpectedCloseError`); `false` for any other error.
 *
 * @param error Any value, as a `catch` clause has it
 * @param codes The close codes that are expected
 * @returns Whether it is a `CloseError` and its code is not listed
 *
 * @example Usage
 * ```ts
 * import { CloseError, isUnexpectedCloseError } from "@silverback/websocket";
 * import { assert } from "@std/assert";
 *
 * assert(isUnexpectedCloseError(new CloseError(1006), 1000, 1001));
 * ```
 */
export function isUnexpectedCloseError(
  error: unknown,
  ...codes: number[]
): boolean {
  return isInstance(error, CloseError) && !codes.includes(error.code);
}

const encoder = new TextEncoder();

/**
 * Makes a reason fit for a close frame: lone surrogates become U+FFFD, as
 * everywhere on the platform, and a reason that is too long is cut off at a
 * character.
 *
 * @param reason The reason
 * @returns At most 123 bytes of UTF-8
 * @throws {TypeError} If it is not a string
 */
export function fitCloseReason(reason: string): string {
  if (typeof reason !== "string") {
    throw new TypeError(
      `Cannot send close reason of type ${typeof reason}: it must be a string`,
    );
  }
  const text = reason.toWellFormed();
  // UTF-8 takes at most three bytes for each UTF-16 unit.
  if (3 * text.length <= MAX_CLOSE_REASON) return text;
  const { read } = encoder.encodeInto(text, new Uint8Array(MAX_CLOSE_REASON));
  return text.slice(0, read);
}

/**
 * Whether a code means an end without a close frame, as 1006 and 1015 do (RFC
 * 6455, section 7.4.1).
 *
 * @param code The close code
 * @returns Whether it is one of the two
 */
export function isUnsentCloseCode(code: number): boolean {
  return code === 1006 || code === 1015;
}

/**
 * Checks a code that a connection is to be closed with.
 *
 * @param code The close code
 * @throws {RangeError} If it can be neither sent nor reported
 */
export function checkCloseCode(code: number): void {
  if (
    isSendableCloseCode(code) || code === 1005 ||
    isUnsentCloseCode(code)
  ) return;
  throw new RangeError(
    `Cannot close with code ${
      shown(code)
    }: use 1000 to 1003, 1005 to 1015 or 3000 to 4999`,
  );
}

/**
 * The payload of a close frame (gorilla's `FormatCloseMessage`): the code in
 * network byte order and the reason in UTF-8. Code 1005 stands for a close
 * frame without a code and gives an empty payload.
 *
 * @param code The close code
 * @param reason The reason, at most 123 bytes of UTF-8
 * @returns The payload for a message of type `MessageType.Close`
 * @throws {RangeError} If the code may not be sent, or the reason is longer
 * than 123 bytes
 * @throws {TypeError} If the reason is not a well-formed string
 *
 * @example Usage
 * ```ts
 * import { formatCloseMessage } from "@silverback/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const payload = formatCloseMessage(1000, "ok");
 * assertEquals(payload, new Uint8Array([0x03, 0xe8, 0x6f, 0x6b]));
 * ```
 */
export function formatCloseMessage(
  code: number,
  reason?: string,
): Uint8Array<ArrayBuffer> {
  if (reason === undefined) reason = "";
  if (code === 1005) return new Uint8Array(0);
  if (!isSendableCloseCode(code)) {
    throw new RangeError(
      `Cannot send close code ${
        shown(code)
      }: use 1000 to 1003, 1007 to 1014 or 3000 to 4999`,
    );
  }
  if (typeof reason !== "string" || !reason.isWellFormed()) {
    throw new TypeError(
      "Cannot send close reason: it must be a well-formed string",
    );
  }
  const text = encoder.encode(reason);
  if (text.length > MAX_CLOSE_REASON) {
    throw new RangeError(
      `Cannot send close reason of ${text.length} bytes: the limit is ${MAX_CLOSE_REASON}`,
    );
  }
  const payload = new Uint8Array(2 + text.length);
  payload[0] = code >> 8;
  payload[1] = code & 0xff;
  payload.set(text, 2);
  return payload;
}
