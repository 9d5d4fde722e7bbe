import type { HandshakeError } from "../peer_errors.ts";
import type { Refused } from "../handshake/server.ts";
import { refusalOf } from "../handshake/refusal.ts";

/**
 * Bounds the time that user code may take for a handshake.
 *
 * @param handshake The handshake's outcome, which never rejects
 * @param timeout Milliseconds
 * @param waiting Where whoever has to refuse it earlier finds the way
 * @returns The outcome, or a refusal, with status 503 if it took too long
 */
export async function withinTimeout<T>(
  handshake: Promise<T>,
  timeout: number,
  waiting?: Set<(error: HandshakeError) => void>,
): Promise<T | Refused> {
  const { promise, resolve } = Promise.withResolvers<Refused>();
  const refuse = (error: HandshakeError) => resolve({ accepted: false, error });
  // The server is late, not the client: no 408. The user's `error` is not
  // called, as it may be what takes so long.
  const late = () =>
    refuse(
      refusalOf(
        503,
        `the callbacks took more than the handshakeTimeout of ${timeout} ms`,
      ),
    );
  const timer = setTimeout(late, timeout);
  waiting?.add(refuse);
  const outcome = await Promise.race([handshake, promise]);
  waiting?.delete(refuse);
  clearTimeout(timer);
  return outcome;
}
