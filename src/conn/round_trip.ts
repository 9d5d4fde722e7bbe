import { countMessage, isTurnOver, nextTurn } from "../base/turns.ts";
import type { Core } from "./core.ts";
import { PingRounds } from "./handlers.ts";
import { handled, onAbort, rejected } from "./promises.ts";

// Milliseconds that a ping waits for its pong where there is no keepalive.
const PONG_TIMEOUT = 30_000;

/**
 * Sends a ping and waits for its pong.
 *
 * @param core The connection
 * @param data The payload; `undefined` for one of its own
 * @param signal Gives up
 * @returns The round trip in milliseconds
 */
export function measureRoundTrip(
  core: Core,
  data: Uint8Array | undefined,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (signal?.aborted) return rejected(signal.reason);
  if (core.ending.state !== "open") return rejected(core.writeError());
  core.limit?.pinged();
  const rounds = core.rounds ??= new PingRounds();
  const payload = data ?? rounds.nextPayload();
  const { promise, drop } = rounds.add(payload);
  const unlisten = onAbort(signal, drop);
  const { keepAlive } = core.settings;
  // A live peer may answer with another payload, so this needs a timeout of
  // its own. Keepalive is the first to give up on a silent peer.
  const timeout = keepAlive === undefined
    ? PONG_TIMEOUT
    : keepAlive.interval + 2 * keepAlive.timeout;
  const timer = setTimeout(() => drop(pongTimeout(timeout)), timeout);
  const forget = () => {
    unlisten();
    clearTimeout(timer);
  };
  promise.then(forget, forget);
  try {
    core.transport.sendControl(9, payload)
      ?.catch((error) => drop(core.goneError(error)));
    core.transport.flush();
  } catch (error) {
    // The transport reports its end in the next turn, with the reason.
    nextTurn().then(() => drop(core.goneError(error)));
  }
  countMessage(payload.length);
  // Bun runs what waited after each pong of a chunk, thousands in a turn.
  return handled(
    promise.then((ms) => isTurnOver() ? nextTurn().then(() => ms) : ms),
  );
}

function pongTimeout(timeout: number): DOMException {
  return new DOMException(
    `Cannot measure round trip: no pong with the payload of the ping came for ${timeout} ms`,
    "TimeoutError",
  );
}
