/** The answers to upgrade requests that are refused. */

import { isInstance } from "../base/user_values.ts";
import { HandshakeError } from "../peer_errors.ts";
import { quote } from "./quote.ts";

/** Why an upgrade is refused, before the answer has been made. */
export interface Refusal {
  /** The HTTP status. */
  readonly status: number;
  /** What is wrong; only for this side, the client is not told. */
  readonly reason: string;
  /** Headers that go with the status. */
  readonly headers?: readonly (readonly [string, string])[];
  /** What user code threw, if it did. */
  readonly cause?: unknown;
  /** The whole answer, if user code has made one. */
  readonly response?: Response;
}

/** Makes the answer to a refused upgrade (gorilla's `Upgrader.Error`). */
export type ErrorCallback = (
  request: Request,
  status: number,
  reason: HandshakeError,
) => Response | Promise<Response>;

const STATUS_TEXT: ReadonlyMap<number, string> = new Map([
  [400, "Bad Request"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [408, "Request Timeout"],
  [426, "Upgrade Required"],
  [429, "Too Many Requests"],
  [500, "Internal Server Error"],
  [501, "Not Implemented"],
  [503, "Service Unavailable"],
]);

// Seconds after which whoever was refused for want of room may come again (RFC
// 9110, section 10.2.3). Other refusals would be the same then.
const RETRY_AFTER: ReadonlyMap<number, string> = new Map([
  [429, "5"],
  [503, "5"],
]);

/**
 * The default answer: the status, the supported version (RFC 6455, section
 * 4.4), and only the status text as its body.
 *
 * @param refusal The status and its headers
 * @returns The answer
 */
export function defaultResponse(
  refusal: Pick<Refusal, "status" | "headers">,
): Response {
  const { status, headers = [] } = refusal;
  const statusText = STATUS_TEXT.get(status) ?? "";
  const retryAfter = RETRY_AFTER.get(status);
  return new Response(`${statusText || status}\n`, {
    status,
    statusText,
    headers: [
      ["Sec-WebSocket-Version", "13"],
      ["Content-Type", "text/plain; charset=utf-8"],
      ["X-Content-Type-Options", "nosniff"],
      ...retryAfter === undefined
        ? []
        : [["Retry-After", retryAfter] as [string, string]],
      ...headers.map(([name, value]): [string, string] => [name, value]),
    ],
  });
}

/**
 * The error of a refusal, with the whole answer: the one that user code made,
 * else the callback's, else the default.
 *
 * @param request The upgrade request
 * @param refusal Why it is refused
 * @param callback The user's callback; if it fails, the answer is the default
 * @param report Called with what user code did wrong; not called if the client
 * was at fault
 * @returns The error
 */
export async function handshakeError(
  request: Request,
  refusal: Refusal,
  callback: ErrorCallback | undefined,
  report: (error: unknown) => void = () => {},
): Promise<HandshakeError> {
  const { status, reason } = refusal;
  const init = "cause" in refusal ? { cause: refusal.cause } : undefined;
  const error = new HandshakeError(
    reason,
    refusal.response ?? defaultResponse(refusal),
    init,
  );
  if (status === 500 && refusal.response === undefined) {
    report("cause" in refusal ? refusal.cause : error);
  }
  if (refusal.response !== undefined || callback === undefined) return error;
  try {
    const response = await callback(request, status, error);
    if (!isAnswer(response)) {
      throw new TypeError(
        "Cannot answer with what the error callback returned: it must be a " +
          "Response with a status of 200 to 599 and an unread body",
      );
    }
    return new HandshakeError(reason, response, init);
  } catch (cause) {
    report(cause);
    // The callback may have consumed the first default answer.
    return new HandshakeError(
      `${reason}; then the error callback failed`,
      defaultResponse(refusal),
      init ?? { cause },
    );
  }
}

/**
 * A refusal by our own rules, whose answer no callback makes.
 *
 * @param status The HTTP status
 * @param fault What is wrong
 * @param cause What user code threw, if it did
 * @returns The error
 */
export function refusalOf(
  status: number,
  fault: string,
  cause?: unknown,
): HandshakeError {
  const reason = `Cannot upgrade request: ${fault}`;
  const init = cause === undefined ? undefined : { cause };
  return new HandshakeError(reason, defaultResponse({ status }), init);
}

/** The refusal of an upgrade at a path that has no endpoint. */
export function unknownPath(path: string): HandshakeError {
  return refusalOf(404, `there is no endpoint at path ${quote(path)}`);
}

/**
 * The refusal of an upgrade whose client has disconnected meanwhile. Nobody
 * receives its answer.
 */
export function clientGone(): HandshakeError {
  return refusalOf(400, "the client has gone");
}

/**
 * Whether a value from user code can be sent instead of a 101.
 *
 * @param value The value
 * @returns Whether it is a final response whose body nobody has read
 */
export function isAnswer(value: unknown): value is Response {
  return isInstance(value, Response) && value.status >= 200 &&
    !value.bodyUsed && value.body?.locked !== true;
}
