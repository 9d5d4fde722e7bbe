import type { Refuse } from "./conn_group.ts";
import type { Refused } from "../handshake/server.ts";
import { refusalOf } from "../handshake/refusal.ts";

/** Where whoever has to refuse a handshake earlier finds the way. */
export interface Waiting {
  waits(refuse: Refuse): void;
  waited(refuse: Refuse): void;
}

/**
 * Bounds the time that user code may take for a handshake.
 *
 * @param handshake The handshake's outcome, which never rejects
 * @param timeout Milliseconds
 * @param waiting Who may refuse it earlier
 * @returns The outcome, or a refusal, with status 503 if it took too long
 */
export async function withinTimeout<T>(
  handshake: Promise<T>,
  timeout: number,
  waiting?: Waiting,
): Promise<T | Refused> {
  const { promise, resolve } = Promise.withResolvers<Refused>();
  const refuse: Refuse = (error) => resolve({ accepted: false, error });
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
  waiting?.waits(refuse);
  const outcome = await Promise.race([handshake, promise]);
  waiting?.waited(refuse);
  clearTimeout(timer);
  return outcome;
}
