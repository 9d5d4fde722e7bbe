import { ProtocolError } from "../errors.ts";

/** Whether an error of zlib says that the data is at fault. */
export function isCorrupt(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "Z_DATA_ERROR" || code === "Z_NEED_DICT" ||
    code === "Z_BUF_ERROR";
}

/** The error of a message whose data is corrupt, or ends within a block. */
export function corrupt(cause?: unknown): ProtocolError {
  const error = new ProtocolError(
    "Cannot read compressed message: its data is corrupt",
    1007,
  );
  if (cause !== undefined) error.cause = cause;
  return error;
}

/** The error of a call that the end of the connection has cut short. */
export function connectionOver(): Error {
  return new Error("Cannot go on with message: the connection is over");
}
