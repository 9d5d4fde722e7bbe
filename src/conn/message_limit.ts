import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../base/options.ts";
import { shown } from "../base/user_values.ts";

/** How many messages a peer may send. */
export interface MessageLimitOptions {
  /** Messages a second, over a longer time; it may be a fraction. */
  readonly perSecond: number;
  /**
   * Messages at once, after a silence; at least 1. Allow for what a network
   * holds back and delivers together. Default: those of one second.
   */
  readonly burst?: number;
}

/** The options in `messageLimit`. */
export const MESSAGE_LIMIT_OPTIONS: OptionsOf<MessageLimitOptions> =
  /* @__PURE__ */ declareOptions({
    what: "messageLimit",
    use: "messageLimit: { … }",
    names: { perSecond: true, burst: true },
  });

/**
 * Checks the option `messageLimit`, and fills in the default.
 *
 * @param options The option
 * @returns The same, complete
 * @throws {RangeError} If a number is out of range
 * @throws {TypeError} If it is no object, or has an option that is not known
 */
export function checkMessageLimit(
  options: MessageLimitOptions,
): Required<MessageLimitOptions> {
  const { perSecond, burst: given } = readOptions(
    options,
    MESSAGE_LIMIT_OPTIONS,
  );
  if (!(Number.isFinite(perSecond) && perSecond > 0)) {
    throw new RangeError(
      `Cannot use messageLimit.perSecond ${
        shown(perSecond)
      }: it must be a positive number of messages`,
    );
  }
  const burst = given === undefined ? Math.max(1, Math.ceil(perSecond)) : given;
  if (!(Number.isFinite(burst) && burst >= 1)) {
    throw new RangeError(
      `Cannot use messageLimit.burst ${
        shown(burst)
      }: it must be at least 1 message`,
    );
  }
  return { perSecond, burst };
}

// Control frames a second, and at once, that any peer may send: a client's own
// heartbeat must not depend on how few messages it may send.
const LEAST_CONTROLS = 10;

/**
 * The messages and the control frames of a connection that still may come: two
 * token buckets. Each is filled up by the clock, or by a clock that is behind:
 * what the peer sends while it is stopped comes late.
 */
export class MessageLimit {
  readonly #messages: Bucket;
  readonly #controls: Bucket;
  #owed = 0; // pongs that this side has asked for
  #stopped = false;
  #seconds = 0; // since it was made
  #delay = 0; // seconds that what comes now may have waited for
  readonly #madeAt: number = performance.now();

  /** Makes full buckets. */
  constructor({ perSecond, burst }: Required<MessageLimitOptions>) {
    this.#messages = new Bucket(perSecond, burst);
    this.#controls = new Bucket(
      Math.max(perSecond, LEAST_CONTROLS),
      Math.max(burst, LEAST_CONTROLS),
    );
  }

  /** Whether a message may come, which is then counted. */
  message(): boolean {
    return this.#take(this.#messages);
  }

  /** Whether a ping, or a pong that nobody asked for, may come. */
  control(): boolean {
    return this.#take(this.#controls);
  }

  /** Whether a pong may come. */
  pong(): boolean {
    if (this.#owed === 0) return this.control();
    this.#owed--;
    return true;
  }

  /** A ping goes out: its pong is not the peer's choice. */
  pinged(): void {
    this.#owed++;
  }

  /** The peer is stopped, or goes on. */
  stopped(stopped: boolean): void {
    this.#tick();
    this.#stopped = stopped;
  }

  #take(bucket: Bucket): boolean {
    this.#tick();
    return bucket.take(this.#seconds, this.#delay);
  }

  // What has waited comes as fast as the network carries it. So a stop is made
  // up for in as long as it took, and counts no longer.
  #tick(): void {
    const seconds = (performance.now() - this.#madeAt) / 1000;
    const passed = seconds - this.#seconds;
    this.#seconds = seconds;
    this.#delay = this.#stopped
      ? this.#delay + passed
      : Math.max(0, this.#delay - passed);
  }
}

/** A token bucket. */
class Bucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #since = 0; // when it was full
  #taken = 0; // since then

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** Takes a token for what was sent now, or up to so many seconds before. */
  take(now: number, delay: number): boolean {
    const earliest = now - delay;
    if ((earliest - this.#since) * this.#perSecond >= this.#taken) {
      this.#since = earliest;
      this.#taken = 0;
    }
    const most = this.#burst + (now - this.#since) * this.#perSecond;
    if (this.#taken + 1 > most) return false;
    this.#taken++;
    return true;
  }
}
