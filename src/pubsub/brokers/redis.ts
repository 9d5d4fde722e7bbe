import type { Broker } from "../broker.ts";
import { Receivers } from "./receivers.ts";

/** What publishes to Redis: node-redis and Bun's own client do. */
export interface RedisPublisher {
  /**
   * `PUBLISH`.
   *
   * @param channel The channel
   * @param message The message
   * @returns Fulfils with Redis's answer
   */
  publish(channel: string, message: string): Promise<unknown>;
}

/**
 * What is subscribed to Redis: node-redis and Bun's own client are. Such a
 * connection can do nothing else.
 */
export interface RedisSubscriber {
  /**
   * `SUBSCRIBE`.
   *
   * @param channel The channel
   * @param listener Gets the messages
   * @returns Fulfils with Redis's answer
   */
  subscribe(
    channel: string,
    listener: (message: string, channel: string) => void,
  ): Promise<unknown>;
  /**
   * `UNSUBSCRIBE`.
   *
   * @param channel The channel
   * @returns Fulfils with Redis's answer
   */
  unsubscribe(channel: string): Promise<unknown>;
}

// How they tell that they are connected again, and are made to be.
interface Connecting {
  on?: unknown;
  onconnect?: unknown;
  readonly connected?: unknown;
  connect?(): Promise<unknown>;
}

/**
 * Redis or Valkey, by node-redis or Bun's own client. It takes two clients, one
 * that publishes and one that is subscribed, both connected and both the
 * application's: to make, and to close behind the hub. node-redis needs an
 * `"error"` listener on each, and `disableOfflineQueue` on the one that
 * publishes, so that nothing is sent late.
 *
 * Bun's clients need `maxRetries: 1_000_000_000`: by default they give up half a
 * minute after Redis has gone. A `SUBSCRIBE` that Redis's rules refuse ends their
 * connection, so allow all channels with the hub's prefix. One that says it is not
 * connected is told to connect when it is used next. Of the subscriber the
 * `onconnect` is set; one that was there before is called as well.
 *
 * @param publisher The client that publishes
 * @param subscriber The client that is subscribed, and used for nothing else
 * @returns The broker
 * @throws {TypeError} If one of them has not the methods
 *
 * @example On Bun
 * ```ts no-assert
 * import { Hub, redis } from "@silverback/websocket/pubsub";
 *
 * async function start(
 *   RedisClient: new (url: string, options: object) => Parameters<typeof redis>[0] & Parameters<typeof redis>[1],
 * ): Promise<Hub> {
 *   const connect = () => new RedisClient("redis://127.0.0.1:6379", { maxRetries: 1_000_000_000 });
 *   const hub = new Hub({ broker: redis(connect(), connect()) });
 *   await hub.ready;
 *   return hub;
 * }
 * ```
 */
export function redis(
  publisher: RedisPublisher,
  subscriber: RedisSubscriber,
): Broker {
  checkClient("redis()", publisher, "publish");
  checkClient("redis()", subscriber, "subscribe", "unsubscribe");
  const listener = (message: string, channel: string) =>
    receivers.message(channel, message);
  const wakePublisher = waking(publisher);
  const wakeSubscriber = waking(subscriber);
  const receivers = new Receivers(
    (channel) => {
      wakeSubscriber();
      return subscriber.subscribe(channel, listener);
    },
    (channel) => subscriber.unsubscribe(channel),
  );
  const client = subscriber as Connecting;
  if (typeof client.on === "function") {
    // node-redis, which has subscribed again by then.
    client.on("ready", () => receivers.interrupted());
  } else {
    // Bun's client 1.4.5 is deaf when it has reconnected, though it says that it
    // is connected: Redis has to be asked again.
    const before = client.onconnect;
    client.onconnect = function (this: unknown, ...args: unknown[]) {
      againAll();
      if (typeof before === "function") before.apply(this, args);
    };
  }

  async function againAll(): Promise<void> {
    const refused: string[] = [];
    let reason: unknown;
    await Promise.all(receivers.open.map(async (channel) => {
      try {
        const left = subscriber.unsubscribe(channel);
        const joined = subscriber.subscribe(channel, listener);
        await Promise.all([left, joined]);
        receivers.interrupted([channel]);
      } catch (error) {
        reason ??= error;
        refused.push(channel);
      }
    }));
    // It is gone again, or is not allowed to any more: told once for all.
    receivers.failed(reason, refused);
  }

  return {
    publish(channel, message) {
      wakePublisher();
      return publisher.publish(channel, message);
    },
    subscribe: (channel, receiver) => receivers.add(channel, receiver),
  };
}

// Bun's client 1.4.5 gives up, in the end or at a refusal, and does not settle all
// that it was asked. Only who uses it next wants it back: it may have been closed.
function waking(one: RedisPublisher | RedisSubscriber): () => void {
  const client = one as Connecting;
  let connecting = false;
  return async () => {
    if (connecting || client.connected !== false) return;
    connecting = true;
    try {
      await client.connect?.();
    } catch {
      // So does what it was wanted for.
    } finally {
      connecting = false;
    }
  };
}

/** Throws unless a client has the methods. */
export function checkClient(
  what: string,
  client: unknown,
  ...methods: string[]
): void {
  const lacking = methods.find((name) =>
    typeof (client as Record<string, unknown> | null | undefined)?.[name] !==
      "function"
  );
  if (lacking === undefined) return;
  throw new TypeError(
    `Cannot use client for ${what}: it has no method ${lacking}`,
  );
}
