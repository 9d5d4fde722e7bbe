import { ReadLimitError } from "../../errors.ts";
import { ProtocolError } from "../../peer_errors.ts";

/**
 * The error of a rule that the peer broke, from the reason that Bun passes to
 * its close handler with code 1006. Bun has sent a close frame with the right
 * code and that reason.
 *
 * @param reason The reason; empty if the peer has just disconnected
 * @param readLimit The server's limit
 * @returns The error, or `undefined` if the network failed
 */
export function failureOf(
  reason: string,
  readLimit: number,
): Error | undefined {
  switch (reason) {
    case "":
      return undefined;
    case "Received too big message":
      return new ReadLimitError(readLimit);
    case "WebSocket timed out from inactivity":
      return new DOMException(
        "Cannot keep connection: the peer has been silent for longer than Bun's idleTimeout",
        "TimeoutError",
      );
    case "Received invalid UTF-8":
    case "Received invalid compressed data":
      return new ProtocolError(`Cannot read frame: ${reason}`, 1007);
  }
  if (!reason.startsWith("Received ")) return new Error(reason);
  return new ProtocolError(`Cannot read frame: ${reason}`);
}
