import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../base/options.ts";
import { checkCloseCode, fitCloseReason } from "../close.ts";
import { milliseconds } from "../conn/options.ts";
import { SERVE_OPTIONS } from "./serve_options.ts";

/** Options of {@linkcode Server.shutdown} and {@linkcode Upgrader.shutdown}. */
export interface ShutdownOptions {
  /**
   * The close code that is sent on every connection.
   *
   * @default {1001}
   */
  readonly code?: number;
  /**
   * The close reason; it is cut off after 123 bytes of UTF-8.
   *
   * @default {""}
   */
  readonly reason?: string;
  /**
   * Milliseconds that the closing handshakes may take before the connections
   * that are left are cut.
   *
   * @default {5_000}
   */
  readonly timeout?: number;
}

const SHUTDOWN_OPTIONS: OptionsOf<ShutdownOptions> = declareOptions({
  what: "shutdown()",
  use: "server.shutdown({ … })",
  names: { code: true, reason: true, timeout: true },
  beside: SERVE_OPTIONS,
});

/**
 * Reads the options of a shutdown.
 *
 * @param options What the user has given
 * @returns All of them, with a reason that fits
 * @throws {RangeError} If the code is not a close code, or the timeout is out of
 * range
 * @throws {TypeError} If an option is unknown, or the reason is no string
 */
export function readShutdown(
  options: ShutdownOptions | undefined,
): Required<ShutdownOptions> {
  const { code = 1001, reason = "", timeout = 5_000 } = readOptions(
    options,
    SHUTDOWN_OPTIONS,
  );
  checkCloseCode(code);
  return {
    code,
    reason: fitCloseReason(reason),
    timeout: milliseconds("timeout", timeout),
  };
}
