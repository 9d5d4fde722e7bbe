import { Chain, type Link } from "./chain.ts";

/**
 * Runs when a ping or a pong has come.
 *
 * @param data The payload, at most 125 bytes; the handler's own
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

/** Runs a handler: a throw or a rejection goes to `fail`; a promise is returned, never rejecting. */
export function runHandler<A extends unknown[]>(
  handler: (...args: A) => void | Promise<void>,
  args: A,
  fail: (error: unknown) => void,
): Promise<void> | undefined {
  try {
    const result = handler(...args);
    if (result === undefined || result === null) return undefined;
    return Promise.resolve(result).then(() => {}, fail);
  } catch (error) {
    fail(error);
    return undefined;
  }
}

interface PendingPing {
  readonly payload: string;
  readonly sentAt: number;
  readonly resolve: (milliseconds: number) => void;
  readonly reject: (reason: unknown) => void;
  /** Its places among all, and among those with its payload. */
  places: readonly [Link<PendingPing>, Link<PendingPing>] | undefined;
}

/** The pings whose pongs are waited for, oldest first. */
export class PingRounds {
  readonly #pending: Chain<PendingPing> = new Chain();
  // By payload: a peer may send pongs that nobody waits for, as many as it likes.
  readonly #alike: Map<string, Chain<PendingPing>> = new Map();
  #count = 0;

  /** A payload that no other ping of this connection has. */
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
   * A pong answers the last ping with its payload, and all before that: a peer
   * may answer the latest alone (RFC 6455, section 5.5.3).
   */
  pong(payload: Uint8Array): void {
    const answered = this.#alike.get(textOf(payload))?.last;
    if (answered === undefined) return;
    const now = performance.now();
    while (answered.places !== undefined) {
      const ping = this.#pending.first!;
      this.#remove(ping);
      ping.resolve(now - ping.sentAt);
    }
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

/** Of at most 125 bytes: one character each. */
function textOf(payload: Uint8Array): string {
  return String.fromCharCode(...payload);
}
