/** When a connection that is lost is made again, and when not. */

import { isInstance, textProperty } from "../base/user_values.ts";
import type { CloseInfo } from "../close.ts";
import { DialError, ReadLimitError, WriteLimitError } from "../errors.ts";
import { BadHandshakeError, ProtocolError } from "../peer_errors.ts";

/**
 * Whether a connection that ended so is to be made again.
 *
 * @param info How it ended
 * @returns Whether its end is one that passes
 */
export function comesBack({ code, cause }: CloseInfo): boolean {
  // What this side has failed would fail again.
  const status = isInstance(cause, ProtocolError)
    ? cause.code
    : isInstance(cause, ReadLimitError)
    ? 1009
    : isInstance(cause, WriteLimitError)
    ? 1008
    : code;
  return status === 1001 || status === 1005 || status === 1006 ||
    status >= 1011 && status <= 1014;
}

// OpenSSL's verdicts on a certificate, as both runtimes have them, and what a
// server says of the client's.
const CERTIFICATE =
  /CERT|SELF_SIGNED|^UNABLE_TO_|^(?:INVALID_(?:CA|PURPOSE)|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH)$/;

/**
 * Whether a dial that failed so may succeed later.
 *
 * @param error What it failed with
 * @returns Whether that passes
 */
export function passes(error: unknown): boolean {
  const answer = answerOf(error);
  if (answer !== undefined) {
    const { status } = answer.response;
    return !(status >= 400 && status < 500) || status === 408 || status === 429;
  }
  if (isInstance(error, DialError)) {
    const { cause } = error;
    return !CERTIFICATE.test(textProperty(cause, "code") ?? "") &&
      !/invalid peer certificate/i.test(textProperty(cause, "message") ?? "") &&
      textProperty(cause, "name") !== "NotCapable";
  }
  return isInstance(error, DOMException) && error.name === "TimeoutError";
}

/** The answer of a server, or of a proxy, that has refused. */
function answerOf(error: unknown): BadHandshakeError | undefined {
  if (isInstance(error, BadHandshakeError)) return error;
  return isInstance(error, DialError) &&
      isInstance(error.cause, BadHandshakeError)
    ? error.cause
    : undefined;
}

/**
 * How long a server wants to be left alone (RFC 9110, section 10.2.3).
 *
 * @param error What a dial failed with
 * @param max Milliseconds that it gets at most
 * @returns Milliseconds
 */
export function retryAfter(error: unknown, max: number): number {
  const value = answerOf(error)?.response.headers.get("retry-after");
  if (value === null || value === undefined) return 0;
  const time = /^\d+$/.test(value)
    ? 1000 * Number(value)
    : Date.parse(value) - Date.now();
  return time > 0 ? Math.min(time, max) : 0;
}

/**
 * The wait after the nth failure: a random part of its bound.
 *
 * @param nth Which failure it is, from 1 on
 * @param initial The first bound, in milliseconds
 * @param max The last one
 * @param random A number from 0 to 1
 * @returns Milliseconds
 */
export function backoffDelay(
  nth: number,
  initial: number,
  max: number,
  random: number,
): number {
  return random * Math.min(max, initial * 2 ** (nth - 1));
}
