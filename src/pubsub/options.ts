import type { Conn } from "../conn/conn.ts";
import {
  declareOptions,
  type OptionsOf,
  readOptions,
} from "../base/options.ts";
import { logError } from "../base/log_error.ts";
import type { Broker } from "./broker.ts";
import { shown } from "../base/user_values.ts";

/** Messages that were, or may have been, missed. */
export interface Gap {
  /** The topic. */
  readonly topic: string;
  /**
   * `"broker"`: they were lost between the processes, for all subscribers of
   * this one. `"slow"`: one connection, which was subscribed with `slow: "skip"`,
   * did not take them. It is told once the connection goes on, or its subscription
   * ends or is to be cut; a connection that closes has no gap but its end.
   */
  readonly cause: "broker" | "slow";
  /** The connection that was slow. */
  readonly conn?: Conn;
  /**
   * How many; `undefined` when the broker was away, and nobody knows yet. Those
   * that are known to be lost come as gaps of their own with their number. From
   * about three heartbeats after `subscribe()` on, the sum of all numbers is what
   * was lost, unless a cut outlasts the three heartbeats that name the last
   * number of what was published: then this gap is all that tells of it.
   */
  readonly missed: number | undefined;
}

/** Options of a {@linkcode Hub}. */
export interface HubOptions {
  /**
   * What joins the hubs of several processes; its heartbeat keeps the process
   * alive until the hub is closed. Default: this process alone.
   */
  readonly broker?: Broker;
  /**
   * What the names of channels begin with: hubs of other programs on the same
   * broker have another. Letters, digits, `_` and `-`, 32 at the most.
   *
   * @default {"ws"}
   */
  readonly prefix?: string;
  /**
   * Milliseconds between two heartbeats through the broker. After two that were
   * not heard, all is subscribed anew; after three, a hub is taken to be gone.
   *
   * @default {5_000}
   */
  readonly heartbeat?: number;
  /**
   * Milliseconds that a subscription at the broker outlives its last subscriber
   * here. At most 1,000 topics linger.
   *
   * @default {1_000}
   */
  readonly linger?: number;
  /**
   * Bytes, or UTF-16 units of text, that have been published and not been
   * confirmed by the broker, over which `publish()` rejects with a
   * {@linkcode PublishLimitError}. What else is kept of those messages, their
   * topics and 256 for each, has the same bound of its own. A single message may
   * be larger.
   *
   * @default {16_777_216}
   */
  readonly publishLimit?: number;
  /**
   * Topics that one connection may be subscribed to, over which `subscribe()`
   * rejects with a `RangeError`. Peers that choose topics are bounded by it.
   *
   * @default {1_000}
   */
  readonly topicLimit?: number;
  /**
   * Learns of what was missed. Default: nobody.
   *
   * @param gap What was missed
   */
  onGap?(gap: Gap): void;
  /**
   * Learns of what went wrong with nobody waiting for it: a heartbeat that could
   * not be sent or is not confirmed, a channel that the broker refuses when its
   * client is connected again, a listener that threw. Default: the console.
   *
   * @param error What was thrown
   */
  onError?(error: unknown): void;
}

/** Options of {@linkcode Hub.subscribe}. */
export interface SubscribeOptions {
  /**
   * What becomes of a connection that reads too slowly: `"cut"` leaves it to its
   * `writeLimit`, which ends it; with `"skip"` it misses messages, and stays.
   *
   * @default {"cut"}
   */
  readonly slow?: "cut" | "skip";
  /**
   * With `slow: "skip"`: bytes that may wait unsent for the connection before it
   * misses messages. They come again when half of it has gone out.
   *
   * @default {1_048_576}
   */
  readonly backlog?: number;
}

/** Options of {@linkcode Hub.publish}. */
export interface PublishOptions {
  /** A connection that does not get it, such as its author's. Default: none. */
  readonly except?: Conn;
  /**
   * Whether only the subscribers of this process get it, at once and without the
   * broker.
   *
   * @default {false}
   */
  readonly local?: boolean;
}

/** {@linkcode HubOptions} with the defaults filled in. */
export interface HubSettings {
  readonly broker: Broker | undefined;
  readonly prefix: string;
  readonly heartbeat: number;
  readonly linger: number;
  readonly publishLimit: number;
  readonly topicLimit: number;
  readonly onGap: (gap: Gap) => void;
  readonly onError: (error: unknown) => void;
}

const HUB_OPTIONS: OptionsOf<HubOptions> = declareOptions({
  what: "Hub",
  use: "new Hub({ … })",
  names: {
    broker: true,
    prefix: true,
    heartbeat: true,
    linger: true,
    publishLimit: true,
    topicLimit: true,
    onGap: true,
    onError: true,
  },
});

const SUBSCRIBE_OPTIONS: OptionsOf<SubscribeOptions> = declareOptions({
  what: "hub.subscribe()",
  use: "hub.subscribe(topic, conn, { … })",
  names: { slow: true, backlog: true },
});

const PUBLISH_OPTIONS: OptionsOf<PublishOptions> = declareOptions({
  what: "hub.publish()",
  use: "hub.publish(topic, data, { … })",
  names: { except: true, local: true },
});

const MAX_TIME = 2 ** 31 - 1; // setTimeout takes no longer ones
const MAX_TOPIC = 1024;

/** Checks the options of a hub, and fills in the defaults. */
export function hubSettings(options: HubOptions | undefined): HubSettings {
  const read = readOptions(options, HUB_OPTIONS);
  const { broker, prefix = "ws", onGap, onError } = read;
  if (
    broker !== undefined &&
    (typeof broker?.publish !== "function" ||
      typeof broker.subscribe !== "function")
  ) {
    throw new TypeError(
      "Cannot use broker: it must have the methods publish and subscribe",
    );
  }
  if (typeof prefix !== "string") {
    throw new TypeError(`Cannot use a prefix of type ${typeof prefix}`);
  }
  if (!/^[\w-]{1,32}$/.test(prefix)) {
    throw new RangeError(
      `Cannot use prefix ${JSON.stringify(prefix)}: ` +
        "it must be 1 to 32 letters, digits, _ or -",
    );
  }
  return {
    broker,
    prefix,
    heartbeat: milliseconds("heartbeat", read.heartbeat ?? 5_000, 1),
    linger: milliseconds("linger", read.linger ?? 1_000, 0),
    publishLimit: limit("publishLimit", read.publishLimit ?? 2 ** 24),
    topicLimit: limit("topicLimit", read.topicLimit ?? 1_000),
    onGap: callback("onGap", onGap) ? (gap) => onGap.call(options, gap) : skip,
    onError: callback("onError", onError)
      ? (error) => onError.call(options, error)
      : logError,
  };
}

/** Checks the options of a subscription, and fills in the defaults. */
export function subscribeSettings(
  options: SubscribeOptions | undefined,
): Required<SubscribeOptions> {
  const { slow = "cut", backlog = 2 ** 20 } = readOptions(
    options,
    SUBSCRIBE_OPTIONS,
  );
  if (slow !== "cut" && slow !== "skip") {
    throw new RangeError(
      `Cannot use slow ${JSON.stringify(slow)}: use "cut" or "skip"`,
    );
  }
  return { slow, backlog: limit("backlog", backlog) };
}

/** Checks the options of a publication. */
export function publishSettings(
  options: PublishOptions | undefined,
): PublishOptions {
  const read = readOptions(options, PUBLISH_OPTIONS);
  const { except, local } = read;
  if (except !== undefined && !isConn(except)) {
    throw new TypeError("Cannot use except: it must be a Conn");
  }
  if (local !== undefined && typeof local !== "boolean") {
    throw new TypeError(
      `Cannot use local: it must be a boolean, got ${typeof local}`,
    );
  }
  return read;
}

/** Whether a value is a connection, of another copy of the package too. */
export function isConn(value: unknown): value is Conn {
  return typeof value === "object" && value !== null &&
    typeof (value as Partial<Conn>).writePreparedMessage === "function";
}

/**
 * Checks a topic. Its length is bounded, as it may be a peer's.
 *
 * @throws {TypeError} If it is no string
 * @throws {RangeError} If it is empty, too long or not well-formed
 */
export function checkTopic(topic: unknown): asserts topic is string {
  if (typeof topic !== "string") {
    throw new TypeError(`Cannot use a topic of type ${typeof topic}`);
  }
  if (topic.length === 0 || topic.length > MAX_TOPIC) {
    throw new RangeError(
      `Cannot use topic of length ${topic.length}: it must be 1 to ${MAX_TOPIC}`,
    );
  }
  if (!topic.isWellFormed()) {
    throw new RangeError("Cannot use topic: it has a lone surrogate");
  }
}

function skip(): void {}

function callback<T>(name: string, value: T | undefined): value is T {
  if (value === undefined) return false;
  if (typeof value === "function") return true;
  throw new TypeError(
    `Cannot use ${name}: it must be a function, got ${typeof value}`,
  );
}

function milliseconds(name: string, value: number, least: number): number {
  if (typeof value === "number" && value >= least) {
    return Math.min(value, MAX_TIME);
  }
  throw new RangeError(
    `Cannot use ${name} ${
      shown(value)
    }: it must be a number of ${least} or more`,
  );
}

function limit(name: string, value: number): number {
  if (value === Infinity || Number.isSafeInteger(value) && value > 0) {
    return value;
  }
  throw new RangeError(
    `Cannot use ${name} ${
      shown(value)
    }: it must be a whole number of 1 or more, or Infinity for none`,
  );
}
