import { CloseError } from "./close.ts";
import type { Conn } from "./conn/conn.ts";
import { CloseSentError } from "./errors.ts";

/**
 * What a server does with a connection.
 *
 * If it returns a promise, the connection is closed with code 1000 when the
 * promise fulfils. If it returns nothing, it has taken the connection over, and
 * the connection stays open until somebody closes it. Either way, what it
 * throws closes the connection with code 1011; a `CloseError` of this very
 * connection, as reads throw it when the peer has gone, is its normal end.
 *
 * @param conn The connection, open
 * @param request The upgrade request
 */
export type OnConn = (conn: Conn, request: Request) => void | Promise<void>;

/**
 * Learns what an {@linkcode OnConn} has thrown. What it throws itself goes to
 * the console.
 *
 * @param error What was thrown
 * @param conn The connection, which is being closed with code 1011
 */
export type OnError = (error: unknown, conn: Conn) => void;

/**
 * Runs the user's handler on a connection. Nothing that user code throws leaves
 * it, now or later.
 *
 * @param conn The connection
 * @param request The upgrade request
 * @param onConn The handler
 * @param onError Learns of its errors; default: the console
 */
export function runConn(
  conn: Conn,
  request: Request,
  onConn: OnConn,
  onError: OnError | undefined,
): void {
  const failed = (error: unknown): Promise<void> =>
    endWithError(conn, error, onError);
  const done = (): void => {
    // An end that has begun is left to those who have begun it.
    if (conn.state === "open") conn.close();
  };
  try {
    const result: unknown = onConn(conn, request);
    if (isThenable(result)) Promise.resolve(result).then(done, failed);
  } catch (error) {
    failed(error);
  }
}

/**
 * Tells the user of an error; nothing leaves it.
 *
 * @param error The error
 * @param conn Its connection, if it is one's
 * @param onError The user's callback; default: the console
 */
export function reportError<C extends Conn | undefined>(
  error: unknown,
  conn: C,
  onError: ((error: unknown, conn: C) => void) | undefined,
): void {
  if (onError === undefined) return logError(error);
  try {
    const result: unknown = onError(error, conn);
    // Its type does not forbid an async function.
    if (isThenable(result)) Promise.resolve(result).then(undefined, logError);
  } catch (thrown) {
    logError(thrown);
  }
}

async function endWithError(
  conn: Conn,
  error: unknown,
  onError: OnError | undefined,
): Promise<void> {
  if (conn.state !== "open" && await isEndOf(conn, error)) return;
  // Without detail: an error may tell more than a peer should know.
  conn.close(1011);
  reportError(error, conn, onError);
}

/** Whether the error says nothing but that the connection, no more open, ends. */
async function isEndOf(conn: Conn, error: unknown): Promise<boolean> {
  if (error instanceof CloseError) {
    const { code, reason } = await conn.closed;
    return error.code === code && error.reason === reason;
  }
  // Of a write that the peer's close frame has overtaken. After this side's own
  // it is a mistake of the handler.
  if (error instanceof CloseSentError) {
    return (await conn.closed).initiator === "remote";
  }
  return false;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === "object" || typeof value === "function") &&
    value !== null && "then" in value && typeof value.then === "function";
}

function logError(error: unknown): void {
  // deno-lint-ignore no-console -- the documented default
  console.error(error);
}
