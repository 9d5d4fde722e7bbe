import { channels } from "../conn/channels.ts";
import type { HandshakeError } from "../peer_errors.ts";
import { defaultResponse, isAnswer } from "../handshake/refusal.ts";
import { logError } from "../base/log_error.ts";
import { type OnError, publishError, reportError } from "./run_handler.ts";
import { settled } from "../base/user_values.ts";

/**
 * Called when an upgrade is refused, before the answer goes out: by a rule of
 * the handshake, a callback, the path, the timeout or the server's shutdown. It
 * is not called for what is not HTTP or has no valid target, as there is no
 * `Request` for it. What it throws, or rejects with, goes to `onError`.
 *
 * @param error The reason, which the client is not told; where a callback
 * threw, `cause` is what it threw
 * @param request The upgrade request
 *
 * @example A page of another origin
 * ```ts
 * import { BadHandshakeError, dial, serve } from "@silverback/websocket";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const refused: string[] = [];
 * await using server = await serve(() => {}, {
 *   port: 0,
 *   onRefused: ({ message }) => refused.push(message),
 * });
 *
 * const host = `127.0.0.1:${server.addr.port}`;
 * const headers = { Origin: "http://localhost:5173" };
 * const dialing = dial(`ws://${host}`, { headers });
 * await assertRejects(() => dialing, BadHandshakeError);
 * assertEquals(refused, [
 *   "Cannot upgrade request: origin http://localhost:5173 is not host " +
 *   `${host}: see checkOrigin`,
 * ]);
 * ```
 */
export type OnRefused = (error: HandshakeError, request: Request) => void;

/** The user's callbacks for what goes wrong with upgrades. */
export interface Told {
  readonly onError: OnError | undefined;
  readonly onRefused: OnRefused | undefined;
}

/**
 * Reports a refused upgrade to the user; never throws.
 *
 * @param error The refusal
 * @param request The request
 * @param told The user's callbacks
 * @returns The answer: the refusal's, or the default one if the user has
 * consumed its body
 */
export function tellRefusal(
  error: HandshakeError,
  request: Request,
  { onError, onRefused }: Told,
): Response {
  publishRefusal(error, request);
  const failed = (thrown: unknown) => reportError(thrown, undefined, onError);
  try {
    // Its type allows an async function.
    settled(onRefused?.(error, request)).catch(failed);
  } catch (thrown) {
    failed(thrown);
  }
  return isAnswer(error.response) ? error.response : defaultResponse(error);
}

/**
 * Tells whoever has subscribed to the channel of a refused upgrade.
 *
 * @param error The refusal
 * @param request The request
 */
export function publishRefusal(error: HandshakeError, request: Request): void {
  if (!channels.refused.hasSubscribers) return;
  channels.refused.publish({ request, status: error.status, error });
}

/**
 * What callbacks throw during an upgrade by hand, where there is no `onError`:
 * a refusal has it as its `cause`. Anything else goes to the console, such as
 * what a callback throws after the timeout.
 */
export class FaultsByHand {
  #faults: unknown[] | undefined = []; // until the outcome is known

  readonly report = (fault: unknown): void => {
    publishError(fault, undefined);
    if (this.#faults === undefined) logError(fault);
    else this.#faults.push(fault);
  };

  /**
   * The outcome is known.
   *
   * @param error The refusal, if the user gets to see it
   */
  settle(error: HandshakeError | undefined): void {
    const faults = this.#faults ?? [];
    this.#faults = undefined;
    for (const fault of faults) {
      const known = error !== undefined &&
        (fault === error || Object.is(fault, error.cause));
      if (!known) logError(fault);
    }
  }
}
