import { settled } from "../base/user_values.ts";
import { Chain, type Link } from "./chain.ts";

/**
 * Runs when a ping has come.
 *
 * @param data The payload, at most 125 bytes; the handler may keep it
 */
export type PingHandler = (
  data: Uint8Array<ArrayBuffer>,
) => void | Promise<void>;

/** Runs when a pong has come. */
export type PongHandler = PingHandler;

/**
 * Runs when the peer's close frame has come.
 *
 * @param code The peer's code; 1005 if its frame had none
 * @param reason The peer's reason, or an empty string
 */
export type CloseHandler = (
  code: number,
  reason: string,
) => void | Promise<void>;

/**
 * Runs a handler; what it throws or rejects with goes to `fail`. If it returns
 * a promise, so does this; the result never rejects.
 */
export function runHandler<A extends unknown[]>(
  handler: (...args: A) => void | Promise<void>,
  args: A,
  fail: (error: unknown) => void,
): Promise<void> | undefined {
  try {
    const result = handler(...args);
    if (result === undefined || result === null) return undefined;
    return settled(result).catch(fail);
  } catch (error) {
    fail(error);
    return undefined;
  }
}

// A peer that sends pings and reads nothing blocks the writes that handlers
// await; without a bound, their promises would pile up.
const MAX_UNSETTLED = 256;

/** What the handlers of control frames ask of their connection. */
export interface HandlersOwner {
  /** Stops the peer, or lets it go on. */
  readonly inbound: { hold(held: boolean): void };
  /** A handler threw or rejected. */
  handlerThrew(error: unknown): void;
}

/**
 * Runs the handlers of pings and pongs. gorilla reads on only when a handler is
 * done; here frames are read meanwhile, until too many handlers are pending.
 */
export class ControlHandlers {
  readonly #owner: HandlersOwner;
  #unsettled = 0;

  constructor(owner: HandlersOwner) {
    this.#owner = owner;
  }

  run(handler: PingHandler, payload: Uint8Array<ArrayBuffer>): void {
    const settled = runHandler(
      handler,
      [payload],
      (error) => this.#owner.handlerThrew(error),
    );
    if (settled === undefined) return;
    if (++this.#unsettled === MAX_UNSETTLED) this.#owner.inbound.hold(true);
    settled.then(() => {
      if (this.#unsettled-- === MAX_UNSETTLED) this.#owner.inbound.hold(false);
    });
  }
}

interface PendingPing {
  readonly payload: string;
  readonly sentAt: number;
  readonly resolve: (milliseconds: number) => void;
  readonly reject: (reason: unknown) => void;
  /** Its places among all pings, and among those with its payload. */
  places: readonly [Link<PendingPing>, Link<PendingPing>] | undefined;
}

/** The pings that wait for their pongs, oldest first. */
export class PingRounds {
  readonly #pending: Chain<PendingPing> = new Chain();
  // By payload, for a look-up in constant time: a peer may send any number of
  // pongs that nobody waits for.
  readonly #alike: Map<string, Chain<PendingPing>> = new Map();
  #count = 0;

  /** A payload that is unique on this connection. */
  nextPayload(): Uint8Array<ArrayBuffer> {
    const payload = new Uint8Array(8);
    const view = new DataView(payload.buffer);
    view.setUint32(0, ++this.#count);
    view.setUint32(4, Math.floor(Math.random() * 2 ** 32));
    return payload;
  }

  add(payload: Uint8Array): {
    readonly promise: Promise<number>;
    readonly drop: (reason: unknown) => void;
  } {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const key = textOf(payload);
    const alike = this.#alike.get(key) ?? new Chain();
    this.#alike.set(key, alike);
    const ping: PendingPing = {
      payload: key,
      sentAt: performance.now(),
      resolve,
      reject,
      places: undefined,
    };
    ping.places = [this.#pending.push(ping), alike.push(ping)];
    const drop = (reason: unknown) => {
      this.#remove(ping);
      reject(reason);
    };
    return { promise, drop };
  }

  /**
   * A pong answers the last ping with its payload, and all pings before that,
   * as a peer may answer only the latest one (RFC 6455, section 5.5.3).
   *
   * @returns The round trip of the ping that it answers, in milliseconds
   */
  pong(payload: Uint8Array): number | undefined {
    const answered = this.#alike.get(textOf(payload))?.last;
    if (answered === undefined) return undefined;
    const now = performance.now();
    while (answered.places !== undefined) {
      const ping = this.#pending.first!;
      this.#remove(ping);
      ping.resolve(now - ping.sentAt);
    }
    return now - answered.sentAt;
  }

  end(error: Error): void {
    for (let ping; (ping = this.#pending.first) !== undefined;) {
      this.#remove(ping);
      ping.reject(error);
    }
  }

  #remove(ping: PendingPing): void {
    if (ping.places === undefined) return;
    const [place, placeAlike] = ping.places;
    ping.places = undefined;
    this.#pending.remove(place);
    const alike = this.#alike.get(ping.payload)!;
    alike.remove(placeAlike);
    if (alike.length === 0) this.#alike.delete(ping.payload);
  }
}

/** A key for a payload: one character for each of its at most 125 bytes. */
function textOf(payload: Uint8Array): string {
  return String.fromCharCode(...payload);
}
