import type { Broker } from "../broker.ts";
import { Receivers } from "./receivers.ts";
import { checkClient, type RedisPublisher } from "./redis.ts";

// Channels that are subscribed to in one go: arguments have a limit.
const PART = 1_000;

/** What is subscribed to Redis: ioredis and iovalkey are. */
export interface IORedisSubscriber {
  /**
   * `SUBSCRIBE`.
   *
   * @param channels The channels
   * @returns Fulfils with Redis's answer
   */
  subscribe(...channels: string[]): Promise<unknown>;
  /**
   * `UNSUBSCRIBE`.
   *
   * @param channels The channels
   * @returns Fulfils with Redis's answer
   */
  unsubscribe(...channels: string[]): Promise<unknown>;
  /**
   * Listens for messages and connections.
   *
   * @param event `"message"` or `"ready"`
   * @param listener Gets the channel and the message
   * @returns Whatever the client returns
   */
  on(
    event: "message" | "ready",
    listener: (channel: string, message: string) => void,
  ): unknown;
}

/**
 * Redis or Valkey, by ioredis or iovalkey. It takes two clients, one that
 * publishes and one that is subscribed, both the application's. The one that
 * publishes needs `enableOfflineQueue: false`, so that nothing is sent late, and
 * both an `"error"` listener. The one that is subscribed needs
 * `autoResubscribe: false`, as that is done here: what Redis refuses of it would
 * be an unhandled rejection, which ends the process.
 *
 * @param publisher The client that publishes
 * @param subscriber The client that is subscribed, and used for nothing else
 * @returns The broker
 * @throws {TypeError} If one of them has not the methods
 *
 * @example Usage
 * ```ts no-assert
 * import { Hub, ioredis } from "@silverback/websocket/pubsub";
 *
 * async function start(
 *   Redis: new (url: string, options?: object) => Parameters<typeof ioredis>[0] & Parameters<typeof ioredis>[1],
 * ): Promise<Hub> {
 *   const url = "redis://127.0.0.1:6379";
 *   const publisher = new Redis(url, { enableOfflineQueue: false });
 *   const subscriber = new Redis(url, { autoResubscribe: false });
 *   const hub = new Hub({ broker: ioredis(publisher, subscriber) });
 *   await hub.ready;
 *   return hub;
 * }
 * ```
 */
export function ioredis(
  publisher: RedisPublisher,
  subscriber: IORedisSubscriber,
): Broker {
  checkClient("ioredis()", publisher, "publish");
  checkClient("ioredis()", subscriber, "subscribe", "unsubscribe", "on");
  const receivers = new Receivers(
    (channel) => subscriber.subscribe(channel),
    (channel) => subscriber.unsubscribe(channel),
  );
  subscriber.on(
    "message",
    (channel, message) => receivers.message(channel, message),
  );
  // Where it subscribes again by itself, it tells nobody when that is done.
  subscriber.on("ready", () => {
    const channels = receivers.open;
    for (let i = 0; i < channels.length; i += PART) {
      again(channels.slice(i, i + PART));
    }
  });

  async function again(channels: string[]): Promise<void> {
    try {
      await subscriber.subscribe(...channels);
    } catch (error) {
      const isRefused = error instanceof Error && error.name === "ReplyError";
      if (isRefused && channels.length > 1) {
        // For one of them, Redis refuses all.
        for (const channel of channels) again([channel]);
      } else receivers.failed(error, channels); // it is gone again, say
      return;
    }
    receivers.interrupted(channels);
  }

  return {
    publish: (channel, message) => publisher.publish(channel, message),
    subscribe: (channel, receiver) => receivers.add(channel, receiver),
  };
}
