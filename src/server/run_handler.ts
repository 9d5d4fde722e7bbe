import { CloseError } from "../close.ts";
import { channels } from "../conn/channels.ts";
import type { Conn } from "../conn/conn.ts";
import { isEndOf } from "../conn/ownership.ts";
import { CloseSentError } from "../errors.ts";
import { logError } from "../base/log_error.ts";
import { isInstance } from "../base/user_values.ts";

/**
 * A server's handler, called with each connection.
 *
 * If it returns a promise, the connection is closed with code 1000 when the
 * promise fulfils. If it returns nothing, it has taken the connection over, and
 * the connection stays open until somebody closes it. If it throws or rejects,
 * the connection is closed with code 1011. A `CloseError` of this very
 * connection, which reads throw when the peer has gone, is not a failure but
 * its normal end.
 *
 * @typeParam Data What the `authorize` of the Upgrader hands over
 * @param conn The connection, open
 * @param request The upgrade request
 */
export type OnConn<Data = unknown> = (
  conn: Conn<Data>,
  request: Request,
) => void | Promise<void>;

/** What a route hands to its handler beside the connection and the request. */
export interface RouteInfo {
  /**
   * What the pattern's groups have matched, by their names, or from `"0"` on
   * for those without; as it stands in the URL, percent-encoded. A group that
   * has matched nothing is not there. It has no prototype, so that no name is
   * there that the pattern does not name; an exact path has none.
   */
  readonly params: Readonly<Record<string, string>>;
}

/**
 * The handler of a route: an {@linkcode OnConn} that is told the parameters of
 * the path as well.
 *
 * @typeParam Data What the `authorize` of the Upgrader hands over
 * @param conn The connection, open
 * @param request The upgrade request
 * @param info The parameters
 */
export type OnRoute<Data = unknown> = (
  conn: Conn<Data>,
  request: Request,
  info: RouteInfo,
) => void | Promise<void>;

/**
 * Called with what user code throws or rejects with: an {@linkcode OnConn}, or,
 * without a connection, another callback. What it throws itself goes to the
 * console.
 *
 * @param error What was thrown
 * @param conn The connection whose handler threw; it is being closed with code
 * 1011
 */
export type OnError = (error: unknown, conn?: Conn) => void;

/**
 * Runs the user's handler on a connection. It never throws, and nothing that
 * user code throws later escapes either.
 *
 * @param conn The connection
 * @param request The upgrade request
 * @param onConn The handler
 * @param onError Called with its errors; default: the console
 * @param info What its route hands over; `undefined` where there are no routes
 */
export function runConn<Data>(
  conn: Conn<Data>,
  request: Request,
  onConn: OnConn<Data> | OnRoute<Data>,
  onError: OnError | undefined,
  info?: RouteInfo | undefined,
): void {
  const failed = (error: unknown): Promise<void> =>
    endWithError(conn, error, onError);
  const done = (): void => {
    // A connection that is already ending is left to whoever began that.
    if (conn.state === "open") conn.close();
  };
  try {
    // A handler may take arguments of its own behind the two.
    const result: unknown = info === undefined
      ? (onConn as OnConn<Data>)(conn, request)
      : onConn(conn, request, info);
    if (isThenable(result)) Promise.resolve(result).then(done, failed);
  } catch (error) {
    failed(error);
  }
}

// Callbacks of ours that report what they get, so that it is told of once.
const relays: WeakSet<OnError> = new WeakSet();

/**
 * Marks a callback of ours that calls {@linkcode reportError} itself.
 *
 * @param onError The callback
 * @returns The same
 */
export function relay(onError: OnError): OnError {
  relays.add(onError);
  return onError;
}

/**
 * Reports an error to the user; never throws.
 *
 * @param error The error
 * @param conn Its connection, if it has one
 * @param onError The user's callback; default: the console
 */
export function reportError(
  error: unknown,
  conn: Conn | undefined,
  onError: OnError | undefined,
): void {
  if (onError === undefined || !relays.has(onError)) publishError(error, conn);
  if (onError === undefined) return logError(error);
  // What it was to be told of would be lost.
  const failed = (thrown: unknown) => {
    logError(thrown);
    if (thrown !== error) logError(error);
  };
  try {
    const result: unknown = onError(error, conn);
    // Its type allows an async function.
    if (isThenable(result)) Promise.resolve(result).then(undefined, failed);
  } catch (thrown) {
    failed(thrown);
  }
}

/**
 * Tells whoever has subscribed to the channel of what user code threw.
 *
 * @param error The error
 * @param conn Its connection, if it has one
 */
export function publishError(error: unknown, conn: Conn | undefined): void {
  if (channels.error.hasSubscribers) channels.error.publish({ error, conn });
}

async function endWithError(
  conn: Conn,
  error: unknown,
  onError: OnError | undefined,
): Promise<void> {
  if (
    isEndOf(conn, error) || conn.state !== "open" && await ends(conn, error)
  ) {
    // Nobody will read what still stands before the peer's close frame.
    if (conn.state === "open") conn.closeRead();
    return;
  }
  // Without detail: an error may tell more than a peer should know.
  conn.close(1011);
  reportError(error, conn, onError);
}

/** Whether the error only says that the connection, no longer open, ends. */
async function ends(conn: Conn, error: unknown): Promise<boolean> {
  if (isInstance(error, CloseError)) {
    const { code, reason } = await conn.closed;
    return error.code === code && error.reason === reason;
  }
  // The peer's close frame overtook a write. A write after this side's own
  // close is a mistake of the handler.
  if (isInstance(error, CloseSentError)) {
    return (await conn.closed).initiator === "remote";
  }
  return false;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === "object" || typeof value === "function") &&
    value !== null && "then" in value && typeof value.then === "function";
}
