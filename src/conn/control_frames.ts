/** Pings and pongs, of transports that have them. */

import { channels } from "./channels.ts";
import type { Core } from "./core.ts";
import { ControlHandlers, type PingHandler } from "./handlers.ts";
import { handedOver, handled, inNextTurn, rejected } from "./promises.ts";

type Payload = Uint8Array<ArrayBuffer>;

/**
 * Sends a ping or a pong.
 *
 * @param core The connection
 * @param type The opcode
 * @param payload The payload
 * @returns Fulfils when there is room for more
 */
export function sendControl(
  core: Core,
  type: 9 | 10,
  payload: Uint8Array,
): Promise<void> {
  if (core.ending.state !== "open") return rejected(core.writeError());
  if (type === 9) core.limit?.pinged();
  let wait: Promise<void> | undefined;
  try {
    wait = core.transport.sendControl(type, payload);
  } catch (error) {
    // The transport reports its end in the next turn, with the reason.
    return inNextTurn(() => {
      throw core.goneError(error);
    });
  }
  return wait === undefined
    ? handedOver(payload.length)
    : handled(wait.catch((error) => {
      throw core.goneError(error);
    }));
}

/**
 * A ping has come.
 *
 * @param core The connection
 * @param payload The ping's payload
 * @param answered Whether the runtime has answered it
 */
export function pinged(core: Core, payload: Payload, answered: boolean): void {
  if (core.limit?.control() === false) return core.overLimit("ping");
  if (core.pingHandler !== undefined) run(core, core.pingHandler, payload);
  else if (!answered) core.answerPing(payload);
}

/**
 * A pong has come.
 *
 * @param core The connection
 * @param payload The pong's payload
 */
export function ponged(core: Core, payload: Payload): void {
  if (core.limit?.pong() === false) return core.overLimit("pong");
  const duration = core.rounds?.pong(payload) ?? probed(core, payload);
  if (duration !== undefined) measured(core, duration);
  if (core.pongHandler !== undefined) run(core, core.pongHandler, payload);
}

// Keepalive's pings have no payload, and one is under way at a time.
function probed(core: Core, payload: Payload): number | undefined {
  const sentAt = core.probedAt;
  if (sentAt === undefined || payload.length > 0) return undefined;
  core.probedAt = undefined;
  return performance.now() - sentAt;
}

function measured(core: Core, duration: number): void {
  core.lastRoundTrip = duration;
  const { conn } = core;
  if (conn !== undefined && channels.ping.hasSubscribers) {
    channels.ping.publish({ conn, duration });
  }
}

function run(core: Core, handler: PingHandler, payload: Payload): void {
  (core.handlers ??= new ControlHandlers(core)).run(handler, payload);
}
