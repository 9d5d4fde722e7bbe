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
  readonly payload: Uint8Array;
  readonly sentAt: number;
  readonly resolve: (milliseconds: number) => void;
  readonly reject: (reason: unknown) => void;
}

/** The pings whose pongs are waited for, oldest first. */
export class PingRounds {
  #pending: PendingPing[] = [];
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
    const ping: PendingPing = {
      payload,
      sentAt: performance.now(),
      resolve,
      reject,
    };
    this.#pending.push(ping);
    const drop = (reason: unknown) => {
      this.#pending = this.#pending.filter((other) => other !== ping);
      reject(reason);
    };
    return { promise, drop };
  }

  /** A pong answers the first ping with its payload, and all before that (RFC 6455, section 5.5.3). */
  pong(payload: Uint8Array): void {
    const index = this.#pending.findIndex((ping) =>
      equal(ping.payload, payload)
    );
    const now = performance.now();
    for (const ping of this.#pending.splice(0, index + 1)) {
      ping.resolve(now - ping.sentAt);
    }
  }

  end(error: Error): void {
    for (const ping of this.#pending.splice(0)) ping.reject(error);
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
