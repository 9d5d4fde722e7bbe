import { ProtocolError } from "../peer_errors.ts";

/** Whether an error of zlib says that the data is corrupt. */
export function isCorrupt(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "Z_DATA_ERROR" || code === "Z_NEED_DICT" ||
    code === "Z_BUF_ERROR";
}

/** The error of a message whose data is corrupt, or ends inside a block. */
export function corrupt(cause?: unknown): ProtocolError {
  const error = new ProtocolError(
    "Cannot read compressed message: its data is corrupt",
    1007,
  );
  if (cause !== undefined) error.cause = cause;
  return error;
}

/**
 * The error of a message with too many final blocks, which cost us much and the
 * peer little.
 */
export function tooManyFinalBlocks(most: number): ProtocolError {
  // The frames are valid, but their content is not: 1007, not 1002.
  return new ProtocolError(
    `Cannot read compressed message: it has more than ${most} final blocks`,
    1007,
  );
}

/** The error of a call that was pending when the connection ended. */
export function connectionOver(): Error {
  return new Error("Cannot go on with message: the connection is over");
}
