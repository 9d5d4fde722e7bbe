/** Errors as `ws` words them, with its codes, for handlers that look at those. */

import { isInstance, toError } from "../base/user_values.ts";
import { DialError, ReadLimitError } from "../errors.ts";
import { BadHandshakeError, ProtocolError } from "../peer_errors.ts";

const FRAME_CODES: readonly [RegExp, string][] = [
  [/RSV[23]/, "WS_ERR_UNEXPECTED_RSV_2_3"],
  [/RSV1/, "WS_ERR_UNEXPECTED_RSV_1"],
  [/is fragmented/, "WS_ERR_EXPECTED_FIN"],
  [
    /longer than|payload of 1 byte/,
    "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
  ],
  [/64-bit length/, "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH"],
  [/is not masked/, "WS_ERR_EXPECTED_MASK"],
  [/is masked/, "WS_ERR_UNEXPECTED_MASK"],
  [/close code/, "WS_ERR_INVALID_CLOSE_CODE"],
  [/UTF-8/, "WS_ERR_INVALID_UTF8"],
  [/opcode|frame/, "WS_ERR_INVALID_OPCODE"],
];

/**
 * The error of an `error` event, of what ended the reading of a connection.
 *
 * @param error The error of ours
 * @returns An error with `ws`'s code, and ours as its cause, where `ws` has one
 */
export function receiverError(error: unknown): Error {
  if (isInstance(error, ReadLimitError)) {
    return coded(
      new RangeError("Max payload size exceeded", { cause: error }),
      "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
    );
  }
  if (isInstance(error, ProtocolError)) {
    const { message } = error;
    const fault = message.slice(message.indexOf(": ") + 2);
    const text = `Invalid WebSocket frame: ${fault}`;
    const code = FRAME_CODES.find(([known]) => known.test(message))?.[1];
    const named = error.code === 1007
      ? new Error(text, { cause: error })
      : new RangeError(text, { cause: error });
    return code === undefined ? named : coded(named, code);
  }
  return toError(error, "Cannot read: the connection failed");
}

/**
 * The error of an `error` event, of a dial that failed.
 *
 * @param error The error of ours
 * @returns The system's, which has its code, or one in `ws`'s words
 */
export function dialError(error: unknown): Error {
  if (isInstance(error, BadHandshakeError)) {
    const { status } = error.response;
    return status === 101 ? error : new Error(
      `Unexpected server response: ${status}`,
      { cause: error },
    );
  }
  if (isInstance(error, DialError)) {
    const { cause } = error;
    return isInstance(cause, Error) && "code" in cause ? cause : error;
  }
  if (isInstance(error, DOMException) && error.name === "TimeoutError") {
    return new Error("Opening handshake has timed out", { cause: error });
  }
  return toError(error, "Cannot connect");
}

/** An error with a code, as node's have it. */
function coded<E extends Error>(error: E, code: string): E {
  return Object.assign(error, { code });
}
