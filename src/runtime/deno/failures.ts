import { ReadLimitError } from "../../errors.ts";
import { ProtocolError } from "../../peer_errors.ts";

// The messages of Deno's parser, and the close codes for them. For most of them
// Deno itself sends no close frame, but ends the TCP connection.
const PROTOCOL_ERRORS: ReadonlyMap<string, number> = new Map([
  ["Reserved bits are not zero", 1002],
  ["Invalid value", 1002], // an unknown opcode
  ["Ping frame too large", 1002],
  ["Control frame must not be fragmented", 1002],
  ["Invalid continuation frame", 1002],
  ["Invalid fragment", 1002],
  ["Invalid close frame", 1002],
  ["Invalid close code", 1002],
  ["Invalid UTF-8", 1007],
]);

// Deno's limit for a frame is 64 MiB and cannot be changed.
const MAX_FRAME = 64 * 2 ** 20;

/**
 * The error of a rule that the peer broke, from the message of Deno's error
 * event.
 *
 * @param message The event's message
 * @returns The error, or `undefined` if the network failed
 */
export function failureOf(message: string): Error | undefined {
  if (message === "Frame too large") {
    return new ReadLimitError(
      MAX_FRAME,
      `Cannot read frame: it exceeds the ${MAX_FRAME} bytes that the native engine on Deno takes`,
    );
  }
  const code = PROTOCOL_ERRORS.get(message);
  if (code === undefined) return undefined;
  return new ProtocolError(`Cannot read frame: ${message}`, code);
}

/**
 * Makes an error of an error event of Deno's socket.
 *
 * @param event The event
 * @returns The error
 */
export function causeOf(event: Event): Error {
  const { error, message } = event as Partial<ErrorEvent>;
  if (error instanceof Error) return error;
  return new Error(message || "Cannot use socket: it has failed");
}

/**
 * The cause of an end after this side's close frame that came without an error
 * event.
 *
 * @returns The error
 */
export function cutWhileClosing(): Error {
  return new Error(
    "Cannot finish closing handshake: the peer went without an answer, or answered without a code, or sent a message meanwhile, upon which Deno cuts the connection",
  );
}
