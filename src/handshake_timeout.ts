import type { Refused } from "./handshake/server.ts";
import { handshakeError } from "./handshake/refusal.ts";

/**
 * Bounds the time that user code may take for a handshake.
 *
 * @param request The upgrade request
 * @param handshake The handshake's outcome, which never rejects
 * @param timeout Milliseconds
 * @returns The outcome, or a refusal with status 503
 */
export async function withinTimeout<T>(
  request: Request,
  handshake: Promise<T>,
  timeout: number,
): Promise<T | Refused> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), timeout);
  const outcome = await Promise.race([handshake, late.promise]);
  clearTimeout(timer);
  if (outcome !== undefined) return outcome;
  // The server is late, not the client: no 408. The user's `error` is not
  // asked, as it may be what takes so long.
  const error = await handshakeError(request, {
    status: 503,
    reason:
      `Cannot upgrade request: the callbacks took more than the handshakeTimeout of ${timeout} ms`,
  }, undefined);
  return { accepted: false, error };
}
