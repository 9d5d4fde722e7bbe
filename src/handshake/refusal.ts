/** The answers to upgrade requests that are refused. */

import { HandshakeError } from "../errors.ts";

/** Why an upgrade is refused, before it is known who words the answer. */
export interface Refusal {
  /** The HTTP status. */
  readonly status: number;
  /** What is wrong: for this side only, the client never gets it. */
  readonly reason: string;
  /** Headers that go with the status. */
  readonly headers?: readonly (readonly [string, string])[];
  /** What user code threw. */
  readonly cause?: unknown;
  /** The whole answer, where user code has made it. */
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
  [500, "Internal Server Error"],
  [503, "Service Unavailable"],
]);

/**
 * The default answer: the status, the version that is spoken here (RFC 6455,
 * section 4.4), and for a body the status text and nothing else.
 *
 * @param refusal The status and its headers
 * @returns The answer
 */
export function defaultResponse(
  refusal: Pick<Refusal, "status" | "headers">,
): Response {
  const { status, headers = [] } = refusal;
  const statusText = STATUS_TEXT.get(status) ?? "";
  return new Response(`${statusText || status}\n`, {
    status,
    statusText,
    headers: [
      ["Sec-WebSocket-Version", "13"],
      ["Content-Type", "text/plain; charset=utf-8"],
      ["X-Content-Type-Options", "nosniff"],
      ...headers.map(([name, value]): [string, string] => [name, value]),
    ],
  });
}

/**
 * The error of a refusal, with the whole answer: the one that user code has
 * made, else the callback's, else the default one.
 *
 * @param request The upgrade request
 * @param refusal Why it is refused
 * @param callback The user's callback; if it fails, the answer is the default
 * @returns The error
 */
export async function handshakeError(
  request: Request,
  refusal: Refusal,
  callback: ErrorCallback | undefined,
): Promise<HandshakeError> {
  const { status, reason } = refusal;
  const init = "cause" in refusal ? { cause: refusal.cause } : undefined;
  const error = new HandshakeError(
    reason,
    refusal.response ?? defaultResponse(refusal),
    init,
  );
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
    // The callback may have read the first default answer.
    return new HandshakeError(
      `${reason}; then the error callback failed`,
      defaultResponse(refusal),
      init ?? { cause },
    );
  }
}

/**
 * Whether a value of user code can be sent instead of a 101.
 *
 * @param value The value
 * @returns Whether it is a final response whose body nobody has read
 */
export function isAnswer(value: unknown): value is Response {
  return value instanceof Response && value.status >= 200 &&
    !value.bodyUsed && value.body?.locked !== true;
}
